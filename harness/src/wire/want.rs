//! What a case says of a segment: which one it means, and the numbers in it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::numbers::Expression;
use super::options::OptionWant;
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
    /// Its options, in words; timestamps of a SYN only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
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
    /// Options that it has or has not.
    pub options: Vec<OptionWant>,
}

impl SegmentWant {
    /// Any segment of a kind.
    #[must_use]
    pub fn of(kind: Kind) -> Self {
        Self { kind, seq: None, ack: None, length: None, window: None, options: Vec::new() }
    }

    /// The same with one thing changed, for each thing that it says.
    #[must_use]
    pub fn changed(&self) -> Vec<Self> {
        let mut changed = Vec::new();
        let mut with = |edit: &dyn Fn(&mut Self)| {
            let mut other = self.clone();
            edit(&mut other);
            changed.push(other);
        };
        let next = |number: &mut Option<Expression>| *number = number.as_ref().map(Expression::next);
        for (said, edit) in [
            (&self.seq, &(|other: &mut Self| next(&mut other.seq)) as &dyn Fn(&mut Self)),
            (&self.ack, &|other| next(&mut other.ack)),
            (&self.length, &|other| next(&mut other.length)),
            (&self.window, &|other| next(&mut other.window)),
        ] {
            if said.is_some() {
                with(edit);
            }
        }
        for at in 0..self.options.len() {
            with(&|other| other.options[at] = other.options[at].negated());
        }
        changed
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
            && self.options.iter().all(|option| option.accepts(&seen.options))
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
        list(f, &self.options)
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
        list(f, &self.options)
    }
}

/// Options, where there are any: `<MSS 1460, SACK permitted>`.
fn list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, options: &[T]) -> fmt::Result {
    for (i, option) in options.iter().enumerate() {
        write!(f, "{}{option}", if i == 0 { " <" } else { ", " })?;
    }
    if options.is_empty() { Ok(()) } else { f.write_str(">") }
}
