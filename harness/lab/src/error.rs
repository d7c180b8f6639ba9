//! Errors of the lab itself. What a stack does is a verdict or an outcome of its run, never one of these.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Why the lab could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The arguments make no sense, or an entry is wrong.
    #[error("{0}")]
    Usage(String),
    /// This machine cannot do it at all: something is missing.
    #[error("not available here: {0}")]
    Unavailable(String),
    /// A file or folder could not be used.
    #[error("{}: {cause}", path.display())]
    Path {
        /// The path.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// A step failed.
    #[error("{0}")]
    Failed(String),
}

impl Error {
    /// The error of a path, for `map_err`.
    pub fn path(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |cause| Self::Path { path, cause }
    }

    /// The exit code that it leads to; 77 is the usual one of test runners for "cannot be done here".
    #[must_use]
    pub fn exit(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Usage(_) => 2,
            Self::Unavailable(_) => 77,
            Self::Path { .. } | Self::Failed(_) => 3,
        })
    }
}
