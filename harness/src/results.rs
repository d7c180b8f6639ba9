//! What a run produces: the content of `results.json`, from which every report is made.
//!
//! The format is versioned by [`FORMAT`]; fields are only added within one version.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::judge::verdict::Verdict;
use crate::platform::Platform;
use crate::record::Record;

/// The version of the format.
pub const FORMAT: u32 = 1;

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// The version of this format.
    pub format: u32,
    /// The version of sockspec.
    pub sockspec: String,
    /// When the run began: RFC 3339, UTC.
    pub started: String,
    /// How long it took, in ns.
    pub duration: u64,
    /// The host.
    pub platform: Platform,
    /// The trials, sorted by id.
    pub trials: Vec<TrialResult>,
}

/// A trial and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialResult {
    /// `<family>/<case>[row,row]`
    pub id: String,
    /// `<family>/<case>`
    pub case: String,
    /// The behaviour in words.
    pub title: String,
    /// The row that was taken of each axis.
    pub axes: BTreeMap<String, String>,
    /// What it covers.
    pub covers: Vec<String>,
    /// The case's file, relative to the folder of cases.
    pub file: String,
    /// The line and column, from 1, of the step that decided, or of the title.
    pub line: usize,
    /// See `line`.
    pub column: usize,
    /// The text of each step, by its number in the record.
    pub steps: Vec<String>,
    /// How often it was run with `--repeat`; verdicts that differed are in `also`.
    pub runs: u64,
    /// Verdicts of other runs of the same trial, counted by kind and text, where they differ from `verdict`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub also: BTreeMap<String, u64>,
    /// What is said of it.
    pub verdict: Verdict,
    /// What happened.
    pub record: Record,
}
