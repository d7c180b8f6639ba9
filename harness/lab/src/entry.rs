//! An entry: one stack, as its YAML file describes it. harness/lab/README.md explains the format to authors.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use sockspec_harness::case::read::parse_duration;
use sockspec_harness::platform::Platform;
use sockspec_harness::platform::selector::Selector;

use crate::error::Error;

/// One stack.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The file's name without `.yaml`.
    #[serde(skip)]
    pub name: String,
    /// The folder of the file, in which scripts and inputs are.
    #[serde(skip)]
    pub folder: PathBuf,
    /// What it is, in one line.
    pub title: String,
    /// What it must prove to be before anything it says counts.
    pub proof: Proof,
    /// Commands that the machine must have.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Only root can start it.
    #[serde(default)]
    pub root: bool,
    /// All of it runs on one processor. A stack that is a process and its children, of which only one ever runs, is
    /// several times as fast where waking the next one wakes no other processor.
    #[serde(default)]
    pub one_processor: bool,
    /// How it is made, in the cache.
    #[serde(default)]
    pub prepare: Prepare,
    /// The command that starts it, with its words in which `$prepared`, `$lab`, `$job`, `$out` and `$temp` stand for
    /// paths, and the word `$suite` for the suite's own command.
    pub start: Vec<String>,
    /// Arguments of the suite, in front of the user's.
    #[serde(default)]
    pub suite: Vec<String>,
    /// Variables that the stack and the suite in it are started with.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// How long a run may take, by the clock outside.
    #[serde(deserialize_with = "duration")]
    pub limit: Duration,
}

/// What a stack must prove to be: by what `sockspec platform` knows inside.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// A selector, as in cases: `linux >= 6.1 < 6.2`.
    pub platform: String,
    /// `native`, or what stands in for the system.
    #[serde(default = "native")]
    pub stack: String,
    /// What must be offered.
    #[serde(default)]
    pub offers: Vec<String>,
    /// What must *not* be offered; a stack that does by accident is another.
    #[serde(default)]
    pub lacks: Vec<String>,
}

/// How a stack is made.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Prepare {
    /// Debian packages that are fetched and unpacked, without touching the system: `$prepared` has a folder for each
    /// suite.
    #[serde(default)]
    pub packages: Vec<Packages>,
    /// A script beside the entry. It is started with sh in a work folder that outlives failures; see the README.
    #[serde(default)]
    pub script: Option<String>,
    /// Files beside the entry that the script reads.
    #[serde(default)]
    pub inputs: Vec<String>,
    /// Variables of the script.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
}

/// Packages of one of Debian's suites.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Packages {
    /// `bookworm`, `sid`
    pub suite: String,
    /// Their names.
    pub names: Vec<String>,
    /// Whether they are of use only while preparing, and so not kept.
    #[serde(default)]
    pub temporary: bool,
}

impl Entry {
    /// Reads one file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path).map_err(Error::path(path))?;
        let entry = Self::parse(&text, path)?;
        for file in entry.prepare.script.iter().chain(&entry.prepare.inputs) {
            let there = entry.folder.join(file);
            if !there.is_file() {
                return Err(Error::Usage(format!(
                    "{}: there is no file {}",
                    path.display(),
                    there.display()
                )));
            }
        }
        Ok(entry)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        let wrong = |what: String| Error::Usage(format!("{}: {what}", path.display()));
        // The message has line and column.
        let mut entry: Self = serde_yaml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        Selector::parse(&entry.proof.platform).map_err(|error| wrong(format!("proof.platform: {error}")))?;
        if entry.start.is_empty() {
            return Err(wrong("`start` has no command".to_owned()));
        }
        let starts = |word: &&str| entry.start.iter().any(|part| part.contains(*word));
        if !["$suite", "$job", "$lab"].iter().any(starts) {
            return Err(wrong(
                "`start` never starts the suite: it has none of $suite, $job, $lab".to_owned(),
            ));
        }
        entry.name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        entry.folder = path.parent().map(Path::to_owned).unwrap_or_default();
        Ok(entry)
    }
}

