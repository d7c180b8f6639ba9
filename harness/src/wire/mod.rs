//! The wire: two hosts and a cable between them that the case commands.
//!
//! `segment` reads and writes packets, `pattern`, `numbers` and `want` are the words for them, `traffic` is what the
//! cable knows and does for one trial. [`Cable`] brings packets to the ends; how it does so is the host's business.

pub mod cable;
pub mod icmp;
pub mod numbers;
pub mod options;
pub mod pattern;
pub mod pcapng;
pub mod segment;
pub mod traffic;
pub mod want;

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

pub use cable::{Cable, Port};
use segment::Segment;
use want::SeenSegment;

/// One of the two ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The end on which sockets are made where the case does not say.
    #[default]
    Client,
    /// The other one: `at: server`, or the far end that has no socket.
    Server,
}

impl Side {
    /// The end across.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// A packet as it stands in a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacketRecord {
    /// In ns since the trial began.
    pub at: u64,
    /// The end that it came from, or seems to.
    pub from: Side,
    /// Who sent it.
    pub source: SocketAddr,
    /// To whom.
    pub destination: SocketAddr,
    /// What it is, with relative numbers.
    pub text: String,
    /// What became of it at the cable.
    pub fate: String,
    /// The step that was being carried out, from 0.
    pub step: usize,
    /// The segment, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<SeenSegment>,
    /// The packet itself, for captures; not kept in `results.json`.
    #[serde(skip)]
    pub bytes: Vec<u8>,
}

impl PacketRecord {
    fn segment(
        at: u64,
        from: Side,
        segment: &Segment,
        seen: SeenSegment,
        fate: &str,
        step: usize,
        bytes: &[u8],
    ) -> Self {
        Self {
            at,
            from,
            source: segment.from,
            destination: segment.to,
            text: seen.to_string(),
            fate: fate.to_owned(),
            step,
            segment: Some(seen),
            bytes: bytes.to_vec(),
        }
    }

    fn other(
        at: u64,
        from: Side,
        [source, destination]: [SocketAddr; 2],
        text: String,
        fate: &str,
        step: usize,
        bytes: &[u8],
    ) -> Self {
        let fate = fate.to_owned();
        Self { at, from, source, destination, text, fate, step, segment: None, bytes: bytes.to_vec() }
    }
}
