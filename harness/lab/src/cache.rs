//! The cache: where prepared stacks are, and the key by which one is known to be what its entry describes.
//!
//! A stack's folder is `NAME-KEY`. The key is made from the content of everything that it is made from, so that a
//! changed entry, script or input makes another one, and a checkout elsewhere the same one. It is made in
//! `NAME-KEY.new`, which outlives failures, and renamed when it is whole.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::entry::{Entry, Prepare};
use crate::error::Error;

/// A new number when the lab makes something else of the same entry.
const RECIPE: u32 = 1;

/// The cache's folder.
#[derive(Clone, Debug)]
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    /// `$XDG_CACHE_HOME/sockspec/lab`, or in `~/.cache`.
    pub fn find() -> Result<Self, Error> {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        // As the specification of these folders asks, one that is not absolute is not taken.
        let base = set("XDG_CACHE_HOME")
            .filter(|path| path.is_absolute())
            .or_else(|| set("HOME").map(|home| home.join(".cache")))
            .ok_or_else(|| {
                Error::Usage("neither XDG_CACHE_HOME nor HOME says where a cache may be".to_owned())
            })?;
        Ok(Self { root: base.join("sockspec/lab") })
    }

    /// The cache in that folder.
    #[must_use]
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Where an entry's stack is, or will be.
    pub fn folder(&self, entry: &Entry) -> Result<PathBuf, Error> {
        Ok(self.root.join(format!("{}-{}", entry.name, key(entry)?)))
    }

    /// Where it is made.
    pub fn beside(&self, entry: &Entry) -> Result<PathBuf, Error> {
        Ok(self.root.join(format!("{}-{}.new", entry.name, key(entry)?)))
    }

    /// Whether it is there as a whole.
    pub fn has(&self, entry: &Entry) -> Result<bool, Error> {
        Ok(entry.prepare.is_nothing() || self.folder(entry)?.is_dir())
    }

    /// What earlier versions of an entry have left: folders of the same name with another key.
    pub fn older(&self, entry: &Entry) -> Result<Vec<PathBuf>, Error> {
        let keep = self.folder(entry)?;
        let Ok(files) = fs::read_dir(&self.root) else { return Ok(Vec::new()) };
        let is_older = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let key = name.strip_prefix(&entry.name).and_then(|rest| rest.strip_prefix('-'));
            let key = key.map(|key| key.strip_suffix(".new").unwrap_or(key));
            *path != keep
                && key.is_some_and(|key| key.len() == KEY && key.chars().all(|c| c.is_ascii_hexdigit()))
        };
        Ok(files.flatten().map(|file| file.path()).filter(is_older).collect())
    }

    /// Lists and packages of one of Debian's suites.
    #[must_use]
    pub fn apt(&self, suite: &str) -> PathBuf {
        self.root.join("apt").join(suite)
    }

    /// Waits for other runs that make the same thing; they are let in when the result is dropped.
    pub fn only_one(&self, name: &str) -> Result<File, Error> {
        fs::create_dir_all(&self.root).map_err(Error::path(&self.root))?;
        let path = self.root.join(format!("{name}.lock"));
        let file = File::create(&path).map_err(Error::path(&path))?;
        file.lock().map_err(Error::path(&path))?;
        Ok(file)
    }

    /// A new folder for one run, on the file system of the cache.
    pub fn temporary(&self, name: &str) -> Result<Temporary, Error> {
        let runs = self.root.join("runs");
        remove_left(&runs);
        let path = runs.join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&path).map_err(Error::path(&path))?;
        Ok(Temporary(path))
    }
}

/// Removes the folders of runs that were killed: those whose names end in the number of no process, or in our own.
fn remove_left(runs: &Path) {
    let Ok(files) = fs::read_dir(runs) else { return };
    for path in files.flatten().map(|file| file.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(process) = name.rsplit('-').next().and_then(|number| number.parse::<u32>().ok()) else {
            continue;
        };
        if process == std::process::id() || !Path::new("/proc").join(process.to_string()).exists() {
            // What cannot be removed now is tried again by the next run.
            let _ = fs::remove_dir_all(path);
        }
    }
}

/// A folder that is gone when this is dropped.
#[derive(Debug)]
pub struct Temporary(PathBuf);

impl Temporary {
    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // What cannot be removed is tried again by the next run.
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Prepare {
    /// Whether there is nothing to make.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.packages.is_empty() && self.script.is_none()
    }
}

