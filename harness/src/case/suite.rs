//! All cases, setups and requirements: read from a folder, or from what the program carries with it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use serde::Deserialize;

use super::answers::CellAnswers;
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
    /// The cases whose files can be read, sorted by id.
    pub cases: Vec<Arc<Case>>,
    /// The others.
    pub wrong: Vec<WrongCase>,
    setups: BTreeMap<String, Setup>,
    wrong_setups: BTreeMap<String, Vec<Diagnostic>>,
    origin: Origin,
    requirements: OnceLock<Option<BTreeMap<String, Requirement>>>,
    check_covers: bool,
}

/// A case, and what it says about every platform.
pub type Answers = (Arc<Case>, Vec<CellAnswers>);

/// A file that gives no trials, because something in it, or in a setup that it uses, is wrong.
#[derive(Clone, Debug)]
pub struct WrongCase {
    /// The id that the case has by its path.
    pub id: String,
    /// What is wrong; never empty.
    pub found: Vec<Diagnostic>,
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
    #[error("mistakes in the cases: {}", .0.len())]
    Wrong(Vec<Diagnostic>),
}

impl Suite {
    /// Reads the cases whose path is wanted (`refused/closed-port`), and all setups. A file that is wrong stops none of
    /// the others.
    pub fn load(origin: &Origin, wanted: impl Fn(&str) -> bool) -> Result<Self, LoadError> {
        let mut suite = Self::empty(origin, false);
        for file in files(origin, wanted)? {
            let source = match file.text {
                Ok(source) => source,
                Err(diagnostic) => {
                    suite.set_aside(&file.path, vec![diagnostic]);
                    continue;
                }
            };
            let mut diagnostics = Diagnostics::new(Arc::clone(&source));
            match setup_name(&file.path) {
                Some(name) => {
                    let setup = model::read_setup(&source, &mut diagnostics);
                    suite.setups.extend(setup.map(|setup| (name.to_owned(), setup)));
                }
                None => suite.cases.extend(model::read_case(&source, &mut diagnostics).map(Arc::new)),
            }
            let found = diagnostics.finish();
            if !found.is_empty() {
                suite.set_aside(&file.path, found);
            }
        }
        suite.cases.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(suite)
    }

    fn empty(origin: &Origin, check_covers: bool) -> Self {
        Self {
            cases: Vec::new(),
            wrong: Vec::new(),
            setups: BTreeMap::new(),
            wrong_setups: BTreeMap::new(),
            origin: origin.clone(),
            requirements: OnceLock::new(),
            check_covers,
        }
    }

    /// Takes a file out of what can be used.
    fn set_aside(&mut self, path: &str, found: Vec<Diagnostic>) {
        match setup_name(path) {
            Some(name) => {
                self.setups.remove(name);
                self.wrong_setups.insert(name.to_owned(), found);
            }
            None => {
                let id = path.trim_end_matches(".yaml").to_owned();
                self.cases.retain(|case| case.id != id);
                self.wrong.push(WrongCase { id, found });
            }
        }
    }

    /// Takes note of a setup that is there and cannot be read. What is wrong in it is said at its own place.
    fn miss(&mut self, path: &str) {
        if let Some(name) = setup_name(path) {
            self.wrong_setups.insert(name.to_owned(), Vec::new());
        }
    }

    /// The trials of all cases on a platform; an error if anything is wrong with one of them.
    pub fn trials(&self, platform: &Platform) -> Result<Vec<Trial>, LoadError> {
        let (trials, wrong) = self.usable_trials(platform);
        if wrong.is_empty() {
            return Ok(trials);
        }
        let mut all: Vec<Diagnostic> = Vec::new();
        for diagnostic in wrong.into_iter().flat_map(|case| case.found) {
            // A setup that is wrong is so for each case that uses it.
            if !all.contains(&diagnostic) {
                all.push(diagnostic);
            }
        }
        Err(LoadError::Wrong(all))
    }

