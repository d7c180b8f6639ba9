//! States and queues on FreeBSD: the list of connections, TCP_INFO where there is no address to look for.

use std::net::SocketAddr;

use super::look::{by_descriptor, refused};
use super::raw;
use crate::host::HostFault;
use crate::host::local::sys::RawHandle;
use crate::observe::{bsd_pcblist, find, tcp_info};
use crate::outcome::TcpState;
use crate::platform::{Os, sysctl};

/// What tells the states here.
pub const ORACLE: &str = "net.inet.tcp.pcblist";

/// `FIONWRITE`: _IOR('f', 119, int). libc does not have it.
const FIONWRITE: libc::c_ulong = 0x4004_6677;

/// Asks for states.
#[derive(Default)]
pub(super) struct States;

impl States {
    /// This system takes nothing from its table.
    pub(super) fn forget(&mut self, _local: SocketAddr, _peer: SocketAddr) {}

    pub(super) fn look(
        &mut self,
        handle: Option<RawHandle>,
        local: Option<SocketAddr>,
        peer: Option<SocketAddr>,
    ) -> Result<TcpState, HostFault> {
        let Some(local) = local else { return by_descriptor(handle, info) };
        let list = sysctl::bytes(ORACLE).ok_or_else(|| HostFault::new(format!("{ORACLE} cannot be read")))?;
        let entries = bsd_pcblist::decode_freebsd(&list).map_err(HostFault::new)?;
        Ok(find(&entries, local, peer).map_or(TcpState::Closed, |entry| entry.state))
    }

    /// Bytes that were not acknowledged.
    pub(super) fn unsent(&mut self, handle: RawHandle) -> Result<u64, HostFault> {
        raw::ioctl_int(handle, FIONWRITE).map_err(refused("FIONWRITE"))
    }
}

pub(super) fn info(handle: RawHandle) -> Result<TcpState, HostFault> {
    let mut room = [0; 512];
    match raw::option(handle, libc::IPPROTO_TCP, libc::TCP_INFO, &mut room) {
        // A connection that is over has none.
        Err(libc::ECONNRESET) => Ok(TcpState::Closed),
        Err(code) => Err(refused("TCP_INFO")(code)),
        Ok(n) => {
            tcp_info::state(Os::Freebsd, &room[..n]).ok_or_else(|| HostFault::new("TCP_INFO has no state"))
        }
    }
}

/// Bytes that have arrived; for a listener, connections that wait.
pub(super) fn received(handle: RawHandle) -> Result<u64, HostFault> {
    let mut listens = [0; 4];
    let is_listener =
        raw::option(handle, libc::SOL_SOCKET, libc::SO_ACCEPTCONN, &mut listens).is_ok() && listens != [0; 4];
    if is_listener {
        let mut waiting = [0; 4];
        raw::option(handle, libc::SOL_SOCKET, libc::SO_LISTENQLEN, &mut waiting)
            .map_err(refused("SO_LISTENQLEN"))?;
        return Ok(u64::from(u32::from_ne_bytes(waiting)));
    }
    raw::ioctl_int(handle, libc::FIONREAD).map_err(refused("FIONREAD"))
}

/// This system does not tell.
pub(super) fn is_full(_handle: RawHandle) -> Option<bool> {
    None
}
