//! What is said of a trial.

use serde::{Deserialize, Serialize};

/// What a trial ended as; see README, Verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// As the specification says, or as recorded where it leaves the choice.
    Pass,
    /// As recorded for this platform, which is not as the specification says.
    Deviates,
    /// Listed as a deviation of this stand-in, and failed exactly so.
    Known,
    /// Nothing is recorded for this platform; the outcome is kept.
    Observed,
    /// This machine could, but does not now.
    Skip,
    /// Anything else.
    Fail,
    /// Listed as a deviation, but it did not happen.
    Fixed,
    /// The harness or the machine failed.
    Broken,
}

impl Kind {
    /// Every kind, the best first.
    pub const ALL: [Self; 8] = [
        Self::Pass,
        Self::Deviates,
        Self::Known,
        Self::Observed,
        Self::Skip,
        Self::Fail,
        Self::Fixed,
        Self::Broken,
    ];

    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Deviates => "deviates",
            Self::Known => "known",
            Self::Observed => "observed",
            Self::Skip => "skip",
            Self::Fail => "fail",
            Self::Fixed => "fixed",
            Self::Broken => "broken",
        }
    }
}

/// What is said of a trial, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The verdict.
    pub kind: Kind,
    /// What differs, what was kept, or what is missing; one item for each step that has something to say. A failure
    /// has exactly one [`Finding`] that is a mismatch, the last one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

/// What one step has to say, or the trial as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which step of the trial, from 0; none for a skip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<usize>,
    /// In words: `connect client: expected ECONNREFUSED, got ETIMEDOUT`.
    pub text: String,
    /// What was expected, all that would have been accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<String>,
    /// Why that was expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Who says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}
