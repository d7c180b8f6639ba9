//! Reading evidence: a folder of `reports/observed/`, its file, or the results of a run.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use sockspec_harness::case::suite::Suite;
use sockspec_harness::results::{self, Results};

use super::distil;
use super::observed::{self, Observed};
use crate::cases;
use crate::error::Error;
use crate::report::junit::label;

/// The file of results, in a folder of its own.
const FILE: &str = "results.json";

/// Which of the two formats a file has.
#[derive(Deserialize)]
struct Which {
    observed: Option<u32>,
    format: Option<u32>,
}

/// Reads the results of a run.
pub fn run(path: &Path) -> Result<Results, Error> {
    let (path, text) = text(path)?;
    let found = which(&path, &text)?;
    if found.observed.is_some() {
        let path = path.display();
        return Err(Error::Usage(format!(
            "{path} is what was kept of a run; here the results of a run are needed, such as \
             reports/latest/results.json"
        )));
    }
    parse(&path, &text)
}

/// Reads what was kept of a run, or distils it from the results of one.
pub fn either(path: &Path, suite: &Suite) -> Result<Observed, Error> {
    let (path, text) = text(path)?;
    if which(&path, &text)?.observed.is_some() {
        return parse(&path, &text);
    }
    let results: Results = parse(&path, &text)?;
    let trials = suite.trials(&results.platform).map_err(|error| cases::error(&error, false))?;
    Ok(distil::distil(&results, &trials, &label(&results.platform), ""))
}

/// Reads everything below a folder of platforms, by name. No folder is no evidence.
pub fn all(folder: &Path) -> Result<Vec<Observed>, Error> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path().join(FILE)).collect();
    paths.retain(|path| path.is_file());
    paths.sort();
    let read = |path: &PathBuf| {
        let (path, text) = text(path)?;
        which(&path, &text)?;
        parse(&path, &text)
    };
    paths.iter().map(read).collect()
}

fn text(path: &Path) -> Result<(PathBuf, String), Error> {
    let path = if path.is_dir() { path.join(FILE) } else { path.to_owned() };
    match fs::read_to_string(&path) {
        Ok(text) => Ok((path, text)),
        Err(error) => Err(Error::Usage(format!("cannot read {}: {error}", path.display()))),
    }
}

/// Tells the formats apart, and those of another version from what can be read here.
fn which(path: &Path, text: &str) -> Result<Which, Error> {
    let found: Which = parse(path, text)?;
    let (version, known) = match (found.observed, found.format) {
        (Some(version), _) => (version, observed::FORMAT),
        (None, Some(version)) => (version, results::FORMAT),
        (None, None) => {
            let path = path.display();
            return Err(Error::Usage(format!(
                "{path} has neither the results of a run nor what was kept of one"
            )));
        }
    };
    if version == known {
        return Ok(found);
    }
    Err(Error::Usage(format!("{} has format {version}; this sockspec reads format {known}", path.display())))
}

fn parse<T: for<'de> Deserialize<'de>>(path: &Path, text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| Error::Usage(format!("{}: {error}", path.display())))
}
