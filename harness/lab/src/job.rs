//! What the first process of a kernel is told to do: a file that the lab writes outside and `init` reads inside.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The file of [`Job::out`] with the suite's exit code, which is there when the suite has come to its end.
pub const EXIT: &str = "exit";
/// The file of [`Job::out`] with what happened so far.
pub const JOURNAL: &str = "journal";
/// What stands in front of each line that the suite has printed, among all that a console shows.
pub const MARK: char = '\u{1e}';

/// A run of the suite.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The suite's arguments.
    pub arguments: Vec<String>,
    /// Variables for it.
    pub environment: BTreeMap<String, String>,
    /// A folder outside, to be written to under the same path.
    pub out: PathBuf,
}

impl Job {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = fs::read(path).map_err(Error::path(path))?;
        serde_json::from_slice(&text).map_err(|error| Error::Failed(format!("{}: {error}", path.display())))
    }

    /// Writes it.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let text = serde_json::to_vec(self).map_err(|error| Error::Failed(error.to_string()))?;
        fs::write(path, text).map_err(Error::path(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("job");
        let job = Job {
            arguments: vec!["--exact".to_owned(), "a/b[c d,\"e\"]".to_owned()],
            environment: [("A".to_owned(), "b".to_owned())].into(),
            out: "/some/where".into(),
        };
        job.write(&path).unwrap();
        assert_eq!(Job::read(&path).unwrap(), job);
    }
}
