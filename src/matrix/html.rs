//! The matrix as one page, to be opened from a disk: its data stand in it, and a small script draws them.
//!
//! What a row opens to is that of its first trial: steps with what came out of each on each platform, the reasons and
//! sources of what is expected, and where a run is at hand the segments that it saw.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::{AutoEscape, Environment, context};
use serde::Serialize;

use sockspec_harness::case::suite::{LoadError, Suite};
use sockspec_harness::case::trial::Trial;
use sockspec_harness::judge::words;
use sockspec_harness::results::{Results, TrialResult};
use sockspec_harness::wire::Side;

use super::columns::{self, Source, Trials};
use super::rows::cells;
use super::{Cell, Known, Matrix, Row};
use crate::error::Error;
use crate::evidence::mark::Mark;
use crate::evidence::observed::Observed;
use crate::report::ladder;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// More segments than this are not drawn.
const MOST_SEGMENTS: usize = 60;

/// The page. `runs` are searched for the segments of trials, in order.
pub fn page(
    matrix: &Matrix,
    suite: &Suite,
    observed: &[Observed],
    runs: &[Results],
) -> Result<String, Error> {
    let wrong = |error: LoadError| crate::cases::error(&error, false);
    let (trials, sources) = columns::read(suite, observed).map_err(wrong)?;
    let sources = matrix.columns.iter().filter_map(|column| sources.iter().find(|one| one.column == *column));
    let sources: Vec<_> = sources.collect();
    let reasons = reasons(suite).map_err(wrong)?;
    let kin = matrix.kin();
    let (mut texts, mut lines) = (Texts::default(), Lines::default());
    let mut cases: Vec<Case> = Vec::new();
    for rows in matrix.rows.chunk_by(|a, b| a.case == b.case) {
        let mut line = |cells: &[Cell], texts: &mut Texts| {
            lines.at(kin.iter().map(|kin| texts.cell(&kin.cell(cells))).collect())
        };
        cases.extend(case(rows, &trials, &sources, &reasons, runs, &mut line, &mut texts));
    }
    let data = serde_json::to_string(&Data { cases: &cases, texts: &texts.all, lines: &lines.all })
        .map_err(|error| Error::Broken(error.to_string()))?;
    let families: Vec<&str> = matrix.families().map(|(family, _)| family).collect();
    let heads: Vec<_> = kin.iter().map(|kin| kin.head.as_str()).collect();
    let columns: Vec<_> = matrix
        .columns
        .iter()
        .map(|column| {
            let run = column.run.as_ref();
            context! {
                name => column.name,
                system => run.map(|run| run.system.as_str()),
                recorded => run.map(|run| run.recorded.as_str()),
                repeat => run.map(|run| run.repeat.as_str()),
            }
        })
        .collect();
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    // In a script element nothing but its end acts.
    let data = data.replace("</", "<\\/");
    let context = context! { style => STYLE, script => SCRIPT, data, families, columns, heads,
    version => env!("CARGO_PKG_VERSION"), differing => matrix.rows.iter().filter(|row| row.differs).count(),
    rows => matrix.rows.len() };
    environment.render_str(PAGE, context).map_err(|error| Error::Broken(format!("the page: {error}")))
}

#[derive(Serialize)]
struct Data<'a> {
    cases: &'a [Case],
    texts: &'a [String],
    lines: &'a [Vec<CellData>],
}

/// Single letters, since there are thousands.
#[derive(Serialize)]
struct Case {
    id: String,
    title: String,
    covers: Vec<String>,
    rows: Vec<RowData>,
}

#[derive(Serialize)]
struct RowData {
    /// The rows of its trials, in words.
    l: String,
    /// One of its trials, and how many there are.
    t: String,
    n: usize,
    /// The step: its number and its text.
    s: (usize, usize),
    /// Its line of cells.
    c: usize,
    /// Whether platforms differ.
    d: bool,
    /// All steps of the trial, each with its line of cells.
    all: Vec<(usize, usize)>,
    /// What is expected, why, and who says so: step, whom it is about, outcome, why, source.
    why: Vec<(usize, usize, usize, usize, usize)>,
    /// Segments: step, from the client, label, fate.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    w: Vec<(usize, bool, usize, usize)>,
}

/// A text, and how it is known.
type CellData = (usize, u8);

/// Lines of cells, each once: most steps come out alike.
#[derive(Default)]
struct Lines {
    all: Vec<Vec<CellData>>,
    known: BTreeMap<Vec<CellData>, usize>,
}

impl Lines {
    fn at(&mut self, line: Vec<CellData>) -> usize {
        *self.known.entry(line.clone()).or_insert_with(|| {
            self.all.push(line);
            self.all.len() - 1
        })
    }
}

/// Texts, each once.
#[derive(Default)]
struct Texts {
    all: Vec<String>,
    known: BTreeMap<String, usize>,
}

