//! Looks: states, queues, closed ports.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};

use socket2::{Domain, SockAddr, Socket, Type};

use super::state;
use crate::host::call::Kind;
use crate::host::local::sys::RawHandle;
use crate::host::{HostFault, Look, Seen};
use crate::outcome::TcpState;

/// What looks at the sockets of one host.
#[derive(Default)]
pub struct Observer {
    states: state::States,
}

impl Observer {
    pub(super) fn look(&mut self, socket: Option<(RawHandle, Kind)>, look: &Look) -> Result<Seen, HostFault> {
        match look {
            Look::State { local, peer, .. } => {
                let handle = socket.map(|(handle, _)| handle);
                self.states.look(handle, *local, *peer).map(Seen::State)
            }
            Look::Received { socket: name } => {
                let (handle, _) = open(socket, name)?;
                state::received(handle).map(Seen::Count)
            }
            Look::Unsent { socket: name } => {
                let (handle, _) = open(socket, name)?;
                self.states.unsent(handle).map(Seen::Count)
            }
            Look::Path { .. } => Err(HostFault::new("the states of this trial are not traced")),
            Look::ClosedPort { ip, kind } => closed_port(*ip, *kind).map(Seen::Port),
        }
    }
}

impl Observer {
    /// Takes connections that are over from the kernel's table.
    pub(super) fn forget(&mut self, connections: &[[SocketAddr; 2]]) {
        for [local, peer] in connections {
            self.states.forget(*local, *peer);
        }
    }
}

fn open(socket: Option<(RawHandle, Kind)>, name: &str) -> Result<(RawHandle, Kind), HostFault> {
    socket.ok_or_else(|| HostFault::new(format!("`{name}` is no open socket")))
}

/// The state by what the descriptor itself tells, or CLOSED where there is none.
pub(super) fn by_descriptor(
    handle: Option<RawHandle>,
    tell: impl FnOnce(RawHandle) -> Result<TcpState, HostFault>,
) -> Result<TcpState, HostFault> {
    handle.map_or(Ok(TcpState::Closed), tell)
}

/// The fault of a look that the kernel refuses.
pub(super) fn refused(what: &str) -> impl Fn(i32) -> HostFault {
    move |code| HostFault::new(format!("{what}: {}", nix::errno::Errno::from_raw(code)))
}

/// Ports below every system's ephemeral range.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// A port that is bound by nobody now, and by nobody else of this process afterwards: no two looks get the same until
/// all have been given.
fn closed_port(ip: IpAddr, kind: Kind) -> Result<u16, HostFault> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    for _ in 0..COUNT {
        let port = FIRST + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
        if is_free(SocketAddr::new(ip, port), kind)? {
            return Ok(port);
        }
    }
    Err(HostFault::new(format!("no port of {ip} is closed")))
}

fn is_free(address: SocketAddr, kind: Kind) -> Result<bool, HostFault> {
    let kind = match kind {
        Kind::Stream => Type::STREAM,
        Kind::Datagram => Type::DGRAM,
    };
    let fault =
        |error: std::io::Error| HostFault::new(format!("looking for a closed port at {address}: {error}"));
    let socket = Socket::new(Domain::for_address(address), kind, None).map_err(fault)?;
    match socket.bind(&SockAddr::from(address)) {
        Ok(()) => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::EADDRINUSE) => Ok(false),
        Err(error) => Err(fault(error)),
    }
}
