//! Running a trial: its steps, one after the other, on the hosts that a link gives it. What happened is written into a
//! record; the only judgement made here is whether to go on.

mod calls;
mod names;
mod steps;
mod wire;

use std::time::{Duration, Instant};

use crate::case::trial::Trial;
use crate::host::HostFault;
use crate::host::link::{Link, Unavailable};
use crate::judge::{self, Said};
use crate::record::{End, Record, StepRecord};
use steps::Runner;

/// How long a step waits for what is expected where the case does not say.
pub const STEP_LIMIT: Duration = Duration::from_secs(15);

/// Runs a trial. Without a link there is no record.
pub fn run(trial: &Trial, link: &dyn Link) -> Result<Record, Unavailable> {
    let session = link.open(&trial.request)?;
    // Packets and steps are told by one clock.
    let begin = session.cable.as_ref().map_or_else(Instant::now, |cable| cable.begin());
    let mut runner = Runner::new(trial, session, begin);
    let mut record = Record { steps: Vec::with_capacity(trial.steps.len()), ..Record::default() };
    if let Err(fault) = steps(trial, &mut runner, &mut record) {
        record.fault = Some(fault);
    }
    record.packets = runner.end();
    record.duration = ns(begin.elapsed());
    Ok(record)
}

fn steps(trial: &Trial, runner: &mut Runner<'_>, record: &mut Record) -> Result<(), HostFault> {
    if trial.steps.iter().any(|step| step.expectation.may_be_late()) {
        runner.watch_lateness();
    }
    let mut after_unknown = false;
    for index in 0..trial.steps.len() {
        if runner.remaining().is_zero() {
            record.steps.push(out_of_time(index, runner));
            return Ok(());
        }
        record.steps.push(runner.step(index)?);
        record.behind = runner.behind();
        match judge::say(trial, record, record.steps.len() - 1) {
            Said::Mismatch(_) if !after_unknown => return Ok(()),
            Said::Unknown(_) => after_unknown = true,
            Said::Match | Said::Deviates(_) if trial.steps[index].expectation.stop => return Ok(()),
            Said::Match | Said::Deviates(_) | Said::Mismatch(_) => {}
        }
    }
    Ok(())
}

fn out_of_time(index: usize, runner: &Runner<'_>) -> StepRecord {
    let now = runner.now();
    StepRecord {
        step: index,
        call: None,
        completion: None,
        seen: Vec::new(),
        outcome: None,
        end: End::Limit,
        note: None,
        late: 0,
        begin: now,
        finish: now,
    }
}

fn ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
