//! What is said of an outcome that is kept: whether it was expected, and whether the specification asks for it.

use std::fmt;

use serde::{Deserialize, Serialize};

use sockspec_harness::case::trial::Trial;
use sockspec_harness::judge::{self, Said};
use sockspec_harness::record::Record;

/// What is said of an outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// As expected, and as the specification asks, or where it leaves the choice.
    #[default]
    Agrees,
    /// As recorded for the platform, which is not as the specification asks.
    Deviates,
    /// Nothing is recorded for the platform; the specification would have it so, or leaves the choice.
    Unknown,
    /// Nothing is recorded for the platform; the specification asks for something else.
    UnknownDeviates,
    /// Something else is recorded for the platform; the specification would have it so, or leaves the choice.
    Unexpected,
    /// Something else is recorded for the platform, and the specification asks for something else, too.
    UnexpectedDeviates,
}

impl Mark {
    /// What is said of a step of a record.
    #[must_use]
    pub fn of(trial: &Trial, record: &Record, index: usize) -> Self {
        let departs = judge::is_specified(trial, record, index) == Some(false);
        match (judge::say(trial, record, index), departs) {
            (Said::Match, _) => Self::Agrees,
            (Said::Deviates(_), _) => Self::Deviates,
            (Said::Unknown(_), false) => Self::Unknown,
            (Said::Unknown(_), true) => Self::UnknownDeviates,
            (Said::Mismatch(_), false) => Self::Unexpected,
            (Said::Mismatch(_), true) => Self::UnexpectedDeviates,
        }
    }

    /// Whether the specification asks for something else.
    #[must_use]
    pub fn departs(self) -> bool {
        matches!(self, Self::Deviates | Self::UnknownDeviates | Self::UnexpectedDeviates)
    }

    /// Whether something else was expected of the platform.
    #[must_use]
    pub fn is_unexpected(self) -> bool {
        matches!(self, Self::Unexpected | Self::UnexpectedDeviates)
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Agrees => "as the specification asks, or leaves open",
            Self::Deviates => "recorded, not as the specification asks",
            Self::Unknown => "nothing recorded",
            Self::UnknownDeviates => "nothing recorded, not as the specification asks",
            Self::Unexpected => "something else is recorded",
            Self::UnexpectedDeviates => {
                "something else is recorded, and the specification asks for something else"
            }
        })
    }
}
