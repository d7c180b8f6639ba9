//! Which segments a rule or an expectation means.
//!
//! ```text
//! FIN                a segment in which that bit is set
//! SYN+ACK            both bits are set
//! exactly SYN        these bits and no others (PSH does not count)
//! bare ACK           an ACK and nothing else: no data, no SYN, FIN or RST
//! data               a segment with data
//! everything         every segment
//! … from NAME        sent by that socket
//! ```

use std::fmt;
use std::net::SocketAddr;

use super::segment::{Flags, Segment};
use crate::host::call::Name;

/// A pattern, as a case writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// Which kind of segment.
    pub kind: Kind,
    /// Only those that this socket sent.
    pub from: Option<Name>,
}

/// Which kind of segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Every one.
    Everything,
    /// These bits are set.
    Has(Flags),
    /// These bits are set and no others.
    Exactly(Flags),
    /// An ACK and nothing else.
    BareAck,
    /// There is data in it.
    Data,
}

impl Pattern {
    /// Reads a pattern. An error is a message for the reader.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (kind, from) = match text.trim().split_once(" from ") {
            Some((kind, from)) if !from.trim().is_empty() => (kind, Some(from.trim().to_owned())),
            Some(_) => return Err("the name of a socket is missing".to_owned()),
            None => (text.trim(), None),
        };
        Ok(Self { kind: Kind::parse(kind.trim())?, from })
    }
}

impl Kind {
    /// Reads a kind.
    pub fn parse(text: &str) -> Result<Self, String> {
        let flags = |text: &str| {
            Flags::parse(text).ok_or_else(|| {
                let known: Vec<_> = Flags::names().collect();
                format!("`{text}` are no flags; they are joined by +: {}", known.join(", "))
            })
        };
        match text {
            "everything" => Ok(Self::Everything),
            "bare ACK" => Ok(Self::BareAck),
            "data" => Ok(Self::Data),
            _ => match text.strip_prefix("exactly ") {
                Some(exact) => Ok(Self::Exactly(flags(exact)?)),
                None => Ok(Self::Has(flags(text)?)),
            },
        }
    }

    /// Whether a segment is of this kind.
    #[must_use]
    pub fn matches(self, flags: Flags, payload: usize) -> bool {
        match self {
            Self::Everything => true,
            Self::Has(bits) => flags.has(bits),
            Self::Exactly(bits) => flags.without_push() == bits.without_push(),
            Self::BareAck => flags == Flags::ACK && payload == 0,
            Self::Data => payload > 0,
        }
    }
}

/// A pattern whose socket has been resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Which kind of segment.
    pub kind: Kind,
    /// Only those from this address.
    pub from: Option<SocketAddr>,
}

impl Rule {
    /// Whether a segment is meant.
    #[must_use]
    pub fn matches(&self, segment: &Segment) -> bool {
        self.from.is_none_or(|from| from == segment.from)
            && self.kind.matches(segment.flags, segment.payload.len())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.write_str("everything"),
            Self::Has(flags) => write!(f, "{flags}"),
            Self::Exactly(flags) => write!(f, "exactly {flags}"),
            Self::BareAck => f.write_str("bare ACK"),
            Self::Data => f.write_str("data"),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        match &self.from {
            Some(from) => write!(f, " from {from}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_reads_as_itself() {
        for text in ["FIN", "SYN+ACK", "exactly SYN", "bare ACK", "data from client", "everything", "none"] {
            assert_eq!(Pattern::parse(text).map(|p| p.to_string()).as_deref(), Ok(text));
        }
        for text in ["fin", "exactly", "FIN from ", "ACK+"] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn kinds_mean_what_they_say() {
        let flags = |text| Flags::parse(text).unwrap();
        let kind = |text| Kind::parse(text).unwrap();
        assert!(kind("FIN").matches(flags("FIN+ACK"), 0));
        assert!(!kind("exactly FIN").matches(flags("FIN+ACK"), 0));
        assert!(kind("exactly ACK").matches(flags("PSH+ACK"), 5));
        assert!(kind("bare ACK").matches(flags("ACK"), 0));
        assert!(!kind("bare ACK").matches(flags("ACK"), 1));
        assert!(!kind("bare ACK").matches(flags("FIN+ACK"), 0));
        assert!(kind("data").matches(flags("PSH+ACK"), 1));
        assert!(kind("none").matches(flags("FIN"), 0));
    }
}
