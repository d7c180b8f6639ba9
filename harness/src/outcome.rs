//! What a program can see of one step: the outcome of a call or of a look, as data.
//!
//! The same types stand in a record, in `results.json` and in what crosses the [`Host`](crate::host::Host) trait.
//! What is *expected* is a different type, [`Expected`](crate::case::expected::Expected).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::wire::want::SeenSegment;

/// What came out of one call or one look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The call succeeded and there is nothing more to tell.
    Ok,
    /// The call failed: the POSIX name of the error, or the native one where it has no twin in POSIX.
    Error(String),
    /// End of file: a receive on a stream gave 0 bytes.
    Eof,
    /// The call was asleep in the kernel and was interrupted by the harness.
    Blocks,
    /// Received bytes; escaped by [`Data`]'s serialisation.
    Data(Data),
    /// How many bytes were taken or are queued.
    Bytes(u64),
    /// What a receive gave, and the flags that came with it. Without flags it is that outcome alone.
    Message {
        /// The outcome without the flags.
        of: Box<Self>,
        /// MSG_ flags.
        msg_flags: BTreeSet<String>,
    },
    /// A number, of an option for example.
    Value(i64),
    /// A word, such as the value of an option that is a name, or `off`.
    Text(String),
    /// Readiness bits, without their POLL prefix where they come from poll: `IN`, `OUT`, `read`.
    Bits(BTreeSet<String>),
    /// The state of a connection.
    State(TcpState),
    /// Segments that a socket has sent; none is silence.
    Segments(SeenSegments),
    /// The states that a connection went through.
    Path(Vec<TcpState>),
    /// An address and the ways in which a case may name it (`address of listener`, `any port`).
    Address(SeenAddress),
}

/// Segments that a socket has sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenSegments {
    /// The segments, in order.
    pub segments: Vec<SeenSegment>,
    /// What the names of numbers stood for: `rcv_nxt`, `snd_una`, `snd_nxt`, `window` of the socket.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<String, i64>,
}

/// An address that a call gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenAddress {
    /// The address itself; differs from run to run.
    pub address: SocketAddr,
    /// Every way in which the case language names this address at this moment, in canonical form.
    pub names: Vec<String>,
}

/// Bytes of a payload.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Data(pub Vec<u8>);

impl Serialize for Data {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.escape_ascii().to_string())
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        unescape(&text).map(Data).ok_or_else(|| serde::de::Error::custom("not an escaped byte string"))
    }
}

/// Reads what [`u8::escape_ascii`] writes.
fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        out.push(match bytes.next()? {
            b't' => b'\t',
            b'r' => b'\r',
            b'n' => b'\n',
            b'x' => {
                let hex = [bytes.next()?, bytes.next()?];
                u8::from_str_radix(std::str::from_utf8(&hex).ok()?, 16).ok()?
            }
            other => other,
        });
    }
    Some(out)
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("ok"),
            Self::Error(name) => f.write_str(name),
            Self::Eof => f.write_str("eof"),
            Self::Blocks => f.write_str("blocks"),
            Self::Data(data) => write_data(f, &data.0),
            Self::Bytes(n) => write!(f, "{n} bytes"),
            Self::Message { of, msg_flags } => write_message(f, of, msg_flags),
            Self::Value(n) => write!(f, "{n}"),
            Self::Text(text) => f.write_str(text),
            Self::Bits(bits) => {
                f.write_str("[")?;
                for (i, bit) in bits.iter().enumerate() {
                    f.write_str(if i == 0 { "" } else { ", " })?;
                    f.write_str(bit)?;
                }
                f.write_str("]")
            }
            Self::State(state) => write!(f, "{state}"),
            Self::Segments(seen) if seen.segments.is_empty() => f.write_str("nothing"),
            Self::Segments(seen) => write_joined(f, seen.segments.iter(), "; "),
            Self::Path(states) if states.is_empty() => f.write_str("nothing is known"),
            Self::Path(states) => write_joined(f, states.iter(), ", "),
            Self::Address(seen) => match seen.names.first() {
                Some(name) => write!(f, "{} ({name})", seen.address),
                None => write!(f, "{}", seen.address),
            },
        }
    }
}

pub(crate) fn write_joined(
    f: &mut fmt::Formatter<'_>,
    items: impl Iterator<Item: fmt::Display>,
    between: &str,
) -> fmt::Result {
    for (i, item) in items.enumerate() {
        f.write_str(if i == 0 { "" } else { between })?;
        write!(f, "{item}")?;
    }
    Ok(())
}

/// What was received, with the flags that came with it: `data "hel" and MSG_TRUNC`.
pub(crate) fn write_message(
    f: &mut fmt::Formatter<'_>,
    of: &impl fmt::Display,
    msg_flags: &BTreeSet<String>,
) -> fmt::Result {
    write!(f, "{of}")?;
    msg_flags.iter().try_for_each(|flag| write!(f, " and {flag}"))
}

/// Longest payload that is shown whole in a message.
const SHOWN: usize = 64;

pub(crate) fn write_data(f: &mut fmt::Formatter<'_>, data: &[u8]) -> fmt::Result {
    if data.len() <= SHOWN {
        write!(f, "data \"{}\"", data.escape_ascii())
    } else {
        write!(f, "data \"{}…\" ({} bytes)", data[..SHOWN].escape_ascii(), data.len())
    }
}

/// The eleven states of RFC 9293, section 3.3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names are those of the RFC")]
pub enum TcpState {
    Closed,
    Listen,
    SynSent,
    SynReceived,
    Established,
    #[serde(rename = "FIN_WAIT_1")]
    FinWait1,
    #[serde(rename = "FIN_WAIT_2")]
    FinWait2,
    CloseWait,
    Closing,
    LastAck,
    TimeWait,
}

impl TcpState {
    /// Every state, in the order of the RFC.
    pub const ALL: [Self; 11] = [
        Self::Closed,
        Self::Listen,
        Self::SynSent,
        Self::SynReceived,
        Self::Established,
        Self::FinWait1,
        Self::FinWait2,
        Self::CloseWait,
        Self::Closing,
        Self::LastAck,
        Self::TimeWait,
    ];

    /// The name as it is written in cases: RFC 9293's with underscores.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "CLOSED",
            Self::Listen => "LISTEN",
            Self::SynSent => "SYN_SENT",
            Self::SynReceived => "SYN_RECEIVED",
            Self::Established => "ESTABLISHED",
            Self::FinWait1 => "FIN_WAIT_1",
            Self::FinWait2 => "FIN_WAIT_2",
            Self::CloseWait => "CLOSE_WAIT",
            Self::Closing => "CLOSING",
            Self::LastAck => "LAST_ACK",
            Self::TimeWait => "TIME_WAIT",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether two sockets on loopback leave the state by themselves, too fast to be asserted there.
    #[must_use]
    pub fn is_passing(self) -> bool {
        matches!(self, Self::SynReceived | Self::FinWait1 | Self::Closing | Self::LastAck)
    }
}

impl fmt::Display for TcpState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_survives_json() {
        let data = Data((0..=255).chain(*b"a\\x\"").collect());
        let json = serde_json::to_string(&data).unwrap();
        assert_eq!(serde_json::from_str::<Data>(&json).unwrap(), data);
    }

    #[test]
    fn states_are_written_as_in_the_rfc() {
        for state in TcpState::ALL {
            assert_eq!(serde_json::to_string(&state).unwrap(), format!("\"{}\"", state.name()));
            assert_eq!(TcpState::from_name(state.name()), Some(state));
        }
    }
}
