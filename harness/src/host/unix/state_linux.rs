//! States and queues on Linux: the kernel's table by sock_diag, TCP_INFO where there is no address to ask it for.

use std::net::SocketAddr;

use super::look::{by_descriptor, refused};
use super::raw;
use crate::host::HostFault;
use crate::host::call::Kind;
use crate::host::local::sys::RawHandle;
use crate::observe::sock_diag::SockDiag;
use crate::observe::tcp_info;
use crate::outcome::TcpState;
use crate::platform::Os;

/// What tells the states here.
pub const ORACLE: &str = "sock_diag";

/// Asks for states. The netlink socket is made at the first look, in the network of the trial.
#[derive(Default)]
pub(super) struct States {
    table: Option<SockDiag>,
    /// The kernel has no such table, or does not let us see it.
    refused: bool,
}

impl States {
    pub(super) fn look(
        &mut self,
        handle: Option<RawHandle>,
        local: Option<SocketAddr>,
        peer: Option<SocketAddr>,
    ) -> Result<TcpState, HostFault> {
        let Some(local) = local else { return by_descriptor(handle, info) };
        let Some(table) = self.table() else { return by_descriptor(handle, info) };
        let entry = table.state(Kind::Stream, local, peer).map_err(HostFault::new)?;
        Ok(entry.map_or(TcpState::Closed, |entry| entry.state))
    }

    /// Bytes that were not acknowledged, without the FIN that SIOCOUTQ counts as one.
    pub(super) fn unsent(&mut self, handle: RawHandle) -> Result<u64, HostFault> {
        if let (Ok(Some(local)), Ok(Some(peer)), Some(table)) =
            (raw::local_name(handle), raw::peer_name(handle), self.table())
            && let Ok(Some(entry)) = table.state(Kind::Stream, local, Some(peer))
            && let Some(unsent) = entry.unsent
        {
            return Ok(unsent);
        }
        raw::ioctl_int(handle, libc::TIOCOUTQ).map_err(refused("SIOCOUTQ"))
    }

    /// Takes a connection from the table. Without CONFIG_INET_DIAG_DESTROY it stays for its time.
    pub(super) fn forget(&mut self, local: SocketAddr, peer: SocketAddr) {
        if let Some(table) = self.table() {
            let _ = table.destroy(Kind::Stream, local, peer);
        }
    }

    fn table(&mut self) -> Option<&SockDiag> {
        if self.table.is_none() && !self.refused {
            match SockDiag::open() {
                Ok(table) => self.table = Some(table),
                Err(_) => self.refused = true,
            }
        }
        self.table.as_ref()
    }
}

pub(super) fn info(handle: RawHandle) -> Result<TcpState, HostFault> {
    let mut room = [0; 512];
    let n = raw::option(handle, libc::IPPROTO_TCP, libc::TCP_INFO, &mut room).map_err(refused("TCP_INFO"))?;
    tcp_info::state(Os::Linux, &room[..n]).ok_or_else(|| HostFault::new("TCP_INFO has no state"))
}

/// Whether nothing is under way and the peer's window is closed: tcpi_unacked and tcpi_snd_wnd (Linux 5.4) are 0. `None`
/// where TCP_INFO does not tell: without even a size of segments, it has not been filled in (gVisor).
pub(super) fn is_full(handle: RawHandle) -> Option<bool> {
    const SND_MSS: usize = 16;
    const UNACKED: usize = 24;
    const SND_WND: usize = 228;
    let mut room = [0; 512];
    let Ok(n) = raw::option(handle, libc::IPPROTO_TCP, libc::TCP_INFO, &mut room) else { return Some(true) };
    let is_zero = |at: usize| room[..n].get(at..at + 4).is_none_or(|field| field == [0; 4]);
    (!is_zero(SND_MSS)).then(|| is_zero(UNACKED) && is_zero(SND_WND))
}

/// Bytes that have arrived; for a listener, connections that wait.
pub(super) fn received(handle: RawHandle) -> Result<u64, HostFault> {
    match raw::ioctl_int(handle, libc::FIONREAD) {
        // A listener has no bytes, and says so.
        Err(libc::EINVAL) => {
            // A kernel that does not count them tells at least whether there is one.
            let one = raw::poll(handle, libc::POLLIN, 0).is_ok_and(|bits| bits & libc::POLLIN != 0);
            waiting(handle).map(|count| count.max(u64::from(one)))
        }
        other => other.map_err(refused("FIONREAD")),
    }
}

/// TCP_INFO of a listener has the length of its accept queue in the field for unacknowledged segments.
pub(super) fn waiting(handle: RawHandle) -> Result<u64, HostFault> {
    let mut room = [0; 512];
    let n = raw::option(handle, libc::IPPROTO_TCP, libc::TCP_INFO, &mut room).map_err(refused("TCP_INFO"))?;
    let at = std::mem::offset_of!(libc::tcp_info, tcpi_unacked);
    room[..n]
        .get(at..at + 4)
        .and_then(|bytes| bytes.try_into().ok())
        .map(|bytes| u64::from(u32::from_ne_bytes(bytes)))
        .ok_or_else(|| HostFault::new("TCP_INFO has no queue length"))
}
