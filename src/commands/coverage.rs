//! `sockspec coverage`: which cases cover which requirement.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use sockspec_harness::case::suite::{Requirement, Suite};
use sockspec_harness::glob::glob;
use sockspec_harness::host::loopback::Network;
use sockspec_harness::judge::verdict::Kind;
use sockspec_harness::platform::{Os, Platform, typical};

use crate::cases;
use crate::cli::{Common, CoverageArgs};
use crate::error::Error;
use crate::evidence::read;
use crate::exit::Exit;
use crate::jobs;

/// The worst verdict of a case's trials in a run.
type Verdicts = BTreeMap<String, Kind>;

/// The cases that cover a requirement, by its id.
type Covered = BTreeMap<String, Vec<String>>;

/// Shows the cases of each requirement that has some, or of those that are named, or those without; and counts all.
pub fn coverage(
    args: &CoverageArgs,
    common: &Common,
    network: &Network,
    out: &mut dyn Write,
) -> Result<Exit, Error> {
    let suite = Suite::load(&cases::origin(common), |_| true).map_err(|error| cases::error(&error, false))?;
    let Some(requirements) = suite.read_requirements() else {
        return Err(Error::Usage("the folder of cases has no readable requirements.yaml".to_owned()));
    };
    for pattern in &args.ids {
        if !requirements.keys().any(|id| glob(pattern, id)) {
            return Err(Error::Usage(format!("there is no requirement `{pattern}`")));
        }
    }
    let here = jobs::link(network)?.platform().clone();
    let (covered, elsewhere) = (covered(&suite, &here)?, elsewhere(&suite, here.os)?);
    let verdicts = read_verdicts(&args.results)?;
    if verdicts.is_empty() && !args.uncovered {
        writeln!(out, "no run in {}: without verdicts", args.results.display()).map_err(stdout)?;
    }
    let mut shown = false;
    for requirement in requirements.values() {
        let cases = covered.get(requirement.id.as_str());
        let named = args.ids.iter().any(|pattern| glob(pattern, &requirement.id));
        let wanted = match (args.uncovered, args.ids.is_empty()) {
            (true, all) => cases.is_none() && (all || named),
            (false, true) => cases.is_some(),
            (false, false) => named,
        };
        shown |= wanted;
        if wanted {
            let elsewhere = elsewhere.get(requirement.id.as_str());
            write(requirement, cases, elsewhere, &verdicts, out).map_err(stdout)?;
        }
    }
    if !shown {
        writeln!(out, "all of these are covered").map_err(stdout)?;
    }
    if args.ids.is_empty() {
        counts(requirements, &covered, &elsewhere, out).map_err(stdout)?;
    }
    Ok(Exit::AsRecorded)
}

/// What is covered on a platform.
fn covered(suite: &Suite, platform: &Platform) -> Result<Covered, Error> {
    let mut covered = Covered::new();
    let wrong = suite.visit_trials(platform, |trial| {
        for id in &trial.covers {
            let cases = covered.entry(id.clone()).or_default();
            if cases.last() != Some(&trial.case.id) {
                cases.push(trial.case.id.clone());
            }
        }
    });
    match wrong.first() {
        None => Ok(covered),
        Some(case) => Err(Error::Cases(cases::render(&case.found, false))),
    }
}

/// What is covered on other systems, with the system's name behind each case.
fn elsewhere(suite: &Suite, here: Os) -> Result<Covered, Error> {
    let mut elsewhere = Covered::new();
    for os in Os::ALL.into_iter().filter(|os| *os != here) {
        for (id, cases) in covered(suite, &typical::platform(os))? {
            let cases = cases.into_iter().map(|case| format!("{case:<48} on {}", os.name()));
            elsewhere.entry(id).or_default().extend(cases);
        }
    }
    Ok(elsewhere)
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
    cases: Option<&Vec<String>>,
    elsewhere: Option<&Vec<String>>,
    verdicts: &Verdicts,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "{}: {} ({})", requirement.id, requirement.title, requirement.source)?;
    for case in cases.into_iter().flatten() {
        let verdict = verdicts.get(case).map_or("not run", |kind| kind.name());
        writeln!(out, "    {case:<48} {verdict}")?;
    }
    match (cases, elsewhere) {
        (Some(_), _) => {}
        (None, Some(others)) => others.iter().try_for_each(|case| writeln!(out, "    {case}"))?,
        (None, None) => writeln!(out, "    no case")?,
    }
    Ok(())
}

/// How many of each kind are covered, here or only on other systems: the kind is the id's beginning.
fn counts(
    requirements: &BTreeMap<String, Requirement>,
    covered: &Covered,
    elsewhere: &Covered,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut kinds: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
    for id in requirements.keys() {
        let (here, others, all) = kinds.entry(kind(id)).or_default();
        *all += 1;
        if covered.contains_key(id) {
            *here += 1;
        } else if elsewhere.contains_key(id) {
            *others += 1;
        }
    }
    writeln!(out, "\n{:<12} {:>8} {:>10} {:>8}", "kind", "covered", "elsewhere", "of")?;
    for (kind, (here, others, all)) in kinds {
        writeln!(out, "{kind:<12} {here:>8} {others:>10} {all:>8}")?;
    }
    Ok(())
}

/// What an id begins with: `RFC9293` of RFC9293-MUST-21, `T` of T25.
fn kind(id: &str) -> &str {
    id.split_once([':', '-'])
        .map_or_else(|| id.trim_end_matches(|c: char| c.is_ascii_digit()), |(kind, _)| kind)
}

fn stdout(error: io::Error) -> Error {
    Error::Stdout(error.to_string())
}
