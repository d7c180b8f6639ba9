//! `sockspec coverage`: which cases cover which requirement.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use sockspec_harness::case::suite::{Requirement, Suite};
use sockspec_harness::host::loopback::Network;
use sockspec_harness::judge::verdict::Kind;

use crate::cases;
use crate::cli::Common;
use crate::error::Error;
use crate::evidence::read;
use crate::exit::Exit;
use crate::jobs;

/// The worst verdict of a case's trials in a run.
type Verdicts = BTreeMap<String, Kind>;

/// Shows the cases of each requirement that has some, or of those that are named, and counts the rest.
pub fn coverage(
    ids: &[String],
    results: &Path,
    common: &Common,
    network: &Network,
    out: &mut dyn Write,
) -> Result<Exit, Error> {
    let wrong = |error| cases::error(&error, false);
    let suite = Suite::load(&cases::origin(common), |_| true).map_err(wrong)?;
    let link = jobs::link(network)?;
    let trials = suite.trials(link.platform()).map_err(wrong)?;
    let Some(requirements) = suite.read_requirements() else {
        return Err(Error::Usage("the folder of cases has no readable requirements.yaml".to_owned()));
    };
    if let Some(unknown) = ids.iter().find(|id| !requirements.contains_key(*id)) {
        return Err(Error::Usage(format!("there is no requirement `{unknown}`")));
    }
    let mut covered: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for trial in &trials {
        for id in &trial.covers {
            let cases = covered.entry(id.as_str()).or_default();
            if cases.last() != Some(&trial.case.id.as_str()) {
                cases.push(&trial.case.id);
            }
        }
    }
    let verdicts = read_verdicts(results)?;
    if verdicts.is_empty() {
        writeln!(out, "no run in {}: without verdicts", results.display()).map_err(stdout)?;
    }
    for requirement in requirements.values() {
        let cases = covered.get(requirement.id.as_str());
        let wanted = if ids.is_empty() { cases.is_some() } else { ids.contains(&requirement.id) };
        if wanted {
            write(requirement, cases, &verdicts, out).map_err(stdout)?;
        }
    }
    if ids.is_empty() {
        counts(requirements, &covered, out).map_err(stdout)?;
    }
    Ok(Exit::AsRecorded)
}

/// The verdicts of a run; none where there was none.
fn read_verdicts(results: &Path) -> Result<Verdicts, Error> {
    if !results.exists() {
        return Ok(Verdicts::new());
    }
    let results = read::run(results)?;
    let mut verdicts = Verdicts::new();
    for trial in results.trials {
        let worst = verdicts.entry(trial.case).or_insert(trial.verdict.kind);
        *worst = (*worst).max(trial.verdict.kind);
    }
    Ok(verdicts)
}

fn write(
    requirement: &Requirement,
    cases: Option<&Vec<&str>>,
    verdicts: &Verdicts,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "{}: {} ({})", requirement.id, requirement.title, requirement.source)?;
    for case in cases.into_iter().flatten() {
        let verdict = verdicts.get(*case).map_or("not run", |kind| kind.name());
        writeln!(out, "    {case:<48} {verdict}")?;
    }
    if cases.is_none() {
        writeln!(out, "    no case")?;
    }
    Ok(())
}

/// How many of each kind are covered: the kind is the id's beginning.
fn counts(
    requirements: &BTreeMap<String, Requirement>,
    covered: &BTreeMap<&str, Vec<&str>>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut kinds: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for id in requirements.keys() {
        let kind = id.split([':', '-']).next().unwrap_or_default();
        let kind =
            if kind.starts_with(['T', 'E']) && kind[1..].parse::<u32>().is_ok() { &kind[..1] } else { kind };
        let (all, done) = kinds.entry(kind).or_default();
        *all += 1;
        *done += usize::from(covered.contains_key(id.as_str()));
    }
    writeln!(out, "\n{:<12} {:>8} {:>8}", "kind", "covered", "of")?;
    for (kind, (all, done)) in kinds {
        writeln!(out, "{kind:<12} {done:>8} {all:>8}")?;
    }
    Ok(())
}

fn stdout(error: io::Error) -> Error {
    Error::Stdout(error.to_string())
}