impl Texts {
    fn at(&mut self, text: &str) -> usize {
        *self.known.entry(text.to_owned()).or_insert_with(|| {
            self.all.push(text.to_owned());
            self.all.len() - 1
        })
    }

    fn cell(&mut self, cell: &Cell) -> CellData {
        // The script's list of the same.
        let known = match cell.known {
            Known::Seen(Mark::Agrees) => 0,
            Known::Seen(Mark::Deviates) => 1,
            Known::Seen(Mark::Unknown) => 2,
            Known::Seen(Mark::UnknownDeviates) => 3,
            Known::Seen(Mark::Unexpected) => 4,
            Known::Seen(Mark::UnexpectedDeviates) => 5,
            Known::Sourced { departs: false } => 6,
            Known::Sourced { departs: true } => 7,
            Known::Specified => 8,
            Known::Unknown => 9,
            Known::Skipped => 10,
            Known::Absent => 11,
            Known::Mixed { departs: false } => 12,
            Known::Mixed { departs: true } => 13,
        };
        (self.at(&cell.text), known)
    }
}

fn case(
    rows: &[Row],
    trials: &Trials,
    sources: &[&Source],
    reasons: &Reasons,
    runs: &[Results],
    line: &mut dyn FnMut(&[Cell], &mut Texts) -> usize,
    texts: &mut Texts,
) -> Option<Case> {
    let first = rows.first()?;
    let mut covers = BTreeSet::new();
    let mut of_rows = Vec::new();
    for row in rows {
        let Some(trial) = row.trials.first().and_then(|id| trials.get(id)) else { continue };
        covers.extend(trial.covers.iter().cloned());
        let steps = trial.steps.iter().enumerate();
        let all = steps.map(|(at, step)| {
            let in_step = cells(sources.iter().copied(), &trial.id, at + 1);
            (texts.at(&step.text), line(&in_step, texts))
        });
        let all = all.collect();
        of_rows.push(RowData {
            l: row.rows.clone(),
            t: trial.id.clone(),
            n: row.trials.len(),
            all,
            s: (row.number, texts.at(&row.step)),
            c: line(&row.cells, texts),
            d: row.differs,
            why: why(trial, reasons, texts),
            w: segments(&trial.id, runs, texts),
        });
    }
    let covers = covers.into_iter().collect();
    Some(Case { id: first.case.clone(), title: first.title.clone(), covers, rows: of_rows })
}

/// What is expected of a step, and why.
struct Reason {
    step: usize,
    whom: String,
    outcome: String,
    why: String,
    source: String,
}

/// By trial.
type Reasons = BTreeMap<String, Vec<Reason>>;

/// What cases say of every system, with why and source.
fn reasons(suite: &Suite) -> Result<Reasons, LoadError> {
    let mut reasons = Reasons::new();
    for (_, trials) in columns::of_systems(suite)? {
        for trial in trials {
            let of_trial = reasons.entry(trial.id.clone()).or_default();
            for (at, step) in trial.steps.iter().enumerate() {
                let expectation = &step.expectation;
                let told = expectation.why.is_some() || expectation.source.is_some();
                let whom = expectation.platforms.clone().unwrap_or_else(|| "specification".to_owned());
                let known = of_trial.iter().any(|reason| reason.step == at + 1 && reason.whom == whom);
                if told && !known {
                    let text = |text: &Option<String>| text.clone().unwrap_or_default();
                    of_trial.push(Reason {
                        step: at + 1,
                        whom,
                        outcome: words::expected(expectation),
                        why: text(&expectation.why),
                        source: text(&expectation.source),
                    });
                }
            }
        }
    }
    Ok(reasons)
}

fn why(trial: &Trial, reasons: &Reasons, texts: &mut Texts) -> Vec<(usize, usize, usize, usize, usize)> {
    let mut of_trial: Vec<_> = reasons.get(&trial.id).into_iter().flatten().collect();
    of_trial.sort_by_key(|reason| reason.step);
    let row = |reason: &&Reason| {
        let Reason { step, whom, outcome, why, source } = reason;
        (*step, texts.at(whom), texts.at(outcome), texts.at(why), texts.at(source))
    };
    of_trial.iter().map(row).collect()
}

fn segments(id: &str, runs: &[Results], texts: &mut Texts) -> Vec<(usize, bool, usize, usize)> {
    let in_run = |run: &'_ Results| -> Option<TrialResult> {
        let at = run.trials.binary_search_by(|trial| trial.id.as_str().cmp(id)).ok()?;
        run.trials.get(at).filter(|trial| !trial.record.packets.is_empty()).cloned()
    };
    let Some(result) = runs.iter().find_map(in_run) else { return Vec::new() };
    let packets = result.record.packets.iter().take(MOST_SEGMENTS);
    let row = |packet: &sockspec_harness::wire::PacketRecord| {
        let (label, fate) = (ladder::label(packet), &packet.fate);
        (packet.step + 1, packet.from == Side::Client, texts.at(&label), texts.at(fate))
    };
    packets.map(row).collect()
}