    /// The trials of those cases with which nothing is wrong, and the other cases.
    #[must_use]
    pub fn usable_trials(&self, platform: &Platform) -> (Vec<Trial>, Vec<WrongCase>) {
        let mut trials = Vec::new();
        let wrong = self.visit_trials(platform, |trial| trials.push(trial));
        (trials, wrong)
    }

    /// The same, one after the other: all of them at once are large.
    pub fn visit_trials(&self, platform: &Platform, mut visit: impl FnMut(Trial)) -> Vec<WrongCase> {
        let mut wrong = self.wrong.clone();
        for case in &self.cases {
            let (of_case, found) = expand::trials(case, self, platform);
            if found.is_empty() {
                of_case.into_iter().for_each(&mut visit);
            } else {
                wrong.push(WrongCase { id: case.id.clone(), found });
            }
        }
        wrong
    }

    /// One of the trials again, by its case and [`Trial::cell`].
    #[must_use]
    pub fn trial(&self, case: &Arc<Case>, cell: usize, platform: &Platform) -> Option<Trial> {
        expand::trial(case, self, platform, cell)
    }

    /// What each case says about every platform, and the cases that are wrong.
    #[must_use]
    pub fn answers(&self) -> (Vec<Answers>, Vec<WrongCase>) {
        let mut answers = Vec::new();
        let mut wrong = self.wrong.clone();
        for case in &self.cases {
            let (of_case, found) = expand::answers(case, self);
            if found.is_empty() {
                answers.push((Arc::clone(case), of_case));
            } else {
                wrong.push(WrongCase { id: case.id.clone(), found });
            }
        }
        (answers, wrong)
    }

