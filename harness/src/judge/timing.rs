//! How long a step took, against how long it may take.

use std::time::Duration;

use crate::case::expected::Takes;
use crate::case::trial::{Expectation, Trial};
use crate::record::{Record, StepRecord};

/// How long what is judged took, and what the machine added to it or took from it.
pub(super) struct Took {
    pub(super) elapsed: Duration,
    /// For how long the machine kept it from going on: an upper bound is widened by it.
    late: Duration,
    /// By how much the clock of kernel timers may have been behind at its beginning: a lower bound is lessened by it.
    behind: Duration,
    /// Nothing is seen late, since idle time is skipped.
    exact: bool,
}

impl Took {
    pub(super) fn of(trial: &Trial, record: &Record, step: &StepRecord) -> Self {
        Self {
            elapsed: elapsed(trial, record, step),
            late: Duration::from_nanos(step.late),
            behind: Duration::from_nanos(record.behind),
            exact: trial.virtual_clock,
        }
    }

    /// What is wrong with it.
    pub(super) fn wrong(&self, expectation: &Expectation) -> Option<String> {
        let range = range(expectation)?;
        if self.within(range) {
            return None;
        }
        let text = match expectation.timer {
            Some(timer) => format!("a timer of {timer:?}, {range}"),
            None => range.to_string(),
        };
        let took = short_duration(self.elapsed);
        Some(if self.is_under(range) {
            format!("expected to take {text}, took only {took:?}")
        } else if self.late > Duration::from_millis(1) {
            let late = short_duration(self.late);
            format!("expected to take {text}, took {took:?} (of which the machine was late for {late:?})")
        } else {
            format!("expected to take {text}, took {took:?}")
        })
    }

    /// What is wrong with the times between segments. A quarter is allowed for: an eighth is the granularity of kernel
    /// timers, and either end of a gap may be seen late, which makes it longer or shorter. Where nothing is seen late,
    /// no gap is shorter than it should be.
    pub(super) fn wrong_gaps(&self, gaps: &[Duration], step: &StepRecord) -> Option<String> {
        let times: Vec<_> = step.seen.iter().map(|sample| Duration::from_nanos(sample.at)).collect();
        let seen: Vec<_> = times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
        let slack = |gap: Duration| gap / 4 + Duration::from_millis(50) + self.late;
        let fits = |(gap, seen): (&Duration, &Duration)| {
            let shortest = if self.exact { *gap } else { gap.saturating_sub(slack(*gap)) };
            *seen >= shortest && *seen <= *gap + slack(*gap)
        };
        if seen.len() == gaps.len() && gaps.iter().zip(&seen).all(fits) {
            return None;
        }
        let seen: Vec<_> = seen.into_iter().map(short_duration).collect();
        Some(format!("expected gaps of {gaps:?}, got {seen:?}"))
    }

    /// Whether it was over too soon.
    pub(super) fn is_soon(&self, expectation: &Expectation) -> bool {
        range(expectation).is_some_and(|range| self.is_under(range))
    }

    pub(super) fn within(&self, range: Takes) -> bool {
        !self.is_under(range) && range.to.is_none_or(|to| self.elapsed <= to + self.late)
    }

    fn is_under(&self, range: Takes) -> bool {
        self.elapsed + self.behind < range.from
    }
}

/// The time that is expected. A kernel timer does not fire before its time; it fires after it by the granularity of the
/// platform's timers, which on Linux is an eighth (kernel/time/timer.c) and a tick of at most 10 ms.
fn range(expectation: &Expectation) -> Option<Takes> {
    let of_timer = |timer| Takes { from: timer, to: Some(timer + timer / 8 + Duration::from_millis(10)) };
    expectation.timer.map(of_timer).or(expectation.takes)
}

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

pub(super) fn short(ns: u64) -> Duration {
    short_duration(Duration::from_nanos(ns))
}

/// Rounded, so that a reader is not given nine digits.
pub(super) fn short_duration(duration: Duration) -> Duration {
    let ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    let unit = match ns {
        0..1_000 => 1,
        1_000..1_000_000 => 1_000,
        1_000_000..1_000_000_000 => 100_000,
        _ => 10_000_000,
    };
    Duration::from_nanos(ns / unit * unit)
}
