//! `--journal`: what happens, as it happens, in a file of one JSON object a line. For whoever watches a run from outside,
//! and must know what became of it if it never ends: the machine may crash under it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use sockspec_harness::platform::Platform;
use sockspec_harness::results::TrialResult;

use crate::runner::Job;

/// A line of the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Line {
    /// The first one.
    Run {
        /// The machine.
        platform: Box<Platform>,
        /// When the run began: RFC 3339, UTC.
        started: String,
        /// The ids of the trials that will be run.
        trials: Vec<String>,
    },
    /// A trial was begun.
    Started(String),
    /// A trial is over.
    Finished(Box<TrialResult>),
}

/// The file. It is closed behind each line, which makes user-mode Linux hand it over to the system outside: the one
/// inside may not live to do it later.
#[derive(Debug)]
pub struct Journal(Mutex<PathBuf>);

impl Journal {
    /// A new file.
    pub fn create(path: &Path) -> io::Result<Self> {
        File::create(path).map(|_| Self(Mutex::new(path.to_owned())))
    }

    /// Writes a line. What cannot be written is missing: that is no reason to end the run.
    pub fn write(&self, line: &Line) {
        let Ok(mut text) = serde_json::to_vec(line) else { return };
        text.push(b'\n');
        let path = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let file = OpenOptions::new().append(true).open(path.as_path());
        let _ = file.and_then(|mut file| file.write_all(&text));
    }

    /// The same job, told of when it begins and when it ends.
    #[must_use]
    pub fn told(self: &Arc<Self>, job: Job) -> Job {
        let (journal, id, run) = (Arc::clone(self), job.id.clone(), Arc::clone(&job.run));
        let told = move || {
            journal.write(&Line::Started(id.clone()));
            let result = run();
            journal.write(&Line::Finished(Box::new(result.clone())));
            result
        };
        Job { run: Arc::new(told), ..job }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use sockspec_harness::judge::verdict::Kind;

    #[test]
    fn a_job_is_told_of_before_and_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let journal = Arc::new(Journal::create(&path).unwrap());
        let seen = path.clone();
        let run = move || {
            assert_eq!(std::fs::read_to_string(&seen).unwrap(), "{\"started\":\"a/b\"}\n");
            sample::trial("a/b", Kind::Pass)
        };
        let job =
            Job { id: "a/b".to_owned(), slow: false, least: std::time::Duration::ZERO, run: Arc::new(run) };
        (journal.told(job).run)();
        let text = std::fs::read_to_string(&path).unwrap();
        let Line::Finished(result) = serde_json::from_str(text.lines().nth(1).unwrap()).unwrap() else {
            panic!("{text}")
        };
        assert_eq!((result.id.as_str(), result.verdict.kind), ("a/b", Kind::Pass));
    }
}
