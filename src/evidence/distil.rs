//! From the results of a run to what is kept of it: outcomes in words that every run of the system has in common.
//!
//! The run is read in the light of its cases: an outcome is what it was judged as, so that of two that may come either
//! way it says so, and of a time only on which side of its bounds it lay.

use std::collections::BTreeMap;

use sockspec_harness::case::trial::Trial;
use sockspec_harness::judge::verdict::{Finding, Kind, Verdict};
use sockspec_harness::judge::words;
use sockspec_harness::record::{End, Record, StepRecord};
use sockspec_harness::results::{Results, TrialResult};

use super::mark::Mark;
use super::observed::{FORMAT, NOT_SEEN, Observed, ObservedCase, ObservedTrial, Told};
use crate::report::failure::reason;

/// What is kept of a run. Trials that are not among those of the cases at hand, or have other steps there, are taken at
/// their word.
#[must_use]
pub fn distil(results: &Results, trials: &[Trial], name: &str, repeat: &str) -> Observed {
    let known = by_id(trials);
    let mut cases: BTreeMap<&str, Builder> = BTreeMap::new();
    for result in &results.trials {
        let trial = of_result(&known, result);
        cases.entry(&result.case).or_default().add(result, trial);
    }
    Observed {
        observed: FORMAT,
        name: name.to_owned(),
        sockspec: results.sockspec.clone(),
        recorded: results.started.clone(),
        repeat: repeat.to_owned(),
        platform: results.platform.clone(),
        cases: cases.into_iter().map(|(case, builder)| builder.finish(case)).collect(),
    }
}

/// The same results for JUnit: without records and times, and with findings that every run has in common.
#[must_use]
pub fn strip(results: &Results, trials: &[Trial]) -> Results {
    let known = by_id(trials);
    let strip = |result: &TrialResult| {
        let trial = of_result(&known, result);
        let findings =
            result.verdict.findings.iter().map(|finding| lasting(finding, result, trial)).collect();
        TrialResult {
            verdict: Verdict { kind: result.verdict.kind, findings },
            record: Record::default(),
            runs: 1,
            also: BTreeMap::new(),
            ..result.clone()
        }
    };
    Results { duration: 0, trials: results.trials.iter().map(strip).collect(), ..results.clone() }
}

/// The trials of a run that the cases at hand do not have, or not with these steps.
#[must_use]
pub fn foreign<'a>(results: &'a Results, trials: &[Trial]) -> Vec<&'a str> {
    let known = by_id(trials);
    let foreign = results.trials.iter().filter(|result| of_result(&known, result).is_none());
    foreign.map(|result| result.id.as_str()).collect()
}

fn by_id(trials: &[Trial]) -> BTreeMap<&str, &Trial> {
    trials.iter().map(|trial| (trial.id.as_str(), trial)).collect()
}

fn of_result<'a>(known: &BTreeMap<&str, &'a Trial>, result: &TrialResult) -> Option<&'a Trial> {
    let trial = known.get(result.id.as_str())?;
    let same = trial.steps.iter().map(|step| &step.text).eq(&result.steps);
    same.then_some(*trial)
}

/// A case that grows by its trials.
#[derive(Default)]
struct Builder {
    axes: Vec<String>,
    steps: Table,
    reasons: Table,
    trials: Vec<ObservedTrial>,
}

impl Builder {
    fn add(&mut self, result: &TrialResult, trial: Option<&Trial>) {
        self.axes = match trial {
            Some(trial) => trial.case.axes.iter().map(|axis| axis.name.clone()).collect(),
            None if self.axes.is_empty() => result.axes.keys().cloned().collect(),
            None => return self.add_trial(result, trial),
        };
        self.add_trial(result, trial);
    }

