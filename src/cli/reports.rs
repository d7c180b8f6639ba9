//! Options that say where results go, for every command that has some.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::under_nextest;

/// Where results go.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Reports")]
pub struct ReportArgs {
    /// The folder for results.json and junit.xml.
    #[arg(long, value_name = "DIR", default_value = "reports/latest")]
    pub report_dir: PathBuf,

    /// Write no results.json and junit.xml there, and no captures.
    #[arg(long)]
    pub no_reports: bool,

    /// Write JUnit XML to this file as well.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,

    /// `xunit` leaves out what the Jenkins xUnit plugin refuses.
    #[arg(long, value_name = "FLAVOUR", value_enum, default_value = "default")]
    pub junit_flavour: JunitFlavour,

    /// Write the results to this file as well.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,

    /// On GitHub Actions: annotate the lines of cases that failed, and add a summary to the job's page.
    ///
    /// `auto` does so where GITHUB_ACTIONS is `true`, which is in every job there; `--github` alone means `always`. The
    /// summary goes to the file that GITHUB_STEP_SUMMARY names, the annotations to standard output.
    #[arg(
        long,
        value_name = "WHEN",
        value_enum,
        num_args = 0..=1,
        require_equals = true,
        default_value = "auto",
        default_missing_value = "always"
    )]
    pub github: When,
}

impl ReportArgs {
    /// The folder, if it is used. Under nextest it is left alone: each of its processes knows one trial.
    #[must_use]
    pub fn folder(&self) -> Option<&PathBuf> {
        (!self.no_reports && !under_nextest()).then_some(&self.report_dir)
    }

    /// Where results.json and junit.xml are to be written, each with the files that were asked for beside the folder.
    #[must_use]
    pub fn paths(&self) -> ReportPaths {
        let paths = |name: &str, more: &Option<PathBuf>| {
            self.folder().map(|folder| folder.join(name)).into_iter().chain(more.clone()).collect()
        };
        ReportPaths { json: paths("results.json", &self.json), junit: paths("junit.xml", &self.junit) }
    }
}

/// Where reports go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportPaths {
    /// Files with the results.
    pub json: Vec<PathBuf>,
    /// Files with JUnit XML.
    pub junit: Vec<PathBuf>,
}

/// What readers of JUnit XML accept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum JunitFlavour {
    /// With the case's file, for GitLab and GitHub.
    #[default]
    Default,
    /// Valid against the schema of the Jenkins xUnit plugin.
    Xunit,
}

/// When something is done that depends on where we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// Where it is wanted.
    Auto,
    /// In any case.
    Always,
    /// In no case.
    Never,
}
