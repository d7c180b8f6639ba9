//! Which steps matter, and which trials can be told together: those of a case that came out alike on each platform.

use std::collections::{BTreeMap, BTreeSet};

use sockspec_harness::case::expected::{Expected, Want};
use sockspec_harness::case::source::Span;
use sockspec_harness::case::suite::{LoadError, Suite};
use sockspec_harness::case::trial::{Trial, TrialStep};

use super::columns::{self, InTrial, Source, Trials};
use super::{Cell, Known, Matrix, Row};
use crate::evidence::observed::Observed;
use crate::evidence::rows::{of, parts};

/// Makes the matrix of all cases.
pub fn matrix(suite: &Suite, observed: &[Observed]) -> Result<Matrix, LoadError> {
    let (trials, sources) = columns::read(suite, observed)?;
    let mut rows = Vec::new();
    for case in &suite.cases {
        rows.extend(of_the_case(&of_case(&trials, &case.id), &sources));
    }
    Ok(Matrix { columns: sources.into_iter().map(|source| source.column).collect(), rows })
}

/// The trials of a case: the one without rows, or those with.
fn of_case<'a>(trials: &'a Trials, case: &str) -> Vec<&'a Trial> {
    // `queue-full-at-handshake` stands between `queue-full` and `queue-full[ipv4]`.
    let rows = format!("{case}[");
    let with_rows = trials.range(rows.clone()..).take_while(|(id, _)| id.starts_with(&rows));
    trials.get(case).into_iter().chain(with_rows.map(|(_, trial)| trial)).collect()
}

/// Where a step stands in the case, and what came out of it.
type Key = (String, Span, Vec<Cell>);

fn of_the_case(trials: &[&Trial], sources: &[Source]) -> Vec<Row> {
    let mut groups: BTreeMap<Key, Vec<(usize, usize)>> = BTreeMap::new();
    for (at, trial) in trials.iter().enumerate() {
        for (number, cells) in that_matter(trial, sources) {
            let place = &trial.steps[number - 1].step.place;
            let key = (place.source.path.clone(), place.span, cells);
            let members = groups.entry(key).or_default();
            if members.last().is_none_or(|(last, _)| *last != at) {
                members.push((at, number));
            }
        }
    }
    let Some(case) = trials.first().map(|trial| &trial.case) else { return Vec::new() };
    let axes: Vec<String> = case.axes.iter().map(|axis| axis.name.clone()).collect();
    let all: Vec<_> = trials.iter().map(|trial| of(&trial.id)).collect();
    let mut rows = Vec::new();
    for ((_, _, cells), members) in groups {
        let numbers: BTreeMap<usize, usize> = members.iter().copied().collect();
        let members: Vec<usize> = numbers.keys().copied().collect();
        for part in parts(&axes, &all, &members) {
            let Some(first) = part.members.first() else { continue };
            let number = numbers[first];
            rows.push(Row {
                case: case.id.clone(),
                title: case.title.clone(),
                rows: part.label,
                trials: part.members.iter().map(|at| trials[*at].id.clone()).collect(),
                number,
                step: trials[*first].steps[number - 1].text.clone(),
                differs: differ(&cells),
                cells: cells.clone(),
            });
        }
    }
    rows.sort_by(|a, b| (a.number, &a.trials).cmp(&(b.number, &b.trials)));
    rows
}

/// The steps in which platforms differ; where there is none, the last one that says something.
fn that_matter(trial: &Trial, sources: &[Source]) -> Vec<(usize, Vec<Cell>)> {
    let cells = |number| cells(sources.iter(), &trial.id, number);
    let all: Vec<_> = (1..=trial.steps.len()).map(|number| (number, cells(number))).collect();
    let differing: Vec<_> = all.iter().filter(|(_, cells)| differ(cells)).cloned().collect();
    if !differing.is_empty() {
        return differing;
    }
    let says = |(number, _): &&(usize, Vec<Cell>)| says_something(&trial.steps[number - 1]);
    all.iter().rfind(says).or(all.last()).cloned().into_iter().collect()
}

/// What came out of a step of a trial on each platform.
pub(super) fn cells<'a>(sources: impl Iterator<Item = &'a Source>, trial: &str, number: usize) -> Vec<Cell> {
    sources.map(|source| cell(source.trials.get(trial), number)).collect()
}

fn cell(known: Option<&InTrial>, number: usize) -> Cell {
    match known {
        None => Cell::absent(),
        Some(InTrial::Skipped(reason)) => Cell { text: reason.clone(), known: Known::Skipped },
        Some(InTrial::Steps(steps)) => steps.get(&number).cloned().unwrap_or_else(Cell::absent),
    }
}

/// Whether an outcome is written for the step, or it is one that is not `ok`.
fn says_something(step: &TrialStep) -> bool {
    let written = step.step.layer.want.is_some() || step.step.open || !step.step.os.is_empty();
    written || step.expectation.want != Expected::just(Want::Ok)
}

/// Whether platforms differ, as far as it is known: by what was seen there or has a source.
#[must_use]
pub fn differ(cells: &[Cell]) -> bool {
    let known = || cells.iter().filter(|cell| matches!(cell.known, Known::Seen(_) | Known::Sourced { .. }));
    let texts: BTreeSet<_> = known().filter(|cell| !is_named(cell)).map(|cell| &cell.text).collect();
    // Of segments the question is whether they are those of the specification.
    let departing: BTreeSet<_> = known().map(Cell::departs).collect();
    texts.len() > 1 || (known().any(is_named) && departing.len() > 1)
}

/// Segments are numbers where they were seen, and names in cases.
fn is_named(cell: &Cell) -> bool {
    matches!(cell.known, Known::Sourced { .. }) && cell.text.contains("seq ")
}
