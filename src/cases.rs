//! Where the cases come from: a folder that was named, or what the program carries.

use std::borrow::Cow;
use std::fs;
use std::path::{MAIN_SEPARATOR, Path};

use sockspec_harness::case::diagnostic::Diagnostic;
use sockspec_harness::case::suite::{LoadError, Origin};

use crate::cli::Common;
use crate::error::Error;
use crate::report::CaseFiles;

/// The cases that the program carries.
static EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/cases.rs"));

/// The cases that the command line asks for.
#[must_use]
pub fn origin(common: &Common) -> Origin {
    match &common.cases {
        Some(folder) => Origin::Folder(folder.clone()),
        None => Origin::Embedded(EMBEDDED),
    }
}

/// The texts of the cases, for those who show them.
#[derive(Debug)]
pub struct Files(pub Origin);

impl CaseFiles for Files {
    fn text(&self, file: &str) -> Option<Cow<'_, str>> {
        match &self.0 {
            Origin::Folder(folder) => fs::read_to_string(folder.join(file)).ok().map(Cow::Owned),
            Origin::Embedded(files) => {
                files.iter().find(|(path, _)| *path == file).map(|(_, text)| Cow::Borrowed(*text))
            }
        }
    }

    /// With forward slashes on every system, as the cases' own paths have them.
    fn shown(&self, file: &str) -> String {
        let path = match &self.0 {
            Origin::Folder(folder) => folder.join(file),
            Origin::Embedded(_) => Path::new("cases").join(file),
        };
        path.display().to_string().replace(MAIN_SEPARATOR, "/")
    }
}

/// What is wrong with the cases, as text.
#[must_use]
pub fn error(error: &LoadError, colour: bool) -> Error {
    match error {
        LoadError::Io { .. } => Error::Usage(error.to_string()),
        LoadError::Wrong(found) => Error::Cases(format!("{error}\n\n{}", render(found, colour))),
    }
}

/// Diagnostics as text, an empty line between two.
#[must_use]
pub fn render(found: &[Diagnostic], colour: bool) -> String {
    let texts: Vec<_> = found.iter().map(|diagnostic| diagnostic.render(colour)).collect();
    texts.join("\n\n")
}
