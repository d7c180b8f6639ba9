//! Looks: states, queues, closed ports.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};

use windows_sys::Win32::Networking::WinSock as ws;

use super::address;
use super::raw::{self, Raw, Sets};
use super::table::{self, States};
use crate::host::call::{Address, Kind};
use crate::host::local::sys::RawHandle;
use crate::host::{HostFault, Look, Seen};

/// What looks at the sockets of one host.
#[derive(Default)]
pub struct Observer {
    states: States,
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
                received(handle).map(Seen::Count)
            }
            Look::Unsent { socket: name } => {
                let (handle, _) = open(socket, name)?;
                table::unsent(handle).map(Seen::Count)
            }
            Look::Path { .. } => Err(HostFault::new("the states of this trial are not traced")),
            Look::ClosedPort { ip, kind } => closed_port(*ip, *kind).map(Seen::Port),
        }
    }
}

fn open(socket: Option<(RawHandle, Kind)>, name: &str) -> Result<(RawHandle, Kind), HostFault> {
    socket.ok_or_else(|| HostFault::new(format!("`{name}` is no open socket")))
}

/// Bytes that have arrived. Of a listener Windows tells only whether anybody waits.
fn received(handle: RawHandle) -> Result<u64, HostFault> {
    let mut listens = [0; 4];
    let listens =
        raw::option(handle, ws::SOL_SOCKET, ws::SO_ACCEPTCONN, &mut listens).is_ok() && listens != [0; 4];
    if listens {
        let asked = Sets { read: true, write: false, except: false };
        let now = ws::TIMEVAL::default();
        return raw::select(handle, asked, Some(now))
            .map(|sets| u64::from(sets.read))
            .map_err(refused("select"));
    }
    raw::bytes_to_read(handle).map_err(refused("FIONREAD"))
}

/// The fault of a look that Winsock refuses.
fn refused(what: &str) -> impl Fn(i32) -> HostFault {
    move |code| HostFault::new(format!("{what}: error {code}"))
}

/// Ports below the ephemeral range of Windows, and of Linux where that stands in for it.
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
    let family = if address.is_ipv4() { ws::AF_INET } else { ws::AF_INET6 };
    let kind = match kind {
        Kind::Stream => ws::SOCK_STREAM,
        Kind::Datagram => ws::SOCK_DGRAM,
    };
    let fault = |code: i32| HostFault::new(format!("looking for a closed port at {address}: error {code}"));
    let socket = raw::socket(family.into(), kind, 0).map_err(fault)?;
    let bound = bind_alone(socket, address);
    let _ = raw::close(socket);
    match bound {
        Ok(()) => Ok(true),
        // The second where somebody holds it exclusively, or Windows has reserved it.
        Err(ws::WSAEADDRINUSE | ws::WSAEACCES) => Ok(false),
        Err(code) => Err(fault(code)),
    }
}

/// Fails where anybody has the port, also on a wildcard.
fn bind_alone(socket: RawHandle, address: SocketAddr) -> Raw<()> {
    raw::set_option(socket, ws::SOL_SOCKET, ws::SO_EXCLUSIVEADDRUSE, &1_i32.to_ne_bytes())?;
    address::with(&Address::Is(address), |at, length| raw::bind(socket, at, length))
}
