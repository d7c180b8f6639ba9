//! The matrix: behaviours against platforms. What a platform did where it was run, what sources say it does where it was
//! not.
//!
//! [`columns`] finds what each platform does in each trial, [`rows`] chooses the steps that matter and puts trials
//! together; [`terminal`], [`markdown`] and [`html`] show the same [`Matrix`], with the versions of a system put together
//! by [`kin`].

pub mod columns;
pub mod html;
pub mod kin;
pub mod markdown;
pub mod rows;
pub mod terminal;

use crate::evidence::mark::Mark;
use crate::select::family;

/// Behaviours against platforms.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix {
    /// The platforms.
    pub columns: Vec<Column>,
    /// The behaviours, in the order of cases.
    pub rows: Vec<Row>,
}

/// A platform.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// The platform in a word.
    pub name: String,
    /// How it is known: when it was run and how to repeat that; none where sources say what it does.
    pub run: Option<Run>,
}

/// When a platform was run.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// RFC 3339, UTC.
    pub recorded: String,
    /// How to do it again.
    pub repeat: String,
    /// What the system calls itself.
    pub system: String,
}

/// A step of some trials of a case, which came out alike on each platform.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// `<family>/<case>`
    pub case: String,
    /// The behaviour in words.
    pub title: String,
    /// The rows of the trials in words; empty where it is all of them.
    pub rows: String,
    /// The trials.
    pub trials: Vec<String>,
    /// The step's number in the first of them, from 1.
    pub number: usize,
    /// The step in words.
    pub step: String,
    /// What came out of it on each platform.
    pub cells: Vec<Cell>,
    /// Whether platforms differ.
    pub differs: bool,
}

/// What came out of a step on a platform.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// In words.
    pub text: String,
    /// How that is known.
    pub known: Known,
}

/// How it is known what a platform does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Known {
    /// It was seen.
    Seen(Mark),
    /// It is recorded in the case, with its source.
    Sourced {
        /// The specification asks for something else.
        departs: bool,
    },
    /// Nothing is recorded for the platform: the specification says so.
    Specified,
    /// Nobody knows.
    Unknown,
    /// The trial was not run there, for that reason.
    Skipped,
    /// There is no such trial, or the step was not reached.
    Absent,
    /// It was seen in several versions of a system, which differ.
    Mixed {
        /// The specification asks for something else than one of them does.
        departs: bool,
    },
}

impl Cell {
    /// Whether the specification asks for something else.
    #[must_use]
    pub fn departs(&self) -> bool {
        match self.known {
            Known::Seen(mark) => mark.departs(),
            Known::Sourced { departs } | Known::Mixed { departs } => departs,
            _ => false,
        }
    }

    fn absent() -> Self {
        Self { text: "-".to_owned(), known: Known::Absent }
    }

    fn unknown() -> Self {
        Self { text: "?".to_owned(), known: Known::Unknown }
    }

    /// As it stands in a table: `ECONNRESET !` where the specification asks for something else, `(ok)` where nothing but
    /// the specification says so.
    #[must_use]
    pub fn shown(&self) -> String {
        match self.known {
            Known::Specified => format!("({})", self.text),
            Known::Skipped => "skip".to_owned(),
            // Each of its outcomes tells for itself.
            Known::Mixed { .. } => self.text.clone(),
            _ if self.departs() => format!("{} !", self.text),
            _ => self.text.clone(),
        }
    }
}

impl Column {
    /// The name for the head of a narrow column: a stand-in's own, a sourced platform with a star.
    #[must_use]
    pub fn short(&self) -> String {
        let own = self.name.split("-as-").next().unwrap_or_default();
        if self.run.is_some() { own.to_owned() } else { format!("{own}*") }
    }
}

impl Matrix {
    /// Only the rows of these families, if any are named, and if wanted only those in which platforms differ.
    #[must_use]
    pub fn only(mut self, families: &[String], differences: bool) -> Self {
        let meant = |row: &Row| families.is_empty() || families.iter().any(|one| one == family(&row.case));
        self.rows.retain(|row| meant(row) && (row.differs || !differences));
        self
    }

    /// Only these platforms, in that order, and only rows that say something of them; what differs is found anew.
    #[must_use]
    pub fn of_platforms(mut self, wanted: &[usize]) -> Self {
        self.columns = wanted.iter().map(|at| self.columns[*at].clone()).collect();
        for row in &mut self.rows {
            row.cells = wanted.iter().map(|at| row.cells[*at].clone()).collect();
            row.differs = rows::differ(&row.cells);
        }
        self
    }

    /// The rows of each family, in order.
    pub fn families(&self) -> impl Iterator<Item = (&str, &[Row])> {
        self.rows
            .chunk_by(|a, b| family(&a.case) == family(&b.case))
            .filter_map(|rows| Some((family(&rows.first()?.case), rows)))
    }
}

#[cfg(test)]
mod tests;
