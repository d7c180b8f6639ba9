//! The files that a run leaves: which ones, that they can be written, and that each is, whatever became of the others.

use std::path::PathBuf;

use sockspec_harness::results::Results;

use super::{Context, json, junit};
use crate::cli::{JunitFlavour, ReportArgs};
use crate::error::Error;
use crate::exit::Gate;
use crate::output::Target;

/// The files that are written at the end.
#[derive(Debug, Default)]
pub struct Files {
    json: Vec<Target>,
    junit: Vec<Target>,
    flavour: JunitFlavour,
    /// The folder, to be named in the summary.
    pub folder: Option<String>,
}

impl Files {
    /// Tries the places, so that a wrong one fails before anything runs.
    pub fn prepare(args: &ReportArgs) -> Result<Self, Error> {
        let paths = args.paths();
        let targets = |paths: &[PathBuf]| -> Result<Vec<_>, Error> {
            paths.iter().map(|path| Target::prepare(path)).collect()
        };
        Ok(Self {
            json: targets(&paths.json)?,
            junit: targets(&paths.junit)?,
            flavour: args.junit_flavour,
            folder: args.folder().map(|folder| folder.display().to_string()),
        })
    }

    /// Writes all of them.
    pub fn write(&self, results: &Results, context: &Context<'_>, gate: Gate) -> Vec<Error> {
        let json = self.json.iter().map(|target| target.write(|out| json::write(results, out)));
        let junit = self
            .junit
            .iter()
            .map(|target| target.write(|out| junit::write(results, context, &gate, self.flavour, out)));
        let captures = context.captures.into_iter();
        let captures = captures.flat_map(|captures| results.trials.iter().map(|trial| captures.write(trial)));
        json.chain(junit).chain(captures).filter_map(Result::err).collect()
    }
}
