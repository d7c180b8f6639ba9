//! All cases, setups and requirements: read from a folder, or from what the program carries with it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use serde::Deserialize;

use super::diagnostic::{Diagnostic, Diagnostics};
use super::expand;
use super::matrix::slug;
use super::model::{self, Case, Setup};
use super::source::{Source, Span};
use super::trial::Trial;
use super::yaml;
use crate::judge::deviations::Deviations;
use crate::platform::Platform;

/// The folder of setups, within that of the cases.
const SETUPS: &str = "setups";
/// Folders that hold no cases.
const NO_CASES: [&str; 2] = [SETUPS, "deviations"];

/// Where cases are.
#[derive(Clone, Debug)]
pub enum Origin {
    /// A folder.
    Folder(PathBuf),
    /// Texts that the program carries with it, by path.
    Embedded(&'static [(&'static str, &'static str)]),
}

/// All cases and setups.
#[derive(Debug)]
pub struct Suite {
    /// The cases, sorted by id.
    pub cases: Vec<Arc<Case>>,
    setups: BTreeMap<String, Setup>,
    origin: Origin,
    requirements: OnceLock<Option<BTreeMap<String, Requirement>>>,
    check_covers: bool,
}

/// Something that a case can cover.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// Its id.
    pub id: String,
    /// Who asks for it.
    pub source: String,
    /// What it asks for.
    pub title: String,
    /// How it can be seen: `sockets`, `wire`, `raw`, `none`.
    #[serde(default)]
    pub observable: Vec<String>,
}

/// Why the cases cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file or folder cannot be read.
    #[error("cannot read {path}: {error}")]
    Io {
        /// Which one.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// What is wrong in the files.
    #[error("{} error(s) in the cases", .0.len())]
    Wrong(Vec<Diagnostic>),
}

impl Suite {
    /// Reads the cases whose path is wanted (`refused/closed-port`), and all setups.
    pub fn load(origin: &Origin, wanted: impl Fn(&str) -> bool) -> Result<Self, LoadError> {
        let mut suite = Self {
            cases: Vec::new(),
            setups: BTreeMap::new(),
            origin: origin.clone(),
            requirements: OnceLock::new(),
            check_covers: false,
        };
        let mut wrong = Vec::new();
        for source in sources(origin, wanted)? {
            let mut diagnostics = Diagnostics::new(Arc::clone(&source));
            if source.path.starts_with(SETUPS) {
                let name =
                    source.path.trim_start_matches(SETUPS).trim_start_matches('/').trim_end_matches(".yaml");
                if let Some(setup) = model::read_setup(&source, &mut diagnostics) {
                    suite.setups.insert(name.to_owned(), setup);
                }
            } else if let Some(case) = model::read_case(&source, &mut diagnostics) {
                suite.cases.push(Arc::new(case));
            }
            wrong.extend(diagnostics.finish());
        }
        suite.cases.sort_by(|a, b| a.id.cmp(&b.id));
        if wrong.is_empty() { Ok(suite) } else { Err(LoadError::Wrong(wrong)) }
    }

    /// The trials of all cases on a platform.
    pub fn trials(&self, platform: &Platform) -> Result<Vec<Trial>, LoadError> {
        let mut trials = Vec::new();
        let mut wrong: Vec<Diagnostic> = Vec::new();
        for case in &self.cases {
            let (mut of_case, found) = expand::trials(case, self, platform);
            trials.append(&mut of_case);
            wrong.extend(found);
        }
        if wrong.is_empty() { Ok(trials) } else { Err(LoadError::Wrong(wrong)) }
    }

    /// The setup of that name; the one with the link's variant behind its name where there is one.
    #[must_use]
    pub fn setup(&self, name: &str, variant: &str) -> Option<&Setup> {
        let name = slug(name);
        self.setups.get(&format!("{name}{variant}")).or_else(|| self.setups.get(&name))
    }

    /// The names of all setups.
    pub fn setup_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.setups.keys().map(String::as_str)
    }

    /// What the stand-in is known to do, if it is one and there is a file for it.
    pub fn deviations(&self, platform: &Platform) -> Result<Option<Deviations>, LoadError> {
        let stack = platform.stack.split(' ').next().unwrap_or_default();
        let path = format!("deviations/{stack}.yaml");
        let Some(text) = read_file(&self.origin, &path) else { return Ok(None) };
        Deviations::read(&text).map(Some).map_err(|error| {
            let source = source(&path, &text);
            let at = error.location().map_or(0, |at| at.index());
            let span = Span { start: at, end: at };
            let message = error.to_string();
            LoadError::Wrong(vec![Diagnostic { source, span, message, help: None, also: None }])
        })
    }

    /// What cases can cover. Only known to a check: a run does not read the file.
    #[must_use]
    pub fn requirements(&self) -> Option<&BTreeMap<String, Requirement>> {
        self.check_covers.then(|| self.read_requirements())?
    }

    /// What cases can cover; `None` if the file is not there.
    pub fn read_requirements(&self) -> Option<&BTreeMap<String, Requirement>> {
        let read = || {
            let text = read_file(&self.origin, "requirements.yaml")?;
            let list: Vec<Requirement> = serde_yaml::from_str(&text).ok()?;
            Some(list.into_iter().map(|requirement| (requirement.id.clone(), requirement)).collect())
        };
        self.requirements.get_or_init(read).as_ref()
    }
}

