//! `sockspec explain`: a case in words, with what is expected on each platform, and why.

use std::io::{self, Write};

use sockspec_harness::case::expected::{Expected, Layer, Want};
use sockspec_harness::case::step::Step;
use sockspec_harness::case::suite::{Requirement, Suite};
use sockspec_harness::case::trial::Trial;
use sockspec_harness::host::loopback::Network;

use crate::cases;
use crate::cli::Common;
use crate::error::Error;
use crate::exit::Exit;
use crate::jobs;

/// Explains a case, or one trial of it.
pub fn explain(id: &str, common: &Common, network: &Network, out: &mut dyn Write) -> Result<Exit, Error> {
    let case = id.split('[').next().unwrap_or_default();
    let wrong = |error| cases::error(&error, false);
    let suite = Suite::load(&cases::origin(common), |path| path == case).map_err(wrong)?;
    if suite.cases.is_empty() {
        return Err(Error::Usage(format!("there is no case `{case}`; `sockspec list` shows them all")));
    }
    let link = jobs::link(network)?;
    let trials = suite.trials(link.platform()).map_err(wrong)?;
    let trials: Vec<_> = trials.iter().filter(|trial| id == case || trial.id == id).collect();
    let Some(first) = trials.first() else {
        return Err(Error::Usage(format!("`{id}` is no trial of this case on this platform")));
    };
    write(first, &trials, &suite, out).map_err(|error| Error::Stdout(error.to_string()))?;
    Ok(Exit::AsRecorded)
}

fn write(first: &Trial, trials: &[&Trial], suite: &Suite, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}\n{}\n", first.case.id, first.case.title)?;
    let requirements = suite.read_requirements();
    for id in trials.iter().flat_map(|trial| &trial.covers).collect::<std::collections::BTreeSet<_>>() {
        match requirements.and_then(|all| all.get(id)) {
            Some(Requirement { title, source, .. }) => writeln!(out, "covers {id}: {title} ({source})")?,
            None => writeln!(out, "covers {id}")?,
        }
    }
    if trials.len() > 1 {
        writeln!(out, "\ntrials on this platform")?;
        for trial in trials {
            let skip = trial.skip.as_ref().map_or(String::new(), |reason| format!("  (skipped: {reason})"));
            writeln!(out, "  {}{skip}", trial.id)?;
        }
    }
    writeln!(out, "\nsteps of {}", first.id)?;
    for (i, trial_step) in first.steps.iter().enumerate() {
        writeln!(out, "  {:>2}. {}", i + 1, trial_step.text)?;
        step(&trial_step.step, out)?;
    }
    Ok(())
}

/// What is expected of a step: by the specification, and on platforms that differ.
fn step(step: &Step, out: &mut dyn Write) -> io::Result<()> {
    let default = Expected::just(Want::Ok);
    let want = step.layer.want.as_ref();
    match (want, step.open, step.background.is_some()) {
        (_, true, _) => writeln!(out, "        the specification leaves the choice")?,
        (_, _, true) => {}
        (Some(_), ..) => layer("expected", &step.layer, want, out)?,
        (None, ..) if step.layer != Layer::default() => layer("expected", &step.layer, Some(&default), out)?,
        (None, ..) => {}
    }
    for entry in &step.os {
        layer(&entry.selector.to_string(), &entry.layer, entry.layer.want.as_ref(), out)?;
    }
    Ok(())
}

fn layer(who: &str, layer: &Layer, want: Option<&Expected>, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "        {who}:")?;
    if let Some(want) = want {
        write!(out, " {want}")?;
    }
    if let Some(Some(signal)) = &layer.signal {
        write!(out, " and {signal}")?;
    }
    if let Some(takes) = &layer.takes {
        write!(out, ", takes {takes}")?;
    }
    if let Some(timer) = &layer.timer {
        write!(out, ", a timer of {timer:?}")?;
    }
    if let Some(why) = &layer.why {
        write!(out, ", because {why}")?;
    }
    if let Some(source) = &layer.source {
        write!(out, " ({source})")?;
    }
    writeln!(out)
}