impl Proof {
    /// What of it does not hold for a platform.
    pub fn check(&self, platform: &Platform) -> Result<(), String> {
        let is = format!("{} {}, stack {}", platform.os, platform.version_text, platform.stack);
        let fits = Selector::parse(&self.platform).is_ok_and(|selector| selector.matches(platform));
        // The stack of a stand-in has its version behind its name.
        let stack = platform.stack.split(' ').next().unwrap_or_default();
        if !fits || stack != self.stack {
            return Err(format!("it claims to be {}, stack {}, and is {is}", self.platform, self.stack));
        }
        if let Some(offer) = self.offers.iter().find(|offer| !platform.offers.contains(*offer)) {
            let why = platform.missing.get(offer).map_or(String::new(), |why| format!(": {why}"));
            return Err(format!("it must offer `{offer}` and does not{why}"));
        }
        match self.lacks.iter().find(|offer| platform.offers.contains(*offer)) {
            Some(offer) => Err(format!("it must not offer `{offer}` and does")),
            None => Ok(()),
        }
    }
}

/// All entries of a folder, by name.
pub fn all(folder: &Path) -> Result<Vec<Entry>, Error> {
    let mut entries = Vec::new();
    for file in fs::read_dir(folder).map_err(Error::path(folder))? {
        let path = file.map_err(Error::path(folder))?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            entries.push(Entry::read(&path)?);
        }
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// The named ones, in the order of the names; `all` names every one.
pub fn named(folder: &Path, names: &[String]) -> Result<Vec<Entry>, Error> {
    let entries = all(folder)?;
    if names.iter().any(|name| name == "all") {
        return Ok(entries);
    }
    let find = |name: &String| {
        entries.iter().find(|entry| entry.name == *name).cloned().ok_or_else(|| {
            let known: Vec<_> = entries.iter().map(|entry| entry.name.as_str()).collect();
            Error::Usage(format!(
                "there is no entry `{name}`; known are: {}, all; what is for the suite stands behind `--`",
                known.join(", ")
            ))
        })
    };
    names.iter().map(find).collect()
}

fn native() -> String {
    "native".to_owned()
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text)
        .ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no time; write 90s or 5min")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "
title: A stack
proof: {platform: linux >= 6.1 < 6.2}
start: [$prepared/linux, init=$lab]
limit: 2min
";

    fn parse(text: &str) -> Result<Entry, String> {
        Entry::parse(text, Path::new("some/place/stack.yaml")).map_err(|error| error.to_string())
    }

    #[test]
    fn an_entry_has_the_name_of_its_file() {
        let entry = parse(GOOD).unwrap();
        assert_eq!((entry.name.as_str(), entry.folder.as_path()), ("stack", Path::new("some/place")));
        assert_eq!(entry.limit, Duration::from_secs(120));
        assert_eq!(entry.proof.stack, "native");
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        for (from, to, text) in [
            ("limit: 2min", "limit: 2", "`2` is no time; write 90s or 5min"),
            ("title", "tilte", "unknown field `tilte`"),
            ("linux >= 6.1", "lunix", "proof.platform: "),
            ("init=$lab", "init=/bin/true", "`start` never starts the suite"),
            ("[$prepared/linux, init=$lab]", "[]", "`start` has no command"),
        ] {
            let error = parse(&GOOD.replace(from, to)).unwrap_err();
            assert!(error.starts_with("some/place/stack.yaml: ") && error.contains(text), "{error}");
        }
        assert!(parse(&GOOD.replace("title", "tilte")).unwrap_err().contains("line 2"));
    }

    #[test]
    fn every_entry_of_the_lab_can_be_read() {
        let entries = all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("entries")).unwrap();
        assert!(entries.iter().any(|entry| entry.name == "linux-virtual"));
    }
}
