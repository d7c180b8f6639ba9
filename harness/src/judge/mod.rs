//! The record against the trial. Nothing here does any input or output, so a stored record can be judged again.

pub mod deviations;
pub mod mutate;
pub mod verdict;

use std::time::Duration;

use crate::case::expected::Expected;
use crate::case::trial::{Expectation, Trial};
use crate::outcome::Outcome;
use crate::record::{End, Record, StepRecord};
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
    let elapsed = elapsed(trial, record, step);
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
    if let Some(text) = wrong_duration(expectation, elapsed, Duration::from_nanos(step.late)) {
        return Said::Mismatch(finding(trial, step, text, Some(outcome)));
    }
    if let Some(text) = expectation.gaps.as_ref().and_then(|gaps| wrong_gaps(gaps, step)) {
        return Said::Mismatch(finding(trial, step, text, Some(outcome)));
    }
    let Some(specification) = &expectation.specification else { return Said::Match };
    let late = Duration::from_nanos(step.late);
    let in_time = specification
        .takes
        .is_none_or(|takes| elapsed >= takes.from && takes.to.is_none_or(|to| elapsed <= to + late));
    let as_specified = specification.want.accepts(outcome) && specification.signal.as_deref() == signal;
    if as_specified && in_time {
        return Said::Match;
    }
    let text = if as_specified {
        format!(
            "took {:?}; the specification asks for {}",
            short_duration(elapsed),
            specification.takes.map_or(String::new(), |takes| takes.to_string())
        )
    } else {
        format!("{}; the specification asks for {}", seen(outcome, signal), specification.want)
    };
    Said::Deviates(finding(trial, step, text, Some(outcome)))
}

/// How long what is judged took.
fn elapsed(trial: &Trial, record: &Record, step: &StepRecord) -> Duration {
    let of_trial = &trial.steps[step.step];
    let since = of_trial.step.since.as_deref().and_then(|label| {
        let start = |record: &&StepRecord| trial.steps[record.step].step.label.as_deref() == Some(label);
        record.steps.iter().find(start).map(|record| record.begin)
    });
    match (&step.completion, since) {
        (_, Some(begin)) => Duration::from_nanos(step.finish.saturating_sub(begin)),
        (Some(completion), None) => Duration::from_nanos(completion.end.saturating_sub(completion.begin)),
        (None, None) => Duration::from_nanos(step.finish.saturating_sub(step.begin)),
    }
}

/// `soon` or `late`, where a step has the outcome that is expected, and not the time.
#[must_use]
pub fn untimely(trial: &Trial, record: &Record, index: usize) -> Option<&'static str> {
    let step = record.steps.get(index)?;
    let expectation = &trial.steps.get(step.step)?.expectation;
    if !expectation.want.accepts(step.outcome.as_ref()?) {
        return None;
    }
    let text = wrong_duration(expectation, elapsed(trial, record, step), Duration::from_nanos(step.late))?;
    Some(if text.contains(TOO_SOON) { "soon" } else { "late" })
}

/// How a message begins that tells that something was over too soon.
const TOO_SOON: &str = "took only";

/// A kernel timer does not fire before its time; it fires after it by the granularity of the platform's timers, which
/// on Linux is an eighth (kernel/time/timer.c) and a tick of at most 10 ms.
fn wrong_duration(expectation: &Expectation, elapsed: Duration, late: Duration) -> Option<String> {
    let (from, to, text) = match (expectation.timer, expectation.takes) {
        (Some(timer), _) => {
            let to = timer + timer / 8 + Duration::from_millis(10);
            (timer, Some(to), format!("a timer of {timer:?}, {timer:?}..{to:?}"))
        }
        (None, Some(takes)) => (takes.from, takes.to, takes.to_string()),
        (None, None) => return None,
    };
    let shown = short_duration(elapsed);
    if elapsed < from {
        return Some(format!("expected to take {text}, {TOO_SOON} {shown:?}"));
    }
    if to.is_some_and(|to| elapsed > to + late) {
        let lateness = if late > Duration::from_millis(1) {
            format!(" (of which the machine was late for {:?})", short_duration(late))
        } else {
            String::new()
        };
        return Some(format!("expected to take {text}, took {shown:?}{lateness}"));
    }
    None
}

/// The times between segments. A quarter is allowed for: an eighth is the granularity of kernel timers, and either end
/// of a gap may be seen late, which makes it longer or shorter.
fn wrong_gaps(gaps: &[Duration], step: &StepRecord) -> Option<String> {
    let times: Vec<_> = step.seen.iter().map(|sample| Duration::from_nanos(sample.at)).collect();
    let seen: Vec<_> = times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
    let slack = |gap: &Duration| *gap / 4 + Duration::from_millis(50) + Duration::from_nanos(step.late);
    let fits = |(gap, seen): (&Duration, &Duration)| gap.abs_diff(*seen) <= slack(gap);
    if seen.len() == gaps.len() && gaps.iter().zip(&seen).all(fits) {
        return None;
    }
    let seen: Vec<_> = seen.into_iter().map(short_duration).collect();
    Some(format!("expected gaps of {gaps:?}, got {seen:?}"))
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

fn short(ns: u64) -> Duration {
    short_duration(Duration::from_nanos(ns))
}

/// Rounded, so that a reader is not given nine digits.
fn short_duration(duration: Duration) -> Duration {
    let ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    let unit = match ns {
        0..1_000 => 1,
        1_000..1_000_000 => 1_000,
        1_000_000..1_000_000_000 => 100_000,
        _ => 10_000_000,
    };
    Duration::from_nanos(ns / unit * unit)
}