    fn add_trial(&mut self, result: &TrialResult, trial: Option<&Trial>) {
        let record = &result.record;
        let last = (0..record.steps.len()).rfind(|index| told(result, trial, *index).is_some());
        let told = (0..record.steps.len()).filter_map(|index| {
            let step = &record.steps[index];
            let (outcome, mark) = told(result, trial, index)?;
            let is_news = outcome != "ok" || mark != Mark::Agrees || last == Some(index);
            let text = result.steps.get(step.step).map_or("", String::as_str);
            is_news.then(|| (format!("{} {text}", step.step + 1), outcome, mark))
        });
        let outcomes =
            told.map(|(step, outcome, mark)| Told { step: self.steps.at(&step), outcome, mark }).collect();
        let why = match result.verdict.kind {
            Kind::Skip | Kind::Broken => Some(reason(result)),
            Kind::Known => result.verdict.findings.last().and_then(|finding| finding.why.clone()),
            _ => None,
        };
        let reason = why.map(|why| self.reasons.at(&why));
        self.trials.push(ObservedTrial {
            id: result.id.clone(),
            verdict: result.verdict.kind,
            reason,
            outcomes,
        });
    }

    fn finish(mut self, case: &str) -> ObservedCase {
        self.trials.sort_by(|a, b| a.id.cmp(&b.id));
        ObservedCase {
            case: case.to_owned(),
            axes: self.axes,
            steps: self.steps.0,
            reasons: self.reasons.0,
            trials: self.trials,
        }
    }
}

/// Texts, each once, in the order in which they were met.
#[derive(Default)]
struct Table(Vec<String>);

impl Table {
    fn at(&mut self, text: &str) -> usize {
        self.0.iter().position(|known| known == text).unwrap_or_else(|| {
            self.0.push(text.to_owned());
            self.0.len() - 1
        })
    }
}

/// What came out of a step, and what is said of it. None where a call goes on.
fn told(result: &TrialResult, trial: Option<&Trial>, index: usize) -> Option<(String, Mark)> {
    let step = result.record.steps.get(index)?;
    if let (None, End::Settled) = (&step.outcome, step.end) {
        return Some((NOT_SEEN.to_owned(), Mark::Agrees));
    }
    match trial {
        Some(trial) => {
            Some((words::lasting(trial, &result.record, index)?, Mark::of(trial, &result.record, index)))
        }
        None => {
            let signal = step.completion.as_ref().and_then(|completion| completion.signal.as_deref());
            Some((words::plain(step.outcome.as_ref()?, signal), mark_of_finding(result, step)))
        }
    }
}

/// What the run's own verdict says of a step.
fn mark_of_finding(result: &TrialResult, step: &StepRecord) -> Mark {
    let has_finding = result.verdict.findings.iter().any(|finding| finding.step == Some(step.step));
    match result.verdict.kind {
        Kind::Deviates if has_finding => Mark::Deviates,
        Kind::Observed if has_finding => Mark::Unknown,
        Kind::Fail | Kind::Known | Kind::Fixed if has_finding => Mark::Unexpected,
        _ => Mark::Agrees,
    }
}

/// A finding without the numbers of one run.
fn lasting(finding: &Finding, result: &TrialResult, trial: Option<&Trial>) -> Finding {
    let index = finding.step.and_then(|at| result.record.steps.iter().rposition(|step| step.step == at));
    let Some((step, index)) = finding.step.zip(index) else { return finding.clone() };
    let Some((outcome, mark)) = told(result, trial, index) else { return finding.clone() };
    let text = result.steps.get(step).map_or("", String::as_str);
    let expectation = trial.and_then(|trial| trial.steps.get(step)).map(|step| &step.expectation);
    let asked = expectation
        .and_then(|expectation| expectation.specification.as_ref())
        .filter(|_| mark.departs())
        .map_or_else(String::new, |specification| {
            let takes = specification.takes.map_or_else(String::new, |takes| format!(", takes {takes}"));
            format!("; the specification asks for {}{takes}", specification.want)
        });
    let instead = expectation
        .filter(|_| mark.is_unexpected())
        .map_or_else(String::new, |expectation| format!("; expected {}", words::expected(expectation)));
    Finding {
        step: None,
        text: format!("{text}: {outcome}{instead}{asked}"),
        observed: Some(outcome),
        ..finding.clone()
    }
}

#[cfg(test)]
#[path = "distil_tests.rs"]
mod tests;
