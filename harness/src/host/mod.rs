//! A host is a place where sockets live. What crosses its trait is data, so that a host may one day be another process
//! or another machine: calls and completions ([`call`]), looks and what was seen.
//!
//! Implementations: `unix` (Linux, macOS, FreeBSD) and `windows`, which share the keeping of sockets and background
//! calls in `local`. A [`link`] makes the hosts of a trial.

pub mod call;
pub mod link;
#[cfg(target_os = "linux")]
pub mod linux;
pub mod local;
pub mod loopback;
#[cfg(unix)]
pub mod unix;
#[cfg(windows)]
pub mod windows;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::outcome::TcpState;
use crate::platform::Platform;
use call::{Call, Completion, Family, Kind, Name};

/// A started call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CallId(pub u32);

/// Where a started call is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Progress {
    /// Its thread sleeps in the kernel.
    Asleep,
    /// It runs, or the platform cannot tell.
    Running,
    /// It is over.
    Done(Box<Completion>),
}

/// What to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// The call is asleep or done.
    Asleep,
    /// The call is done.
    Done,
}

/// A look that changes nothing: no pending error is consumed, no byte taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "look", rename_all = "kebab-case")]
pub enum Look {
    /// The state of the connection with this pair of addresses, or of the listener at `local` where there is no peer.
    /// The socket may be closed already. A socket without a local address is looked at through its descriptor.
    State {
        /// The socket.
        socket: Name,
        /// Its local address.
        local: Option<SocketAddr>,
        /// Its remote address, or the destination of a connect that is under way.
        peer: Option<SocketAddr>,
    },
    /// The states that the connection with this pair of addresses, or the listener at `local`, has gone through. Only
    /// where the link was asked to trace.
    Path {
        /// The socket.
        socket: Name,
        /// Its local address.
        local: Option<SocketAddr>,
        /// Its remote address.
        peer: Option<SocketAddr>,
    },
    /// Bytes that have arrived and were not read; for a listener, connections that wait to be accepted.
    Received {
        /// The socket.
        socket: Name,
    },
    /// Bytes that were sent and not yet acknowledged.
    Unsent {
        /// The socket.
        socket: Name,
    },
    /// A port that is closed for this protocol on that address: outside the ephemeral range and bound by nobody.
    ClosedPort {
        /// The address.
        ip: IpAddr,
        /// The protocol.
        kind: Kind,
    },
}

/// What a look saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seen {
    /// A state. CLOSED means that the kernel's table has no such connection.
    State(TcpState),
    /// The states that a connection went through, as far as they are known.
    Path(Vec<TcpState>),
    /// A count.
    Count(u64),
    /// A port.
    Port(u16),
}

/// The harness or the machine failed, not the behaviour under test.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{0}")]
pub struct HostFault(pub String);

impl HostFault {
    /// A fault with that text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// A place where sockets live, for one trial. Dropping it closes what is left.
pub trait Host {
    /// Facts about this host.
    fn platform(&self) -> &Platform;

    /// The address that this trial has to itself, or shares where the link cannot give it one.
    fn address(&self, family: Family) -> IpAddr;

    /// Makes a call on this thread and gives it `limit` before it is interrupted, which ends as
    /// [`Outcome::Blocks`](crate::outcome::Outcome::Blocks).
    fn run(&mut self, call: &Call, limit: Duration) -> Result<Completion, HostFault>;

    /// Starts a call on a thread of its own. Never waits for the behaviour under test.
    fn start(&mut self, call: &Call) -> Result<CallId, HostFault>;

    /// Waits for a started call, at most for `limit`. Sleeps while it waits.
    fn wait(&mut self, id: CallId, until: Until, limit: Duration) -> Result<Progress, HostFault>;

    /// Sends the thread of a started call a signal that a program would have handled; with `restart` the handler was
    /// installed with SA_RESTART.
    fn interrupt(&mut self, id: CallId, restart: bool) -> Result<(), HostFault>;

    /// Ends a started call. If it was asleep, the outcome is [`Outcome::Blocks`](crate::outcome::Outcome::Blocks),
    /// otherwise what it gave.
    fn cancel(&mut self, id: CallId) -> Result<Completion, HostFault>;

    /// By how many ns the clock that the timers of this kernel count is behind now: they count ticks, and a tick may
    /// come late. What is timed from now on may be over earlier by that much.
    fn behind(&self) -> u64;

    /// By how many ns the timers of this machine were late since this was asked first. Waits until what delays the caller
    /// now has been counted.
    fn lateness(&mut self) -> u64;

    /// The same, as far as it has been counted: waits for nothing.
    fn late_so_far(&self) -> u64;

    /// Looks without changing anything.
    fn observe(&mut self, look: &Look) -> Result<Seen, HostFault>;
}
