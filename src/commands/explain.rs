//! `sockspec explain`: a case in words, with what is expected on each platform and why, and what was observed there.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;

use sockspec_harness::case::answers::{CellAnswers, StepAnswers};
use sockspec_harness::case::expected::Layer;
use sockspec_harness::case::model::{Case, Link};
use sockspec_harness::case::suite::{LoadError, Requirement, Suite};
use sockspec_harness::case::trial::Trial;
use sockspec_harness::host::loopback::Network;

use crate::aligned::{AlignedStep, align};
use crate::cases;
use crate::cli::Common;
use crate::error::Error;
use crate::evidence::read;
use crate::exit::Exit;
use crate::jobs;
use crate::rows::Variant;

mod observed;

/// Where the outcomes of a step begin.
const INDENT: &str = "        ";

/// Explains a case, or one trial of it.
pub fn explain(
    id: &str,
    observed: &Path,
    common: &Common,
    network: &Network,
    out: &mut dyn Write,
) -> Result<Exit, Error> {
    let name = id.split('[').next().unwrap_or_default();
    let wrong = |error| cases::error(&error, false);
    let suite = Suite::load(&cases::origin(common), |path| path == name).map_err(wrong)?;
    let (answers, mut unusable) = suite.answers();
    if let Some(case) = unusable.pop() {
        return Err(wrong(LoadError::Wrong(case.found)));
    }
    let Some((case, mut cells)) = answers.into_iter().next() else {
        return Err(Error::Usage(format!("there is no case `{name}`; `sockspec list` shows them all")));
    };
    if id != name {
        cells.retain(|cell| cell.id == id);
    }
    if cells.is_empty() {
        return Err(Error::Usage(format!(
            "`{name}` has no trial `{id}`; `sockspec explain {name}` shows them"
        )));
    }
    let link = jobs::link(network)?;
    let trials = suite.trials(link.platform()).map_err(wrong)?;
    let evidence = read::all(observed)?;
    write(&case, &cells, &trials, &suite, out)
        .and_then(|()| observed::write(&case.id, &cells, &evidence, out))
        .map_err(|error| Error::Stdout(error.to_string()))?;
    Ok(Exit::AsRecorded)
}

fn write(
    case: &Case,
    cells: &[CellAnswers],
    trials: &[Trial],
    suite: &Suite,
    out: &mut dyn Write,
) -> io::Result<()> {
    let id = match cells {
        [one] => &one.id,
        _ => &case.id,
    };
    writeln!(out, "{id}\n{}\n", case.title)?;
    match (case.link, case.raw) {
        (Link::Loopback, _) => {}
        (Link::Wire, false) => {
            writeln!(out, "Two hosts on a wire, whose segments the case holds and lets go.\n")?
        }
        (Link::Wire, true) => writeln!(out, "One host on a wire; the case plays the other.\n")?,
    }
    covers(cells, suite, out)?;
    where_it_runs(cells, trials, out)?;
    writeln!(out, "\nsteps")?;
    for (i, step) in align(cells).iter().enumerate() {
        for (n, variant) in step.variants(|step| Some(step.text.clone())).iter().enumerate() {
            let number = if n == 0 { format!("{:>3}. ", i + 1) } else { " ".repeat(5) };
            writeln!(out, "{number}{}", with_rows(variant))?;
        }
        outcomes(step, out)?;
    }
    Ok(())
}

/// What asks for the behaviour, and where that is written.
fn covers(cells: &[CellAnswers], suite: &Suite, out: &mut dyn Write) -> io::Result<()> {
    let requirements = suite.read_requirements();
    writeln!(out, "covers")?;
    for id in cells.iter().flat_map(|cell| &cell.covers).collect::<BTreeSet<_>>() {
        match requirements.and_then(|all| all.get(id)) {
            Some(Requirement { title, source, .. }) => writeln!(out, "  {id}: {title} ({source})")?,
            None => writeln!(out, "  {id}")?,
        }
    }
    Ok(())
}

