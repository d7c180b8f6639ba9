//! A trial: one row of a case's matrix, with the expectation chosen for the platform of its host.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::expected::{Expected, Takes};
use super::model::{Case, Link};
use super::source::Place;
use super::step::Step;
use crate::host::call::Family;
use crate::host::link::Request;
use crate::judge::verdict::Verdict;
use crate::record::Record;
use crate::results::TrialResult;

/// One row of a case's matrix, ready to be run.
#[derive(Clone, Debug)]
pub struct Trial {
    /// `<family>/<case>[row,row]`
    pub id: String,
    /// The case.
    pub case: Arc<Case>,
    /// Which cell of the case's matrix it is: from 0, the last axis changes first.
    pub cell: usize,
    /// The row that was taken of each axis.
    pub axes: BTreeMap<String, String>,
    /// What it covers.
    pub covers: BTreeSet<String>,
    /// The address family of sockets that do not say another.
    pub family: Family,
    /// What connects its hosts.
    pub link: Link,
    /// What it asks of its link.
    pub request: Request,
    /// It needs a clock that skips idle time: all times are exact then.
    pub virtual_clock: bool,
    /// Why it is not run here: this machine could, but does not now.
    pub skip: Option<String>,
    /// The steps.
    pub steps: Vec<TrialStep>,
}

/// A step, and what is expected of it here.
#[derive(Clone, Debug)]
pub struct TrialStep {
    /// What is done. Its `os` entries have been decided on.
    pub step: Step,
    /// The step in words.
    pub text: String,
    /// What is expected.
    pub expectation: Expectation,
}

/// What is expected of a step on this platform.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// The outcome.
    pub want: Expected,
    /// How long it takes.
    pub takes: Option<Takes>,
    /// The kernel timer that is its cause.
    pub timer: Option<Duration>,
    /// The time between one segment and the next.
    pub gaps: Option<Vec<Duration>>,
    /// The signal that goes with the outcome.
    pub signal: Option<String>,
    /// With this outcome the case is over.
    pub stop: bool,
    /// The reason.
    pub why: Option<String>,
    /// Who says so.
    pub source: Option<String>,
    /// Why a changed expectation goes unnoticed.
    pub unnoticed: Option<String>,
    /// The platforms that the outcome was written for; none where it is the specification's.
    pub platforms: Option<String>,
    /// What the specification asks for; `None` where it leaves the choice.
    pub specification: Option<Specification>,
    /// Where the outcome is written.
    pub place: Place,
}

impl Expectation {
    fn least(&self) -> Duration {
        let gaps = self.gaps.iter().flatten().sum();
        let takes = self.takes.map_or(Duration::ZERO, |takes| takes.from);
        self.timer.unwrap_or_default().max(takes).max(gaps)
    }

    /// Whether something is expected not to take longer than a time.
    #[must_use]
    pub fn may_be_late(&self) -> bool {
        let ends = |takes: &Option<Takes>| takes.is_some_and(|takes| takes.to.is_some());
        let specification = self.specification.as_ref();
        let specified = specification.is_some_and(|asked| asked.gaps.is_some() || ends(&asked.takes));
        self.timer.is_some() || self.gaps.is_some() || ends(&self.takes) || specified
    }
}

/// What the specification asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Specification {
    /// The outcome.
    pub want: Expected,
    /// How long it takes, where a source says so.
    pub takes: Option<Takes>,
    /// The time between one segment and the next, where a source says so.
    pub gaps: Option<Vec<Duration>>,
    /// The signal.
    pub signal: Option<String>,
}

impl Trial {
    /// Where the trial is decided: at a step, or at the case's title.
    #[must_use]
    pub fn place(&self, step: Option<usize>) -> Place {
        let step = step.and_then(|i| self.steps.get(i));
        step.map_or_else(|| self.case.place(), |step| step.expectation.place.clone())
    }

    /// A time that it takes at least, as far as its case says: waits for kernel timers, above all.
    #[must_use]
    pub fn least(&self) -> Duration {
        self.steps.iter().map(|step| step.expectation.least()).sum()
    }

    /// The trial and what became of it, as data.
    #[must_use]
    pub fn result(&self, verdict: Verdict, record: Record) -> TrialResult {
        let place = self.place(verdict.findings.iter().rev().find_map(|finding| finding.step));
        let (line, column) = place.line_column();
        TrialResult {
            id: self.id.clone(),
            case: self.case.id.clone(),
            title: self.case.title.clone(),
            axes: self.axes.clone(),
            covers: self.covers.iter().cloned().collect(),
            file: place.source.path.clone(),
            line,
            column,
            steps: self.steps.iter().map(|step| step.text.clone()).collect(),
            runs: 1,
            also: BTreeMap::new(),
            real_duration: None,
            verdict,
            record,
        }
    }
}
