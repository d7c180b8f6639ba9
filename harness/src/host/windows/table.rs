//! Fetching Windows' table of connections, and asking a socket for its own state. What the bytes mean belongs to
//! [`observe`](crate::observe).

#![expect(unsafe_code, reason = "GetExtendedTcpTable")]

use std::net::{IpAddr, SocketAddr};

use windows_sys::Win32::Foundation::{ERROR_INSUFFICIENT_BUFFER, ERROR_OUTOFMEMORY, NO_ERROR};
use windows_sys::Win32::NetworkManagement::IpHelper::{GetExtendedTcpTable, TCP_TABLE_OWNER_PID_ALL};
use windows_sys::Win32::Networking::WinSock::{ADDRESS_FAMILY, AF_INET, AF_INET6, SIO_TCP_INFO, TCP_INFO_v0};

use super::raw;
use crate::host::HostFault;
use crate::host::local::sys::RawHandle;
use crate::observe::{Entry, find, tcp_info, windows_table};
use crate::outcome::TcpState;
use crate::platform::Os;

/// What tells the states here.
pub const ORACLE: &str = "GetExtendedTcpTable";

/// Asks for states.
#[derive(Default)]
pub(super) struct States {
    /// Room for a table, kept from look to look; in units of what a table is aligned to.
    room: Vec<u32>,
}

impl States {
    /// The state of the connection with this pair of addresses; of a socket without an address, what it tells itself.
    pub(super) fn look(
        &mut self,
        handle: Option<RawHandle>,
        local: Option<SocketAddr>,
        peer: Option<SocketAddr>,
    ) -> Result<TcpState, HostFault> {
        let Some(local) = local.or_else(|| raw::local_name(handle?).ok()?) else {
            return Ok(handle.and_then(info).unwrap_or(TcpState::Closed));
        };
        let peer = peer.or_else(|| raw::peer_name(handle?).ok()?);
        for family in families(local.ip()) {
            if let Some(entry) = find(&self.table(*family)?, local, peer) {
                return Ok(entry.state);
            }
        }
        Ok(TcpState::Closed)
    }

    fn table(&mut self, family: ADDRESS_FAMILY) -> Result<Vec<Entry>, HostFault> {
        // The table may have grown when it is asked for again.
        for _ in 0..TRIES {
            let mut size = u32::try_from(self.room.len() * 4).unwrap_or(u32::MAX);
            // SAFETY: the pointer and the size are those of a vector, and no more is written than that.
            let code = unsafe {
                GetExtendedTcpTable(
                    self.room.as_mut_ptr().cast(),
                    &raw mut size,
                    0,
                    family.into(),
                    TCP_TABLE_OWNER_PID_ALL,
                    0,
                )
            };
            match code {
                NO_ERROR => return decode(family, &self.room).map_err(HostFault::new),
                // Wine, where the table grew while it was filled.
                ERROR_OUTOFMEMORY => {}
                // Some more rows than are there now.
                ERROR_INSUFFICIENT_BUFFER => self.room = vec![0; size.div_ceil(4) as usize + 1024],
                code => return Err(HostFault::new(format!("{ORACLE}: error {code}"))),
            }
        }
        Err(HostFault::new(format!("{ORACLE}: the table never fits")))
    }
}

const TRIES: usize = 10;

/// In which tables an address may be. One within IPv6 that is IPv4's may be in either.
fn families(ip: IpAddr) -> &'static [ADDRESS_FAMILY] {
    match (ip, ip.to_canonical()) {
        (IpAddr::V4(_), _) => &[AF_INET],
        (IpAddr::V6(_), IpAddr::V6(_)) => &[AF_INET6],
        (IpAddr::V6(_), IpAddr::V4(_)) => &[AF_INET, AF_INET6],
    }
}

fn decode(family: ADDRESS_FAMILY, room: &[u32]) -> Result<Vec<Entry>, String> {
    let bytes: Vec<u8> = room.iter().flat_map(|word| word.to_ne_bytes()).collect();
    if family == AF_INET { windows_table::decode_v4(&bytes) } else { windows_table::decode_v6(&bytes) }
}

/// What the socket itself tells.
fn info(handle: RawHandle) -> Option<TcpState> {
    tcp_info::state(Os::Windows, &tcp_info_v0(handle)?)
}

/// Bytes that were sent and not acknowledged; not those that wait to be sent.
pub(super) fn unsent(handle: RawHandle) -> Result<u64, HostFault> {
    let info = tcp_info_v0(handle);
    let at = std::mem::offset_of!(TCP_INFO_v0, BytesInFlight);
    let bytes = info.as_ref().and_then(|info| info.get(at..at + 4)?.try_into().ok());
    let told = bytes.map(|bytes| u64::from(u32::from_ne_bytes(bytes)));
    told.ok_or_else(|| {
        HostFault::new("this system does not tell how many bytes were sent and not acknowledged")
    })
}

/// `SIO_TCP_INFO`; nothing where Windows is older than that, in Wine, or where the socket is none of TCP.
fn tcp_info_v0(handle: RawHandle) -> Option<Vec<u8>> {
    let version = 0_u32.to_ne_bytes();
    let mut room = vec![0; 256];
    let n = raw::ioctl(handle, SIO_TCP_INFO, &version, &mut room).ok()?;
    room.truncate(n);
    Some(room)
}
