//! Errors of the command itself. What a behaviour does wrong is a verdict, never one of these.

use std::io;
use std::path::PathBuf;

use crate::exit::Exit;

/// Why the command could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The arguments make no sense, or name what is not there.
    #[error("{0}")]
    Usage(String),
    /// A case, a setup or a deviation is wrong; the text is what the reader of cases printed.
    #[error("{0}")]
    Cases(String),
    /// A path that was given for output cannot be written; found before anything ran.
    #[error("cannot write {}: {cause}{}", path.display(), hint(cause))]
    Path {
        /// The path, as it was given.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// A report could not be written after the run. Nothing of it was left behind.
    #[error("the report {} was not written: {cause}{}", path.display(), hint(cause))]
    Report {
        /// The path, as it was given.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// Standard output failed for another reason than a reader that has left.
    #[error("cannot write to standard output: {0}")]
    Stdout(String),
    /// The machine or sockspec itself failed.
    #[error("{0}")]
    Broken(String),
}

impl Error {
    /// The exit code that it leads to.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) | Self::Cases(_) | Self::Path { .. } => Exit::Wrong,
            Self::Report { .. } | Self::Stdout(_) | Self::Broken(_) => Exit::Broken,
        }
    }
}

/// What would help, where the system's words alone do not say it.
fn hint(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            " (choose another place with --report-dir, or --no-reports)"
        }
        _ => "",
    }
}
