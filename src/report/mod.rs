//! What is told of a run: while it goes on, to a [`Reporter`]; afterwards, from the results alone.
//!
//! [`live`] writes while trials run; [`summary`], [`json`], [`junit`] and [`github`] write when all is over, by way of
//! [`files`] where it is files; [`failure`] draws one trial for all of them.

pub mod failure;
pub mod files;
pub mod github;
pub mod json;
pub mod junit;
pub mod ladder;
pub mod live;
pub mod summary;
pub mod text;
pub mod time;

#[cfg(test)]
pub(crate) mod sample;

use std::borrow::Cow;
use std::io;

use sockspec_harness::results::TrialResult;

use crate::captures::Captures;

/// Is told what happens, on one thread, in the order of events.
pub trait Reporter {
    /// The run begins.
    fn begin(&mut self, _progress: &Progress) -> io::Result<()> {
        Ok(())
    }

    /// A trial is over.
    fn finished(&mut self, _result: &TrialResult, _progress: &Progress) -> io::Result<()> {
        Ok(())
    }

    /// Some time has passed. Called about ten times a second if [`wants_ticks`](Self::wants_ticks).
    fn tick(&mut self, _progress: &Progress) -> io::Result<()> {
        Ok(())
    }

    /// Whether there is something to do while nothing happens.
    fn wants_ticks(&self) -> bool {
        false
    }

    /// No trial runs any more.
    fn end(&mut self, _progress: &Progress) -> io::Result<()> {
        Ok(())
    }
}

/// Several reporters in a row. All are told; the first error is passed on.
impl Reporter for Vec<Box<dyn Reporter>> {
    fn begin(&mut self, progress: &Progress) -> io::Result<()> {
        self.iter_mut().map(|one| one.begin(progress)).fold(Ok(()), Result::and)
    }

    fn finished(&mut self, result: &TrialResult, progress: &Progress) -> io::Result<()> {
        self.iter_mut().map(|one| one.finished(result, progress)).fold(Ok(()), Result::and)
    }

    fn tick(&mut self, progress: &Progress) -> io::Result<()> {
        self.iter_mut().map(|one| one.tick(progress)).fold(Ok(()), Result::and)
    }

    fn wants_ticks(&self) -> bool {
        self.iter().any(|one| one.wants_ticks())
    }

    fn end(&mut self, progress: &Progress) -> io::Result<()> {
        self.iter_mut().map(|one| one.end(progress)).fold(Ok(()), Result::and)
    }
}

/// Where the run stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// How many trials there are to run, repetitions counted.
    pub total: u64,
    /// How many are over.
    pub done: u64,
    /// How many are under way.
    pub running: u64,
    /// How many ended with a verdict that fails.
    pub failed: u64,
    /// Ctrl-C was pressed: no new trial is taken.
    pub stopping: bool,
}

/// Where the text of case files comes from: a folder, or what the binary carries.
pub trait CaseFiles {
    /// The text of a file, by its name relative to the folder of cases.
    fn text(&self, file: &str) -> Option<Cow<'_, str>>;

    /// The file's path as it is shown: one that an editor can open, where there is one.
    fn shown(&self, file: &str) -> String {
        format!("cases/{file}")
    }
}

/// What the writers need besides the results.
pub struct Context<'a> {
    /// The case files.
    pub files: &'a dyn CaseFiles,
    /// What runs trials again, up to `--exact`; see [`RunArgs::repeat_command`](crate::cli::RunArgs::repeat_command).
    pub command: &'a str,
    /// The captures that trials leave, if there is a folder for them.
    pub captures: Option<&'a Captures>,
}