/// How many characters a key has.
const KEY: usize = 12;

/// What a stack is made from.
#[derive(Serialize)]
struct Made<'a> {
    recipe: u32,
    machine: &'static str,
    prepare: &'a Prepare,
    /// Name and content of the script and of its inputs.
    files: Vec<(&'a str, Vec<u8>)>,
}

/// The key of an entry's stack.
fn key(entry: &Entry) -> Result<String, Error> {
    let content = |file: &'_ String| {
        let path = entry.folder.join(file);
        fs::read(&path).map_err(Error::path(&path))
    };
    let names = entry.prepare.script.iter().chain(&entry.prepare.inputs);
    let files = names.map(|name| Ok((name.as_str(), content(name)?))).collect::<Result<_, Error>>()?;
    let made = Made { recipe: RECIPE, machine: env::consts::ARCH, prepare: &entry.prepare, files };
    let made = serde_json::to_vec(&made).map_err(|error| Error::Failed(error.to_string()))?;
    let digest = Sha256::digest(&made);
    Ok(digest.iter().flat_map(|byte| [byte >> 4, byte & 0xf]).map(hex).take(KEY).collect())
}

fn hex(digit: u8) -> char {
    char::from_digit(digit.into(), 16).unwrap_or('0')
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::tempdir;

    const ENTRY: &str = "
title: A stack
proof: {platform: linux}
start: [$suite]
limit: 2min
prepare: {script: make.sh, inputs: [config]}
";

    fn entry(folder: &Path, text: &str) -> Entry {
        fs::write(folder.join("stack.yaml"), text).unwrap();
        Entry::read(&folder.join("stack.yaml")).unwrap()
    }

    #[test]
    fn the_key_is_of_the_content_alone() {
        let (here, there) = (tempdir().unwrap(), tempdir().unwrap());
        for folder in [here.path(), there.path()] {
            fs::write(folder.join("make.sh"), "true").unwrap();
            fs::write(folder.join("config"), "A=1").unwrap();
        }
        let first = key(&entry(here.path(), ENTRY)).unwrap();
        assert_eq!(first.len(), KEY);
        assert_eq!(first, key(&entry(there.path(), ENTRY)).unwrap());
        let other_limit = ENTRY.replace("2min", "9min");
        assert_eq!(first, key(&entry(there.path(), &other_limit)).unwrap(), "how it is run is no part of it");
        let other_environment = ENTRY.replace("inputs", "environment: {A: b}, inputs");
        assert_ne!(first, key(&entry(there.path(), &other_environment)).unwrap());
        fs::write(there.path().join("config"), "A=2").unwrap();
        assert_ne!(first, key(&entry(there.path(), ENTRY)).unwrap());
    }

    #[test]
    fn what_killed_runs_left_is_removed() {
        let folder = tempdir().unwrap();
        let cache = Cache::at(folder.path());
        let runs = folder.path().join("runs");
        let (dead, alive) = (runs.join("a-b-4194999"), runs.join("a-b-1"));
        for folder in [&dead, &alive] {
            fs::create_dir_all(folder).unwrap();
        }
        let ours = cache.temporary("a-b").unwrap();
        assert!(!dead.exists() && ours.path().is_dir());
        assert_eq!(alive.exists(), cfg!(target_os = "linux"));
        let path = ours.path().to_owned();
        drop(ours);
        assert!(!path.exists());
    }

    #[test]
    fn what_earlier_versions_left_is_known() {
        let folder = tempdir().unwrap();
        fs::write(folder.path().join("make.sh"), "true").unwrap();
        fs::write(folder.path().join("config"), "A=1").unwrap();
        let (entry, cache) = (entry(folder.path(), ENTRY), Cache::at(&folder.path().join("cache")));
        assert!(!cache.has(&entry).unwrap());
        let kept = cache.folder(&entry).unwrap();
        assert_eq!(cache.beside(&entry).unwrap().display().to_string(), format!("{}.new", kept.display()));
        let (old, half) =
            (kept.with_file_name("stack-0123456789ab"), kept.with_file_name("stack-0123456789ac.new"));
        let other = kept.with_file_name("stack-virtual-0123456789ab");
        for folder in [&kept, &old, &half, &other] {
            fs::create_dir_all(folder).unwrap();
        }
        assert!(cache.has(&entry).unwrap());
        let mut older = cache.older(&entry).unwrap();
        older.sort();
        assert_eq!(older, [old, half]);
    }
}
