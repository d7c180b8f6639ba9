//! States and queues on macOS: the list of connections, TCP_CONNECTION_INFO where there is no address to look for.

use std::net::SocketAddr;

use super::look::{by_descriptor, refused};
use super::raw;
use crate::host::HostFault;
use crate::host::local::sys::RawHandle;
use crate::observe::{bsd_pcblist, find, tcp_info};
use crate::outcome::TcpState;
use crate::platform::{Os, sysctl};

/// What tells the states here.
pub const ORACLE: &str = "net.inet.tcp.pcblist_n";

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
        let entries = bsd_pcblist::decode_macos(&list).map_err(HostFault::new)?;
        Ok(find(&entries, local, peer).map_or(TcpState::Closed, |entry| entry.state))
    }

    /// Bytes that were not acknowledged.
    pub(super) fn unsent(&mut self, handle: RawHandle) -> Result<u64, HostFault> {
        let mut value = [0; 4];
        raw::option(handle, libc::SOL_SOCKET, libc::SO_NWRITE, &mut value).map_err(refused("SO_NWRITE"))?;
        Ok(u64::from(u32::from_ne_bytes(value)))
    }
}

pub(super) fn info(handle: RawHandle) -> Result<TcpState, HostFault> {
    let mut room = [0; 512];
    match raw::option(handle, libc::IPPROTO_TCP, libc::TCP_CONNECTION_INFO, &mut room) {
        // A connection that is over has none.
        Err(libc::EINVAL) => Ok(TcpState::Closed),
        Err(code) => Err(refused("TCP_CONNECTION_INFO")(code)),
        Ok(n) => tcp_info::state(Os::Macos, &room[..n])
            .ok_or_else(|| HostFault::new("TCP_CONNECTION_INFO has no state")),
    }
}

/// Bytes that have arrived. Of a listener macOS tells only whether anybody waits.
pub(super) fn received(handle: RawHandle) -> Result<u64, HostFault> {
    let mut listens = [0; 4];
    let is_listener =
        raw::option(handle, libc::SOL_SOCKET, libc::SO_ACCEPTCONN, &mut listens).is_ok() && listens != [0; 4];
    if is_listener {
        return raw::poll(handle, libc::POLLIN, 0).map(|bits| u64::from(bits != 0)).map_err(refused("poll"));
    }
    raw::ioctl_int(handle, libc::FIONREAD).map_err(refused("FIONREAD"))
}

/// This system does not tell.
pub(super) fn is_full(_handle: RawHandle) -> Option<bool> {
    None
}