    /// What is wrong with the setup of that name, if it is there and cannot be used.
    #[must_use]
    pub fn wrong_setup(&self, name: &str, variant: &str) -> Option<&[Diagnostic]> {
        let name = slug(name);
        let found = self.wrong_setups.get(&format!("{name}{variant}"));
        found.or_else(|| self.wrong_setups.get(&name)).map(Vec::as_slice)
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

    /// The text of the file of that stand-in's deviations, if there is one.
    #[must_use]
    pub fn deviations_text(&self, path: &str) -> Option<String> {
        read_file(&self.origin, path)
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

/// What [`check`] has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Files of cases.
    pub cases: usize,
    /// Files of setups, which are read for every case.
    pub setups: usize,
}

/// Checks every case of a folder that is wanted, and all setups, in one pass: the errors, and what was read.
pub fn check(
    origin: &Origin,
    wanted: impl Fn(&str) -> bool,
) -> Result<(Vec<Diagnostic>, Checked), LoadError> {
    let mut found: Vec<Diagnostic> = Vec::new();
    let mut suite = Suite::empty(origin, true);
    let mut open: Vec<(Option<Arc<Case>>, Diagnostics)> = Vec::new();
    let files = files(origin, wanted)?;
    let setups = files.iter().filter(|file| setup_name(&file.path).is_some()).count();
    let checked = Checked { cases: files.len() - setups, setups };
    for file in files {
        let source = match file.text {
            Ok(source) => source,
            Err(diagnostic) => {
                suite.miss(&file.path);
                found.push(diagnostic);
                continue;
            }
        };
        let mut diagnostics = Diagnostics::new(Arc::clone(&source));
        let mut case = None;
        match setup_name(&file.path) {
            Some(name) => match model::read_setup(&source, &mut diagnostics) {
                Some(setup) => drop(suite.setups.insert(name.to_owned(), setup)),
                None => suite.miss(&file.path),
            },
            None => case = model::read_case(&source, &mut diagnostics).map(Arc::new),
        }
        open.push((case, diagnostics));
    }
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
    Ok((found, checked))
}

/// A file of cases or setups, or why its text is none.
struct File {
    /// Relative to the folder of cases, with forward slashes.
    path: String,
    text: Result<Arc<Source>, Diagnostic>,
}

/// The name of the setup that a file holds, if it is one.
fn setup_name(path: &str) -> Option<&str> {
    path.strip_prefix(SETUPS)?.strip_prefix('/')?.strip_suffix(".yaml")
}

fn files(origin: &Origin, wanted: impl Fn(&str) -> bool) -> Result<Vec<File>, LoadError> {
    let wanted = |path: &str| {
        let folder = path.split('/').next().unwrap_or_default();
        let is_case = path.ends_with(".yaml") && path.contains('/') && !NO_CASES.contains(&folder);
        (is_case && wanted(path.trim_end_matches(".yaml"))) || setup_name(path).is_some()
    };
    match origin {
        Origin::Embedded(files) => {
            let files = files.iter().filter(|(path, _)| wanted(path));
            Ok(files
                .map(|(path, text)| File { path: (*path).to_owned(), text: Ok(source(path, text)) })
                .collect())
        }
        Origin::Folder(folder) => {
            let mut paths = Vec::new();
            list(folder, folder, &mut paths)?;
            paths.sort();
            paths.retain(|path| wanted(path));
            let read = |path: String| {
                let full = folder.join(&path);
                let bytes = fs::read(&full).map_err(|error| io_error(&full, error))?;
                Ok(File { text: text(&path, bytes), path })
            };
            paths.into_iter().map(read).collect()
        }
    }
}

/// Every file of a folder and of its own folders, by its path with forward slashes: cases lie no deeper.
fn list(root: &Path, folder: &Path, paths: &mut Vec<String>) -> Result<(), LoadError> {
    for entry in fs::read_dir(folder).map_err(|error| io_error(folder, error))? {
        let entry = entry.map_err(|error| io_error(folder, error))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(|error| io_error(&path, error))?;
        if kind.is_dir() {
            if folder == root {
                list(root, &path, paths)?;
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::{Os, sample};

    const GOOD: &str = "title: T\ncovers: [T25]\nsteps:\n  - setup: made\n  - close: client\n";
    const PLAIN: &str = "title: T\ncovers: [T25]\nsteps:\n  - socket: client\n";
    const SETUP: &str = "title: S\nsteps:\n  - socket: client\n";

    fn load(files: &'static [(&'static str, &'static str)]) -> Suite {
        Suite::load(&Origin::Embedded(files), |_| true).unwrap()
    }

    #[test]
    fn a_wrong_case_stops_no_other() {
        const FILES: &[(&str, &str)] = &[
            ("a/broken.yaml", "title: [\n"),
            ("a/good.yaml", GOOD),
            ("a/unknown.yaml", "title: T\ncovers: [T25]\nsteps:\n  - clothe: client\n"),
            ("b/keyless.yaml", "titel: T\ncovers: [T25]\nsteps:\n  - socket: client\n"),
            ("setups/made.yaml", SETUP),
        ];
        let suite = load(FILES);
        let platform = sample(Os::Linux);
        let (trials, wrong) = suite.usable_trials(&platform);
        let ids: Vec<_> = trials.iter().map(|trial| trial.id.as_str()).collect();
        assert_eq!(ids, ["a/good"]);
        let wrong: Vec<_> = wrong.iter().map(|case| case.id.as_str()).collect();
        assert_eq!(wrong, ["a/broken", "b/keyless", "a/unknown"]);
        assert!(matches!(suite.trials(&platform), Err(LoadError::Wrong(found)) if found.len() >= 3));
    }

    #[test]
    fn a_wrong_setup_is_wrong_for_those_who_use_it() {
        const FILES: &[(&str, &str)] =
            &[("a/plain.yaml", PLAIN), ("a/user.yaml", GOOD), ("setups/made.yaml", "title: [\n")];
        let (trials, wrong) = load(FILES).usable_trials(&sample(Os::Linux));
        assert_eq!((trials.len(), trials[0].id.as_str()), (1, "a/plain"));
        assert_eq!((wrong.len(), wrong[0].id.as_str()), (1, "a/user"));
        let places: Vec<_> = wrong[0].found.iter().map(|found| found.source.path.as_str()).collect();
        assert_eq!(places, ["setups/made.yaml"], "the case that uses it says nothing of its own");
        let (found, checked) = check(&Origin::Embedded(FILES), |_| true).unwrap();
        assert_eq!((found.len(), checked), (1, Checked { cases: 2, setups: 1 }));
    }
}
