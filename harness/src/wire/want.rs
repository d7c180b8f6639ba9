//! What a case says of a segment: which one it means, and the numbers in it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::numbers::Expression;
use super::pattern::Kind;
use super::segment::Flags;

/// A segment as it was seen, with relative numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenSegment {
    /// Control bits.
    pub flags: Flags,
    /// Sequence number, from the sender's beginning.
    pub seq: i64,
    /// Acknowledgment number, from the other side's beginning; with ACK alone. Of a reset without a connection: as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ack: Option<i64>,
    /// Bytes of data.
    pub length: usize,
    /// Window, scaled.
    pub window: i64,
}

/// A segment as a case describes it; what is not said may be anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentWant {
    /// Which kind.
    pub kind: Kind,
    /// Its numbers.
    pub seq: Option<Expression>,
    /// See `seq`.
    pub ack: Option<Expression>,
    /// Bytes of data.
    pub length: Option<Expression>,
    /// Window, scaled.
    pub window: Option<Expression>,
}

impl SegmentWant {
    /// Any segment of a kind.
    #[must_use]
    pub fn of(kind: Kind) -> Self {
        Self { kind, seq: None, ack: None, length: None, window: None }
    }

    /// Whether a segment is as described, where the names have these values.
    #[must_use]
    pub fn accepts(&self, seen: &SeenSegment, names: &BTreeMap<String, i64>) -> bool {
        let is = |want: &Option<Expression>, value: Option<i64>| {
            want.as_ref().is_none_or(|want| want.value(names).ok() == value)
        };
        self.kind.matches(seen.flags, seen.length)
            && is(&self.seq, Some(seen.seq))
            && is(&self.ack, seen.ack)
            && is(&self.length, i64::try_from(seen.length).ok())
            && is(&self.window, Some(seen.window))
    }
}

impl fmt::Display for SegmentWant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        for (name, want) in
            [("seq", &self.seq), ("ack", &self.ack), ("length", &self.length), ("window", &self.window)]
        {
            if let Some(want) = want {
                write!(f, " {name} {want}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for SeenSegment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} seq {}", self.flags, self.seq)?;
        if let Some(ack) = self.ack {
            write!(f, " ack {ack}")?;
        }
        if self.length > 0 {
            write!(f, " length {}", self.length)?;
        }
        Ok(())
    }
}
