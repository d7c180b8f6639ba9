//! What each platform does in each trial, step by step: from what was kept of its run, or from what cases say of it.

use std::collections::BTreeMap;

use sockspec_harness::case::expected::Expected;
use sockspec_harness::case::suite::{LoadError, Suite};
use sockspec_harness::case::trial::{Expectation, Trial};
use sockspec_harness::judge::verdict::Kind;
use sockspec_harness::judge::words;
use sockspec_harness::platform::{Os, typical};

use super::{Cell, Column, Known, Run};
use crate::evidence::mark::Mark;
use crate::evidence::observed::{NOT_SEEN, Observed, ObservedCase, ObservedTrial};

/// What a platform does in a trial.
#[derive(Clone, Debug)]
pub enum InTrial {
    /// What came out of each step, by its number from 1, and whether steps behind the last one were reached.
    Steps(BTreeMap<usize, Cell>),
    /// It was not run, for that reason.
    Skipped(String),
}

/// A platform and what it does.
pub struct Source {
    /// The platform.
    pub column: Column,
    /// By id.
    pub trials: BTreeMap<String, InTrial>,
}

/// All trials that there are on any system, by id: their steps are the same everywhere.
pub type Trials = BTreeMap<String, Trial>;

/// The trials of every system, and what each platform does in them: first those that were run, then those that sources
/// tell of.
pub fn read(suite: &Suite, observed: &[Observed]) -> Result<(Trials, Vec<Source>), LoadError> {
    let mut all = Trials::new();
    let mut told = Vec::new();
    for (os, trials) in of_systems(suite)? {
        let was_run = |one: &Observed| one.platform.os == os && one.platform.stack == "native";
        if !observed.iter().any(was_run) {
            told.push(sourced(os, &trials));
        }
        for trial in trials {
            all.entry(trial.id.clone()).or_insert(trial);
        }
    }
    let sources = observed.iter().map(|one| seen(one, &all)).chain(told).collect();
    Ok((all, sources))
}

/// The trials of each system, with what is expected there.
pub fn of_systems(suite: &Suite) -> Result<Vec<(Os, Vec<Trial>)>, LoadError> {
    let systems = [Os::Linux, Os::Windows, Os::Macos, Os::Freebsd];
    systems.into_iter().map(|os| Ok((os, suite.trials(&typical::platform(os))?))).collect()
}

fn seen(observed: &Observed, all: &Trials) -> Source {
    let platform = &observed.platform;
    let stack = if platform.stack == "native" { String::new() } else { format!(", {}", platform.stack) };
    let run = Run {
        recorded: observed.recorded.clone(),
        repeat: observed.repeat.clone(),
        system: format!("{} {}{stack}", platform.os, platform.version_text),
    };
    let of_trial = |(case, trial): (&ObservedCase, &ObservedTrial)| {
        let steps = all.get(&trial.id)?;
        Some((trial.id.clone(), in_observed(case, trial, steps)?))
    };
    Source {
        column: Column { name: observed.name.clone(), run: Some(run) },
        trials: observed.trials().filter_map(of_trial).collect(),
    }
}

/// None where the case has other steps by now: what was seen is of another behaviour.
fn in_observed(case: &ObservedCase, trial: &ObservedTrial, now: &Trial) -> Option<InTrial> {
    // What would end a stand-in is known, and not run.
    if matches!(trial.verdict, Kind::Skip | Kind::Broken) || trial.outcomes.is_empty() {
        return Some(InTrial::Skipped(case.reason(trial).unwrap_or_default().to_owned()));
    }
    let mut steps = BTreeMap::new();
    for told in case.told(trial) {
        if now.steps.get(told.number - 1).is_none_or(|step| step.text != told.text) {
            return None;
        }
        let known = if told.outcome == NOT_SEEN { Known::Absent } else { Known::Seen(told.mark) };
        steps.insert(told.number, Cell { text: told.outcome.to_owned(), known });
    }
    let last = steps.keys().last().copied().unwrap_or_default();
    for number in 1..last {
        let goes_on = now.steps[number - 1].step.background.is_some();
        let ok = || Cell { text: "ok".to_owned(), known: Known::Seen(Mark::Agrees) };
        steps.entry(number).or_insert_with(|| if goes_on { Cell::absent() } else { ok() });
    }
    Some(InTrial::Steps(steps))
}

fn sourced(os: Os, trials: &[Trial]) -> Source {
    let trials = trials.iter().map(|trial| (trial.id.clone(), InTrial::Steps(in_case(trial))));
    Source { column: Column { name: os.name().to_owned(), run: None }, trials: trials.collect() }
}

fn in_case(trial: &Trial) -> BTreeMap<usize, Cell> {
    let mut steps = BTreeMap::new();
    let mut known = true;
    for (at, step) in trial.steps.iter().enumerate() {
        // What comes of a call that goes on is told where it is finished.
        let goes_on = step.step.background.is_some();
        let mut cell = if goes_on { Cell::absent() } else { expected(&step.expectation) };
        known &= cell.known != Known::Unknown;
        if !known && cell.known == Known::Specified {
            // What follows from an outcome that nobody knows is not known either.
            cell = Cell::unknown();
        }
        steps.insert(at + 1, cell);
        if step.expectation.stop {
            break;
        }
    }
    steps
}

fn expected(expectation: &Expectation) -> Cell {
    if expectation.want == Expected::Unknown {
        return Cell::unknown();
    }
    let mut text = words::expected(expectation);
    if let Some(bounds) = words::bounds(expectation) {
        text = format!("{text} {bounds}");
    }
    if expectation.platforms.is_none() {
        return Cell { text, known: Known::Specified };
    }
    let departs = expectation.specification.as_ref().is_some_and(|specification| {
        let inside = |want| specification.want.wants().contains(want);
        specification.want != Expected::Unknown
            && (!expectation.want.wants().iter().all(inside) || specification.signal != expectation.signal)
    });
    Cell { text, known: Known::Sourced { departs } }
}
