//! The calls that a case can make, as data: what crosses the [`Host`](super::Host) trait, stands in a record and in
//! `results.json`. Addresses are concrete here; the words of the case language are resolved by `run`.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::outcome::{Data, Outcome};

/// A socket's name in a case: `client`, `listener`.
pub type Name = String;

/// Address family of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// `AF_INET`
    Ipv4,
    /// `AF_INET6`
    Ipv6,
}

impl Family {
    /// The family of an address.
    #[must_use]
    pub fn of(ip: IpAddr) -> Self {
        if ip.is_ipv4() { Self::Ipv4 } else { Self::Ipv6 }
    }
}

/// Which protocol a socket speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `SOCK_STREAM`: TCP.
    Stream,
    /// `SOCK_DGRAM`: UDP.
    Datagram,
}

/// One call on one socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The socket it acts on. Made with [`Socket`](Action::Socket), [`Descriptor`](Action::Descriptor) or an accept.
    pub socket: Name,
    /// What is done.
    #[serde(flatten)]
    pub action: Action,
    /// How it is issued.
    #[serde(default)]
    pub mode: Mode,
}

/// How a call is issued.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// On a blocking socket; it blocks as long as the kernel lets it.
    #[default]
    Blocking,
    /// Non-blocking, the raw answer of that one call (`EINPROGRESS`, `EAGAIN`).
    Nonblocking,
    /// Non-blocking or overlapped, then waited for: the outcome is the final one.
    Waiting,
}

/// What is done with the socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "kebab-case")]
pub enum Action {
    /// `socket`. Numbers are passed on as they are, so that a case can ask for what does not exist.
    Socket {
        /// The address family.
        family: Choice<Family>,
        /// The type.
        kind: Choice<Kind>,
        /// The protocol number; 0 lets the system choose.
        protocol: i32,
    },
    /// No call: makes a descriptor that is no usable socket.
    Descriptor {
        /// Which one.
        what: DescriptorKind,
    },
    /// `bind`
    Bind {
        /// Local address.
        address: Address,
    },
    /// `listen`
    Listen {
        /// The backlog, as it is passed.
        backlog: i32,
    },
    /// `connect` and its kin.
    Connect {
        /// Destination.
        to: Address,
        /// `connect`, `WSAConnect` or `ConnectEx`.
        via: String,
    },
    /// `accept` and its kin.
    Accept {
        /// The name of the new socket.
        new: Name,
        /// `accept`, `accept4` or `AcceptEx`.
        via: String,
    },
    /// A second descriptor of the same socket: `dup`, or `WSADuplicateSocket` within the process.
    Dup {
        /// The name of the new descriptor.
        new: Name,
    },
    /// `send` and its kin. Tells [`Outcome::Ok`] if all bytes were taken, else [`Outcome::Bytes`].
    Send {
        /// The bytes.
        data: Data,
        /// Destination.
        to: Option<Address>,
        /// MSG_ flags by name; none for a call that has no flags.
        flags: Vec<String>,
        /// `send`, `sendto`, `sendmsg`, `write`, `writev`, `WSASend` or `WSASendTo`.
        #[serde(default = "send")]
        via: String,
    },
    /// `recv` and its kin. What `recvmsg` tells besides is an [`Outcome::Message`].
    Recv {
        /// The buffer's length in bytes.
        size: usize,
        /// MSG_ flags by name; none for a call that has no flags.
        flags: Vec<String>,
        /// `recv`, `recvfrom`, `recvmsg`, `read`, `readv`, `WSARecv` or `WSARecvFrom`.
        #[serde(default = "recv")]
        via: String,
    },
    /// `recv` until so many bytes have come, end of file, or an error. What came before an end of file is the
    /// outcome; an error wins over what came before it.
    Read {
        /// How many bytes; `usize::MAX` reads to the end of file.
        size: usize,
    },
    /// Non-blocking `send` of 64 KiB pieces until the call would block. [`Outcome::Bytes`] says how many were taken.
    Fill,
    /// `shutdown`
    Shutdown {
        /// The argument: 0 read, 1 write, 2 both (the same numbers on every system), or a wrong one.
        how: i32,
    },
    /// `close`, `closesocket`
    Close,
    /// Linger on with 0 s, then close.
    Abort,
    /// `DisconnectEx`
    Disconnect {
        /// `TF_REUSE_SOCKET`
        reuse: bool,
    },
    /// `setsockopt`
    SetOption {
        /// Its name in the platform layer's table.
        option: String,
        /// What it is set to.
        value: OptionValue,
    },
    /// `getsockopt`. Tells [`Outcome::Value`] or [`Outcome::Text`]; `SO_ERROR` tells [`Outcome::Error`] or Ok.
    GetOption {
        /// Its name in the platform layer's table.
        option: String,
    },
    /// `getsockname`
    LocalName,
    /// `getpeername`
    PeerName,
    /// `poll`, `select`, `epoll`, `WSAPoll`: asks for every bit that the platform knows, once.
    Ready {
        /// The call.
        via: String,
        /// How long the call itself may wait; `None` does not wait at all, `Some(None)` for ever.
        timeout: Option<Option<Duration>>,
    },
}

/// What records did not tell before there was a choice.
fn send() -> String {
    "send".to_owned()
}

/// See [`send`].
fn recv() -> String {
    "recv".to_owned()
}

/// A named value, or a number that the case wants to be passed as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Choice<T> {
    /// A value that the platform has.
    Known(T),
    /// A raw number.
    Raw(i32),
}

/// Descriptors that are not sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DescriptorKind {
    /// A number that no file of the process has.
    Closed,
    /// A file.
    File,
    /// The reading end of a pipe.
    Pipe,
}

/// A socket address as a call is given it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Address {
    /// A whole one.
    Is(SocketAddr),
    /// That address with another family number in it.
    Family(i32, SocketAddr),
    /// That address with another length passed.
    Length(u32, SocketAddr),
    /// `AF_UNSPEC`: dissolves an association.
    Unspecified,
    /// A null pointer.
    Null,
}

/// The value of a socket option.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OptionValue {
    /// An int. Switches are 0 and 1.
    Int(i64),
    /// A duration; the platform layer knows the unit of the option.
    Duration(Duration),
    /// `SO_LINGER`: off, or on with that many whole seconds.
    Linger(Option<u16>),
    /// A name, such as that of a congestion control algorithm.
    Text(String),
    /// The raw bytes, of any length, for wrong calls.
    Raw(Vec<u8>),
}

/// What came back from a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completion {
    /// What a program sees.
    pub outcome: Outcome,
    /// The raw error code: `errno`, or what `WSAGetLastError` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// The native name of the error, where it differs from the POSIX one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native: Option<String>,
    /// A signal that the call raised: `SIGPIPE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<String>,
    /// When the call began and ended, in ns since the host's clock started.
    pub begin: u64,
    /// See `begin`.
    pub end: u64,
    /// For how many ns of this time the machine kept the caller from running. An upper bound is widened by it.
    #[serde(default)]
    pub late: u64,
    /// The local address of the socket after the call (for an accept: of the new socket), where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<SocketAddr>,
    /// The remote address likewise; the sender of a datagram after a receive by a call that tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<SocketAddr>,
    /// What a call that the harness ended had moved by then: it still was not over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<Outcome>,
}