/// Checks every file of a folder, or one file of it, in one pass: the errors, and how many files were read.
pub fn check(origin: &Origin, wanted: impl Fn(&str) -> bool) -> Result<(Vec<Diagnostic>, usize), LoadError> {
    let mut found: Vec<Diagnostic> = Vec::new();
    let mut suite = Suite {
        cases: Vec::new(),
        setups: BTreeMap::new(),
        origin: origin.clone(),
        requirements: OnceLock::new(),
        check_covers: true,
    };
    let mut open: Vec<(Option<Arc<Case>>, Diagnostics)> = Vec::new();
    for source in sources(origin, wanted)? {
        let mut diagnostics = Diagnostics::new(Arc::clone(&source));
        let mut case = None;
        if source.path.starts_with(SETUPS) {
            let name =
                source.path.trim_start_matches(SETUPS).trim_start_matches('/').trim_end_matches(".yaml");
            if let Some(setup) = model::read_setup(&source, &mut diagnostics) {
                suite.setups.insert(name.to_owned(), setup);
            }
        } else {
            case = model::read_case(&source, &mut diagnostics).map(Arc::new);
        }
        open.push((case, diagnostics));
    }
    let files = open.len();
    for (name, setup) in &suite.setups {
        let mut diagnostics = Diagnostics::new(Arc::clone(&setup.source));
        let mut all = expand::check_setup(&Arc::new(setup.as_case(name)), &suite, &mut diagnostics);
        all.extend(diagnostics.finish());
        all.retain(|diagnostic| !found.contains(diagnostic));
        found.extend(all);
    }
    for (case, mut diagnostics) in open {
        if let Some(case) = case {
            for foreign in expand::check(&case, &suite, &mut diagnostics) {
                if !found.contains(&foreign) {
                    found.push(foreign);
                }
            }
        }
        found.extend(diagnostics.finish());
    }
    Ok((found, files))
}

fn sources(origin: &Origin, wanted: impl Fn(&str) -> bool) -> Result<Vec<Arc<Source>>, LoadError> {
    let wanted = |path: &str| {
        let folder = path.split('/').next().unwrap_or_default();
        let is_case = path.ends_with(".yaml") && path.contains('/') && !NO_CASES.contains(&folder);
        (is_case && wanted(path.trim_end_matches(".yaml"))) || (folder == SETUPS && path.ends_with(".yaml"))
    };
    match origin {
        Origin::Embedded(files) => {
            Ok(files.iter().filter(|(path, _)| wanted(path)).map(|(path, text)| source(path, text)).collect())
        }
        Origin::Folder(folder) => {
            let mut paths = Vec::new();
            list(folder, folder, &mut paths)?;
            paths.sort();
            let read = |path: &String| {
                let full = folder.join(path);
                let bytes = fs::read(&full).map_err(|error| io_error(&full, error))?;
                Ok(text(path, bytes))
            };
            let read: Result<Vec<_>, LoadError> =
                paths.iter().filter(|path| wanted(path)).map(read).collect();
            let mut sources = Vec::new();
            let mut wrong = Vec::new();
            for file in read? {
                match file {
                    Ok(source) => sources.push(source),
                    Err(diagnostic) => wrong.push(diagnostic),
                }
            }
            if wrong.is_empty() { Ok(sources) } else { Err(LoadError::Wrong(wrong)) }
        }
    }
}

/// Every file below a folder, by its path with forward slashes.
fn list(root: &Path, folder: &Path, paths: &mut Vec<String>) -> Result<(), LoadError> {
    for entry in fs::read_dir(folder).map_err(|error| io_error(folder, error))? {
        let entry = entry.map_err(|error| io_error(folder, error))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(|error| io_error(&path, error))?;
        if kind.is_dir() {
            list(root, &path, paths)?;
        } else if let Ok(relative) = path.strip_prefix(root) {
            let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
            paths.push(parts.join("/"));
        }
    }
    Ok(())
}

fn io_error(path: &Path, error: io::Error) -> LoadError {
    LoadError::Io { path: path.display().to_string(), error }
}

fn source(path: &str, text: &str) -> Arc<Source> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    Arc::new(Source { path: path.to_owned(), text: text.to_owned() })
}

fn text(path: &str, bytes: Vec<u8>) -> Result<Arc<Source>, Diagnostic> {
    if bytes.len() > yaml::LARGEST {
        return Err(whole_file(
            path,
            format!("the file has {} bytes; {} are allowed", bytes.len(), yaml::LARGEST),
        ));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(source(path, &text)),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            Err(whole_file(path, format!("this is no UTF-8 text: byte {at} is wrong")))
        }
    }
}

fn whole_file(path: &str, message: String) -> Diagnostic {
    Diagnostic { source: source(path, ""), span: Span::default(), message, help: None, also: None }
}

fn read_file(origin: &Origin, path: &str) -> Option<String> {
    match origin {
        Origin::Folder(folder) => fs::read_to_string(folder.join(path)).ok(),
        Origin::Embedded(files) => files.iter().find(|(p, _)| *p == path).map(|(_, text)| (*text).to_owned()),
    }
}
