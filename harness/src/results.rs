//! What a run produces: the content of `results.json`, from which every report is made.
//!
//! The format is versioned by [`FORMAT`]; fields are only added within one version.

use std::collections::BTreeMap;
use std::fmt;

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
    /// How long it took by the clock outside, in ns, where the stack's own is another: the lab adds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub real_duration: Option<u64>,
    /// Which part of a run that was split it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
    /// How many trials, repetitions counted, were to be run and were not: the run was interrupted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub not_run: u64,
    /// The host.
    pub platform: Platform,
    /// The trials, sorted by id.
    pub trials: Vec<TrialResult>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// One of the parts that a run is split into, so that several machines share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Part {
    /// From 1.
    pub number: u32,
    /// How many there are.
    pub of: u32,
}

impl Part {
    /// Whether the trial belongs to this part. Its id alone decides: it is in the same part whatever else is run there,
    /// so that no trial is lost between machines that offer different things.
    #[must_use]
    pub fn has(self, id: &str) -> bool {
        // FNV-1a, whose upper half is mixed in because its lowest bits see little.
        let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        (hash ^ (hash >> 32)) % u64::from(self.of.max(1)) + 1 == u64::from(self.number)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
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
    /// How long it took by the clock outside, in ns, as [`Results::real_duration`]: to about 10 ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub real_duration: Option<u64>,
    /// What is said of it.
    pub verdict: Verdict,
    /// What happened.
    pub record: Record,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trial_is_in_one_part_and_parts_are_about_equal() {
        let ids: Vec<_> = (0..4000)
            .map(|n| format!("family/case-{}[{},row-{}]", n / 8, ["ipv4", "ipv6"][n % 2], n % 8 / 2))
            .collect();
        for of in [1, 2, 3, 8] {
            let counts: Vec<_> =
                (1..=of).map(|number| ids.iter().filter(|id| Part { number, of }.has(id)).count()).collect();
            assert_eq!(counts.iter().sum::<usize>(), ids.len());
            let fair = ids.len() / counts.len();
            assert!(counts.iter().all(|count| count.abs_diff(fair) < fair / 4), "{of}: {counts:?}");
        }
    }

    #[test]
    fn a_trial_stays_in_its_part() {
        // Not to be changed: parts that were run by different versions would no longer fit.
        let part = |id| (1..=8).find(|number| Part { number: *number, of: 8 }.has(id));
        assert_eq!(part("refused/closed-port[ipv4,connect]"), Some(6));
        assert_eq!(part("refused/closed-port[ipv6,connect]"), Some(8));
    }
}