/// The trials of this platform, those that it skips, and those that are another one's.
fn where_it_runs(cells: &[CellAnswers], trials: &[Trial], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\ntrials on this platform")?;
    let mut elsewhere = Vec::new();
    for cell in cells {
        let Some(trial) = trials.iter().find(|trial| trial.id == cell.id) else {
            elsewhere.push(cell);
            continue;
        };
        let skip = trial.skip.as_ref().map_or(String::new(), |reason| format!("  (skipped: {reason})"));
        writeln!(out, "  {}{skip}", trial.id)?;
    }
    if elsewhere.len() == cells.len() {
        writeln!(out, "  none")?;
    }
    if !elsewhere.is_empty() {
        writeln!(out, "\nnot on this platform")?;
    }
    for cell in elsewhere {
        let needs: Vec<_> = cell.needs.iter().map(String::as_str).collect();
        writeln!(out, "  {}  (needs {})", cell.id, needs.join(", "))?;
    }
    Ok(())
}

/// What comes out of a step: by the specification, and on systems that differ.
fn outcomes(step: &AlignedStep<'_>, out: &mut dyn Write) -> io::Result<()> {
    if step.each().all(StepAnswers::is_plain) {
        return Ok(());
    }
    for variant in step.variants(specification) {
        writeln!(out, "{INDENT}{}", with_rows(&variant))?;
    }
    let mut selectors: Vec<String> = Vec::new();
    for answer in step.each().flat_map(|step| &step.systems) {
        let selector = answer.selector.to_string();
        if !selectors.contains(&selector) {
            selectors.push(selector);
        }
    }
    for selector in &selectors {
        let of_system = |step: &StepAnswers| {
            let answer = step.systems.iter().find(|answer| answer.selector.to_string() == *selector);
            answer.map(|answer| format!("{selector}: {}", said(&answer.layer)))
        };
        for variant in step.variants(of_system) {
            writeln!(out, "{INDENT}{}", with_rows(&variant))?;
        }
    }
    if !selectors.is_empty() {
        others(step, out)?;
    }
    Ok(())
}

/// The specification's answer, unless it is that a call whose outcome is told later goes well.
fn specification(step: &StepAnswers) -> Option<String> {
    if step.step.open {
        return Some("the specification leaves the choice".to_owned());
    }
    if step.step.background.is_some() && step.asked().is_none() {
        return None;
    }
    Some(format!("specification: {}", said(&step.specification)))
}

/// Systems of which nothing is said in any row.
fn others(step: &AlignedStep<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut others: BTreeSet<_> = sockspec_harness::platform::Os::ALL.into();
    for step in step.each() {
        let of_step: BTreeSet<_> = step.others().collect();
        others.retain(|os| of_step.contains(os));
    }
    if others.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = others.iter().map(|os| os.name()).collect();
    let open = step.each().all(|step| step.step.open);
    let what = if open { "nobody knows" } else { "as the specification" };
    writeln!(out, "{INDENT}{}: {what}", names.join(", "))
}

fn with_rows(variant: &Variant<String>) -> String {
    match variant.rows.as_str() {
        "" => variant.value.clone(),
        rows => format!("{}  [{rows}]", variant.value),
    }
}

/// What a layer says: `ECONNREFUSED, takes 1.5s..4s, because … (source)`.
#[must_use]
pub fn said(layer: &Layer) -> String {
    let mut parts: Vec<String> = Vec::new();
    parts.extend(layer.want.as_ref().map(ToString::to_string));
    if let (Some(Some(signal)), Some(last)) = (&layer.signal, parts.last_mut()) {
        last.push_str(&format!(" and {signal}"));
    }
    parts.extend(layer.takes.map(|takes| format!("takes {takes}")));
    parts.extend(layer.timer.map(|timer| format!("a timer of {timer:?}")));
    parts.extend(layer.gaps.as_ref().map(|gaps| format!("gaps of {gaps:?}")));
    parts.extend(layer.why.as_ref().map(|why| format!("because {why}")));
    parts.extend(layer.stop.then(|| "and the case is over".to_owned()));
    let mut text = parts.join(", ");
    if let Some(source) = &layer.source {
        text += &format!("{}({source})", if text.is_empty() { "" } else { " " });
    }
    text
}

#[cfg(test)]
#[path = "explain_tests.rs"]
mod tests;
