//! The record against the trial. Nothing here does any input or output, so a stored record can be judged again.

pub mod deviations;
pub mod mutate;
mod timing;
pub mod verdict;

use crate::case::expected::Expected;
use crate::case::trial::Trial;
use crate::outcome::Outcome;
use crate::record::{End, Record, StepRecord};
use timing::{Took, short, short_duration};
use verdict::{Finding, Kind, Verdict};

/// What is said of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// As the specification asks, or as recorded where it leaves the choice.
    Match,
    /// As recorded for this platform, and not as the specification asks.
    Deviates(Finding),
    /// Nothing was expected.
    Unknown(Finding),
    /// Something else was expected.
    Mismatch(Finding),
}

/// Judges a trial.
#[must_use]
pub fn judge(trial: &Trial, record: &Record) -> Verdict {
    let mut findings = Vec::new();
    let mut kind = Kind::Pass;
    for (i, step) in record.steps.iter().enumerate() {
        match say(trial, record, i) {
            Said::Match => {}
            Said::Deviates(finding) => {
                findings.push(finding);
                if kind == Kind::Pass {
                    kind = Kind::Deviates;
                }
            }
            Said::Unknown(finding) => {
                findings.push(finding);
                kind = Kind::Observed;
            }
            // What follows from an outcome that nobody knew is not known either.
            Said::Mismatch(finding) if kind == Kind::Observed => findings.push(finding),
            Said::Mismatch(finding) => return Verdict { kind: Kind::Fail, findings: vec![finding] },
        }
        debug_assert!(step.step < trial.steps.len(), "a record of another trial");
    }
    if let Some(fault) = &record.fault {
        if kind == Kind::Observed {
            return Verdict { kind, findings };
        }
        let step = record.steps.len().min(trial.steps.len().saturating_sub(1));
        let text = trial.steps.get(step).map_or(String::new(), |step| format!("{}: ", step.text));
        return Verdict { kind: Kind::Broken, findings: vec![bare(Some(step), format!("{text}{fault}"))] };
    }
    Verdict { kind, findings }
}

/// The verdict on a trial that is not run.
#[must_use]
pub fn skip(reason: &str) -> Verdict {
    Verdict { kind: Kind::Skip, findings: vec![bare(None, reason.to_owned())] }
}

/// Judges one step of a record.
#[must_use]
pub fn say(trial: &Trial, record: &Record, index: usize) -> Said {
    let step = &record.steps[index];
    let Some(of_trial) = trial.steps.get(step.step) else { return Said::Match };
    let expectation = &of_trial.expectation;
    let Some(outcome) = &step.outcome else {
        // A background call that goes on expects nothing yet; a step without an outcome ran into the deadline.
        if step.end == End::Limit {
            let limit = trial.case.deadline;
            return Said::Mismatch(finding(
                trial,
                step,
                format!("the trial's deadline of {limit:?} ran out"),
                None,
            ));
        }
        return Said::Match;
    };
    let signal = step.completion.as_ref().and_then(|completion| completion.signal.as_deref());
    let took = Took::of(trial, record, step);
    if expectation.want == Expected::Unknown {
        let text = format!("nothing is recorded for this platform; it gave {}", seen(outcome, signal));
        return Said::Unknown(finding(trial, step, text, Some(outcome)));
    }
    if !expectation.want.accepts(outcome) {
        let text = match step.end {
            End::Limit
                if step.finish >= u64::try_from(trial.case.deadline.as_nanos()).unwrap_or(u64::MAX) =>
            {
                let deadline = trial.case.deadline;
                format!(
                    "expected {}, still {outcome} when the trial's deadline of {deadline:?} ran out",
                    expectation.want
                )
            }
            End::Limit if *outcome == Outcome::Blocks => {
                format!(
                    "expected {}, still blocked after {:?}",
                    expectation.want,
                    short(step.finish - step.begin)
                )
            }
            End::Limit => format!(
                "expected {}, still {outcome} after {:?}",
                expectation.want,
                short(step.finish - step.begin)
            ),
            End::CannotCome => {
                format!("expected {}, which cannot come any more after {outcome}", expectation.want)
            }
            _ => format!("expected {}, got {}", expectation.want, seen(outcome, signal)),
        };
        return Said::Mismatch(finding(trial, step, text, Some(outcome)));
    }
    if signal != expectation.signal.as_deref() {
        let text = match (&expectation.signal, signal) {
            (Some(want), _) => format!("expected the signal {want} with {outcome}, there was none"),
            (None, Some(signal)) => format!("expected {outcome} without a signal, got {signal}"),
            (None, None) => String::new(),
        };
        return Said::Mismatch(finding(trial, step, text, Some(outcome)));
    }
    if let Some(text) = took.wrong(expectation) {
        return Said::Mismatch(finding(trial, step, text, Some(outcome)));
    }
    let wrong_gaps = |gaps: &Vec<_>| timing::wrong_gaps(gaps, step, trial.virtual_clock);
    if let Some(text) = expectation.gaps.as_ref().and_then(wrong_gaps) {
        return Said::Mismatch(finding(trial, step, text, Some(outcome)));
    }
    let Some(specification) = &expectation.specification else { return Said::Match };
    let text = if !specification.want.accepts(outcome) || specification.signal.as_deref() != signal {
        format!("{}; the specification asks for {}", seen(outcome, signal), specification.want)
    } else if let Some(takes) = specification.takes.filter(|takes| !took.within(*takes)) {
        format!("took {:?}; the specification asks for {takes}", short_duration(took.elapsed))
    } else if let Some(text) = specification.gaps.as_ref().and_then(wrong_gaps) {
        format!("{text}, which the specification asks for")
    } else {
        return Said::Match;
    };
    Said::Deviates(finding(trial, step, text, Some(outcome)))
}

/// `soon` or `late`, where a step has the outcome that is expected, and not the time.
#[must_use]
pub fn untimely(trial: &Trial, record: &Record, index: usize) -> Option<&'static str> {
    let step = record.steps.get(index)?;
    let expectation = &trial.steps.get(step.step)?.expectation;
    if !expectation.want.accepts(step.outcome.as_ref()?) {
        return None;
    }
    let took = Took::of(trial, record, step);
    took.wrong(expectation)?;
    Some(if took.is_soon(expectation) { "soon" } else { "late" })
}

fn finding(trial: &Trial, step: &StepRecord, text: String, outcome: Option<&Outcome>) -> Finding {
    let of_trial = &trial.steps[step.step];
    let expectation = &of_trial.expectation;
    let mut expected = expectation.want.to_string();
    if let Some(signal) = &expectation.signal {
        expected.push_str(&format!(" and {signal}"));
    }
    if let Some(platforms) = &expectation.platforms {
        expected.push_str(&format!(", on {platforms}"));
    }
    let native =
        step.completion.as_ref().and_then(|completion| Some((completion.native.as_ref()?, completion.code?)));
    Finding {
        step: Some(step.step),
        text: format!("{}: {text}", of_trial.text),
        expected: Some(expected),
        observed: outcome.map(|outcome| match native {
            Some((name, code)) => format!("{outcome} ({name} {code})"),
            None => outcome.to_string(),
        }),
        why: expectation.why.clone(),
        source: expectation.source.clone(),
    }
}

fn bare(step: Option<usize>, text: String) -> Finding {
    Finding { step, text, expected: None, observed: None, why: None, source: None }
}

fn seen(outcome: &Outcome, signal: Option<&str>) -> String {
    match signal {
        Some(signal) => format!("{outcome} and {signal}"),
        None => outcome.to_string(),
    }
}
