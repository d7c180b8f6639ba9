//! `sockspec check`: what is wrong in cases, and with `--mutate` what in them asserts nothing.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sockspec_harness::case::source::Place;
use sockspec_harness::case::suite::{self, Checked, Origin, Suite};
use sockspec_harness::host::loopback::Network;
use sockspec_harness::judge::mutate::{Survivor, survivors};
use sockspec_harness::platform::Platform;
use sockspec_harness::record::Record;
use sockspec_harness::run;

use crate::cases;
use crate::cli::Common;
use crate::error::Error;
use crate::evidence::read;
use crate::exit::Exit;
use crate::jobs;

/// Checks a file or a folder; without a path all cases.
pub fn check(path: Option<&Path>, common: &Common, colour: bool, out: &mut dyn Write) -> Result<Exit, Error> {
    let (origin, only) = place(path, common)?;
    let wanted = |case: &str| only.as_deref().is_none_or(|only| is_meant(case, only));
    let (found, Checked { cases: checked, setups }) =
        suite::check(&origin, wanted).map_err(|error| cases::error(&error, colour))?;
    let read = format!("{} and {}", counted(checked, "case"), counted(setups, "setup"));
    if !found.is_empty() {
        writeln!(out, "{}\n", cases::render(&found, colour)).map_err(stdout)?;
        writeln!(out, "{} in {read}", counted(found.len(), "error")).map_err(stdout)?;
        return Ok(Exit::Wrong);
    }
    if checked + setups == 0 {
        return Err(Error::Usage("there are no cases".to_owned()));
    }
    writeln!(out, "{read}: nothing wrong").map_err(stdout)?;
    Ok(Exit::AsRecorded)
}

fn counted(n: usize, thing: &str) -> String {
    format!("{n} {thing}{}", if n == 1 { "" } else { "s" })
}

/// Runs the cases once and judges each record against every expectation changed.
pub fn mutate(
    path: Option<&Path>,
    common: &Common,
    network: &Network,
    out: &mut dyn Write,
) -> Result<Exit, Error> {
    let stored = path.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let stored = stored.map(read_results).transpose()?;
    let (origin, only) = place(path.filter(|_| stored.is_none()), common)?;
    let wanted = |case: &str| only.as_deref().is_none_or(|only| is_meant(case, only));
    let wrong = |error| cases::error(&error, false);
    let suite = Suite::load(&origin, wanted).map_err(wrong)?;
    let link = jobs::link(network)?;
    // What was run elsewhere is judged as there.
    let platform = stored.as_ref().map_or(link.platform().as_ref(), |stored| &stored.platform);
    let trials = suite.trials(platform).map_err(wrong)?;
    let (mut tried, mut ran, mut skipped) = (0, 0, 0);
    let mut all: Vec<Survivor> = Vec::new();
    for trial in &trials {
        if trial.skip.is_some() || (trial.case.slow && stored.is_none()) {
            skipped += 1;
            continue;
        }
        let record = match &stored {
            Some(stored) => stored.records.get(&trial.id).cloned(),
            None => run::run(trial, link.as_ref()).ok(),
        };
        match record {
            Some(record) => {
                let (changes, found) = survivors(trial, &record);
                (tried, ran) = (tried + changes, ran + 1);
                all.extend(found);
            }
            None => skipped += 1,
        }
    }
    for survivor in &all {
        writeln!(
            out,
            "{}: {}: {}\n    {}: the change goes unnoticed",
            position(&survivor.place),
            survivor.trial,
            survivor.step,
            survivor.change
        )
        .map_err(stdout)?;
    }
    writeln!(
        out,
        "{tried} changed expectations in {ran} trials, {} unnoticed; {skipped} trials were not run",
        all.len()
    )
    .map_err(stdout)?;
    Ok(match (all.is_empty(), ran) {
        (_, 0) => Exit::Broken,
        (true, _) => Exit::AsRecorded,
        (false, _) => Exit::NotAsRecorded,
    })
}

/// A run.
struct Stored {
    platform: Platform,
    /// By trial. One that was not run has none.
    records: BTreeMap<String, Record>,
}

fn read_results(path: &Path) -> Result<Stored, Error> {
    let results = read::run(path)?;
    let ran = results.trials.into_iter().filter(|trial| !trial.record.steps.is_empty());
    let records = ran.map(|trial| (trial.id, trial.record)).collect();
    Ok(Stored { platform: results.platform, records })
}

/// Whether a case is the one that was named, or one of the family.
fn is_meant(case: &str, only: &str) -> bool {
    case == only || (only.ends_with('/') && case.starts_with(only))
}

fn position(place: &Place) -> String {
    let (line, column) = place.line_column();
    format!("{}:{line}:{column}", place.source.path)
}

/// The folder of cases that a path belongs to, and the case if it is one file. A case lies in the folder of its family,
/// which lies in the folder of cases.
fn place(path: Option<&Path>, common: &Common) -> Result<(Origin, Option<String>), Error> {
    let Some(path) = path else { return Ok((cases::origin(common), None)) };
    if path.is_dir() {
        let whole =
            path.canonicalize().map_err(|error| Error::Usage(format!("{}: {error}", path.display())))?;
        // A family lies in the folder of cases, beside the setups.
        return Ok(match (whole.parent(), whole.file_name()) {
            (Some(root), Some(family)) if root.join("setups").is_dir() => {
                (Origin::Folder(root.to_path_buf()), Some(format!("{}/", family.to_string_lossy())))
            }
            _ => (Origin::Folder(whole), None),
        });
    }
    if !path.is_file() {
        return Err(Error::Usage(format!("there is no file or folder {}", path.display())));
    }
    let whole = path.canonicalize().map_err(|error| Error::Usage(format!("{}: {error}", path.display())))?;
    let (Some(family), Some(root)) = (whole.parent(), whole.parent().and_then(Path::parent)) else {
        return Err(Error::Usage(format!("{} is no case: cases lie in <family>/", path.display())));
    };
    let name =
        |path: &Path| path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let folder = family.file_name().map(PathBuf::from).unwrap_or_default();
    Ok((Origin::Folder(root.to_path_buf()), Some(format!("{}/{}", folder.display(), name(&whole)))))
}

fn stdout(error: io::Error) -> Error {
    Error::Stdout(error.to_string())
}
