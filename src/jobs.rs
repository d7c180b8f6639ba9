//! From the cases to the jobs of a run: one for each trial of this machine, and one for each case that is wrong, which
//! says so.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sockspec_harness::case::diagnostic::Diagnostic;
use sockspec_harness::case::model::Case;
use sockspec_harness::case::suite::{Suite as Cases, WrongCase};
use sockspec_harness::case::trial::Trial;
use sockspec_harness::host::link::Link;
use sockspec_harness::host::loopback::{Loopback, Network};
use sockspec_harness::judge;
use sockspec_harness::judge::deviations::{Deviation, Deviations};
use sockspec_harness::judge::verdict::{Finding, Kind, Verdict};
use sockspec_harness::record::Record;
use sockspec_harness::results::TrialResult;
use sockspec_harness::run;

use crate::cases::{self, Files};
use crate::cli::Cli;
use crate::error::Error;
use crate::runner::{Job, broken};
use crate::suite::Suite;

/// Reads the cases and makes a job of each trial. With `--exact` only the files of the named cases are read.
pub fn load(cli: &Cli, network: &Network) -> Result<Suite, Error> {
    let link = link(network)?;
    let origin = cases::origin(&cli.common);
    let named: Option<Vec<&str>> = cli
        .run
        .exact
        .then(|| cli.run.filters.iter().map(|filter| filter.split('[').next().unwrap_or_default()).collect());
    let wanted = |case: &str| named.as_ref().is_none_or(|named| named.is_empty() || named.contains(&case));
    let error = |error| cases::error(&error, false);
    let suite = Cases::load(&origin, wanted).map_err(error)?;
    let platform = Arc::clone(link.platform());
    let deviations = suite.deviations(&platform).map_err(error)?.map(Arc::new);
    let mut unused: Vec<_> = deviations.iter().flat_map(|deviations| &deviations.deviations).collect();
    let machine = Arc::new(Machine { suite, link, deviations: deviations.clone() });
    let mut jobs = Vec::new();
    let wrong = machine.suite.visit_trials(&platform, |trial| {
        unused.retain(|entry| !entry.covers(&trial));
        jobs.push(machine.job(&trial));
    });
    // What an entry is about may be among the cases that are not there now.
    if let (Some(deviations), None, true) = (&deviations, &named, wrong.is_empty()) {
        check_unused(&deviations.stack, &unused)?;
    }
    let ids = wrong.iter().map(|case| case.id.clone()).collect();
    if !wrong.is_empty() {
        jobs.extend(wrong.iter().map(wrong_case));
        jobs.sort_by(|a, b| a.id.cmp(&b.id));
    }
    Ok(Suite { jobs, wrong: ids, platform: platform.as_ref().clone(), files: Arc::new(Files(origin)) })
}

/// The loopback link in the network that the process is in.
pub fn link(network: &Network) -> Result<Arc<Loopback>, Error> {
    Loopback::new(network).map(Arc::new).map_err(|fault| Error::Broken(fault.to_string()))
}

fn check_unused(stack: &str, unused: &[&Deviation]) -> Result<(), Error> {
    if unused.is_empty() {
        return Ok(());
    }
    let entries: Vec<_> =
        unused.iter().map(|entry| format!("  {} at `{}`", entry.cases.join(", "), entry.step)).collect();
    Err(Error::Cases(format!(
        "deviations/{stack}.yaml names trials that there are none of:\n{}",
        entries.join("\n")
    )))
}

/// What trials are made of and run on. A trial is only written out while it runs: all of them at once are large.
struct Machine {
    suite: Cases,
    link: Arc<Loopback>,
    deviations: Option<Arc<Deviations>>,
}

impl Machine {
    fn job(self: &Arc<Self>, trial: &Trial) -> Job {
        let (machine, case, cell) = (Arc::clone(self), Arc::clone(&trial.case), trial.cell);
        let (id, slow, least) = (trial.id.clone(), trial.case.slow, trial.least());
        let run = move || machine.result(&case, cell);
        Job { id, slow, least, run: Arc::new(run) }
    }

    fn result(&self, case: &Arc<Case>, cell: usize) -> TrialResult {
        match self.suite.trial(case, cell, self.link.platform()) {
            Some(trial) => result(&trial, self.link.as_ref(), self.deviations.as_deref()),
            None => broken(&case.id, format!("cell {cell} of its matrix has gone")),
        }
    }
}

/// What is wrong with a case, in the place of its trials: so it stands in every report, and filters find it.
fn wrong_case(case: &WrongCase) -> Job {
    let finding =
        |text| Finding { step: None, text, expected: None, observed: None, why: None, source: None };
    let said = |found: &Diagnostic| match &found.help {
        Some(help) => format!("{}; {help}", found.message),
        None => found.message.clone(),
    };
    // The last finding is the one that decided, which is drawn at its place.
    let (first, others) =
        case.found.split_first().map_or((None, &[][..]), |(first, others)| (Some(first), others));
    let others = others.iter().map(|found| finding(format!("{}: {}", found.position(), said(found))));
    let findings =
        others.chain(first.map(|found| finding(format!("the case is wrong: {}", said(found))))).collect();
    let (line, column) = first.map_or((1, 1), |found| found.source.line_column(found.span.start));
    let result = TrialResult {
        id: case.id.clone(),
        case: case.id.clone(),
        title: String::new(),
        axes: BTreeMap::new(),
        covers: Vec::new(),
        file: first.map_or_else(|| format!("{}.yaml", case.id), |found| found.source.path.clone()),
        line,
        column,
        steps: Vec::new(),
        runs: 1,
        also: BTreeMap::new(),
        real_duration: None,
        verdict: Verdict { kind: Kind::Broken, findings },
        record: Record::default(),
    };
    Job { id: case.id.clone(), slow: false, least: Duration::ZERO, run: Arc::new(move || result.clone()) }
}

/// Runs a trial and judges it.
#[must_use]
pub fn result(trial: &Trial, link: &dyn Link, deviations: Option<&Deviations>) -> TrialResult {
    if let Some(reason) = &trial.skip {
        return trial.result(judge::skip(reason), Record::default());
    }
    if let Some(verdict) = deviations.and_then(|deviations| deviations.spare(trial)) {
        return trial.result(verdict, Record::default());
    }
    match run::run(trial, link) {
        Ok(record) => {
            let mut verdict = judge::judge(trial, &record);
            if let Some(deviations) = deviations {
                verdict = deviations.apply(trial, &record, verdict);
            }
            trial.result(verdict, record)
        }
        Err(unavailable) => trial.result(judge::skip(&unavailable.to_string()), Record::default()),
    }
}
