//! Linux: one connection in the kernel's table by NETLINK_SOCK_DIAG. An exact lookup takes 8 µs, where a dump or
//! /proc/net/tcp makes the kernel walk its whole table. It also finds TIME_WAIT, and what no process has open.
//!
//! Messages are built and read here byte by byte: the layout is frozen kernel interface (linux/inet_diag.h), and so they
//! are pure functions, tested everywhere. [`SockDiag`] sends them.
//!
//! Four traps:
//! - The cookie must be all ones, or the kernel looks for a socket with cookie 0 and finds none.
//! - A lookup falls back to the listener on the same port when the connection is gone, and a lookup of a listener to one
//!   that is bound to the wildcard. So the addresses in a reply are compared.
//! - For UDP the kernel takes source and destination the other way round, "for historical reasons".
//! - The counts of queued bytes include a SYN or FIN, which takes a sequence number. [`decode`] takes it off again.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use super::bytes::Bytes;
use super::numbering::Numbering;
use super::{Entry, remote};
use crate::host::call::Kind;
use crate::outcome::TcpState;
use crate::platform::{Os, errors};

/// What the kernel answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It is in the table.
    Found(Entry),
    /// It is not, or only something else with the same port is.
    NotFound,
}

const HEADER_LEN: usize = 16;
const REQUEST_LEN: usize = 72;
const NLMSG_ERROR: u16 = 2;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
#[cfg(target_os = "linux")]
const SOCK_DESTROY: u16 = 21;
const NLM_F_REQUEST: u16 = 1;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const ENOENT: i32 = 2;

/// A request for one socket: the connection of that pair of addresses, or what is bound to `local` without a peer (a
/// listener, an unconnected datagram socket).
#[must_use]
pub fn request(kind: Kind, local: SocketAddr, peer: Option<SocketAddr>, sequence: u32) -> Vec<u8> {
    let (local, peer) = (canonical(local), peer.map(canonical));
    let nobody = if local.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let peer = peer.unwrap_or(SocketAddr::new(nobody, 0));
    let (source, destination) = match kind {
        Kind::Stream => (local, peer),
        Kind::Datagram => (peer, local),
    };
    let mut message = Vec::with_capacity(REQUEST_LEN);
    // struct nlmsghdr
    message.extend((REQUEST_LEN as u32).to_ne_bytes());
    message.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    message.extend(NLM_F_REQUEST.to_ne_bytes());
    message.extend(sequence.to_ne_bytes());
    message.extend([0; 4]);
    // struct inet_diag_req_v2: family, protocol, no extensions, padding, every state
    let family = if local.is_ipv4() { AF_INET } else { AF_INET6 };
    message.extend([family, protocol(kind), 0, 0]);
    message.extend(u32::MAX.to_ne_bytes());
    // struct inet_diag_sockid: ports, addresses, interface, no cookie
    message.extend(source.port().to_be_bytes());
    message.extend(destination.port().to_be_bytes());
    message.extend(sixteen(source.ip()));
    message.extend(sixteen(destination.ip()));
    message.extend(scope(local).to_ne_bytes());
    message.extend([0xFF; 8]);
    message
}

/// Reads the answer to a request for these addresses.
pub fn decode(message: &[u8], local: SocketAddr, peer: Option<SocketAddr>) -> Result<Reply, String> {
    let message = Bytes(message);
    let kind = message.array(4).map(u16::from_ne_bytes);
    let body = message.0.get(HEADER_LEN..).map(Bytes);
    match (kind, body) {
        (Some(NLMSG_ERROR), Some(body)) => refusal(body),
        (Some(SOCK_DIAG_BY_FAMILY), Some(body)) => {
            let entry = entry(body).ok_or("an answer of sock_diag is too short or has an unknown state")?;
            Ok(if is_asked_for(&entry, local, peer) { Reply::Found(entry) } else { Reply::NotFound })
        }
        (Some(other), _) => Err(format!("sock_diag answered with a message of type {other}")),
        (None, _) => Err("sock_diag answered with less than a header".to_owned()),
    }
}

/// The sequence number of a message, by which an answer is known to belong to its request.
#[must_use]
pub fn sequence(message: &[u8]) -> Option<u32> {
    Bytes(message).u32(8)
}

/// struct nlmsgerr: a negated error number, then the request again.
fn refusal(body: Bytes<'_>) -> Result<Reply, String> {
    let code = body.i32(0).ok_or("an error of sock_diag has no number")?;
    if code == -ENOENT {
        return Ok(Reply::NotFound);
    }
    let name = code.checked_neg().and_then(|code| errors::name(Os::Linux, code));
    Err(format!("sock_diag refused: {}", name.map_or_else(|| format!("error {code}"), str::to_owned)))
}

/// struct inet_diag_msg.
fn entry(body: Bytes<'_>) -> Option<Entry> {
    let [family, state, _timer, _retransmits] = body.array::<4>(0)?;
    let state = Numbering::Linux.state(state.into())?;
    let ip = |at| if family == AF_INET { body.ipv4(at) } else { body.ipv6(at).map(|ip| ip.to_canonical()) };
    let interface = body.u32(40)?;
    let local = scoped(SocketAddr::new(ip(8)?, body.port(4)?), interface);
    let peer = remote(ip(24)?, body.port(6)?).map(|peer| scoped(peer, interface));
    let received = count(body.u32(56)?, has_fin(state));
    let unsent = count(body.u32(60)?, has_unacknowledged_flag(state));
    Some(Entry { local, peer, state, received: Some(received), unsent: Some(unsent) })
}

fn is_asked_for(entry: &Entry, local: SocketAddr, peer: Option<SocketAddr>) -> bool {
    super::find(std::slice::from_ref(entry), local, peer).is_some()
}

/// The receive queue counts the FIN until it is read; nothing can be queued behind it.
fn has_fin(state: TcpState) -> bool {
    matches!(state, TcpState::CloseWait | TcpState::Closing | TcpState::LastAck | TcpState::TimeWait)
}

/// The send queue counts a SYN or FIN that is not acknowledged.
fn has_unacknowledged_flag(state: TcpState) -> bool {
    matches!(
        state,
        TcpState::SynSent
            | TcpState::SynReceived
            | TcpState::FinWait1
            | TcpState::Closing
            | TcpState::LastAck
    )
}

fn count(queued: u32, flag: bool) -> u64 {
    u64::from(queued).saturating_sub(u64::from(flag))
}

/// An IPv4-mapped address is looked up as IPv4: the kernel finds sockets of both families under it.
fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => SocketAddr::new(ip.into(), address.port()),
        IpAddr::V6(_) => address,
    }
}

fn protocol(kind: Kind) -> u8 {
    match kind {
        Kind::Stream => 6,
        Kind::Datagram => 17,
    }
}

fn sixteen(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V6(ip) => ip.octets(),
        IpAddr::V4(ip) => {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&ip.octets());
            bytes
        }
    }
}

fn scope(address: SocketAddr) -> u32 {
    match address {
        SocketAddr::V4(_) => 0,
        SocketAddr::V6(address) => address.scope_id(),
    }
}

fn scoped(address: SocketAddr, interface: u32) -> SocketAddr {
    match address {
        SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() => {
            SocketAddrV6::new(*v6.ip(), v6.port(), 0, interface).into()
        }
        _ => address,
    }
}

#[cfg(target_os = "linux")]
pub use socket::SockDiag;

#[cfg(target_os = "linux")]
mod socket {
    //! The netlink socket.

    use std::cell::Cell;
    use std::net::SocketAddr;
    use std::os::fd::{AsRawFd, OwnedFd};

    use nix::errno::Errno;
    use nix::sys::socket::{
        AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, setsockopt,
        socket, sockopt,
    };
    use nix::sys::time::{TimeVal, TimeValLike};

    use super::{Kind, Reply, decode, request, sequence};
    use crate::observe::Entry;

    /// How long to wait for the kernel, which answers while the request is sent. Only a broken stand-in gets so far.
    const PATIENCE_MS: i64 = 1000;

    /// A netlink socket, which sees the network namespace that its thread was in when it was opened.
    #[derive(Debug)]
    pub struct SockDiag {
        socket: OwnedFd,
        last: Cell<u32>,
    }

    impl SockDiag {
        /// Opens one in the calling thread's namespace.
        pub fn open() -> Result<Self, String> {
            let protocol = SockProtocol::NetlinkSockDiag;
            let socket = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)
                .map_err(|error| failed("socket", error))?;
            setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::milliseconds(PATIENCE_MS))
                .map_err(|error| failed("setsockopt", error))?;
            Ok(Self { socket, last: Cell::new(0) })
        }

        /// Looks one connection up, or the listener at `local`. `None` says that the kernel's table does not have it.
        pub fn state(
            &self,
            kind: Kind,
            local: SocketAddr,
            peer: Option<SocketAddr>,
        ) -> Result<Option<Entry>, String> {
            let number = self.last.get().wrapping_add(1);
            self.last.set(number);
            self.send(&request(kind, local, peer, number))?;
            match decode(&self.receive(number)?, local, peer)? {
                Reply::Found(entry) => Ok(Some(entry)),
                Reply::NotFound => Ok(None),
            }
        }

        /// Takes a connection out of the table, as `ss --kill` does. Needs CAP_NET_ADMIN and CONFIG_INET_DIAG_DESTROY.
        pub fn destroy(&self, kind: Kind, local: SocketAddr, peer: SocketAddr) -> Result<(), String> {
            const NLM_F_ACK: u16 = 4;
            let number = self.last.get().wrapping_add(1);
            self.last.set(number);
            let mut message = request(kind, local, Some(peer), number);
            message[4..6].copy_from_slice(&super::SOCK_DESTROY.to_ne_bytes());
            message[6..8].copy_from_slice(&(super::NLM_F_REQUEST | NLM_F_ACK).to_ne_bytes());
            self.send(&message)?;
            self.receive(number).map(drop)
        }

        fn send(&self, message: &[u8]) -> Result<(), String> {
            let kernel = NetlinkAddr::new(0, 0);
            retry(|| sendto(self.socket.as_raw_fd(), message, &kernel, MsgFlags::empty()))
                .map(drop)
                .map_err(|error| failed("sendto", error))
        }

        /// Passes over what belongs to a request that was given up.
        fn receive(&self, number: u32) -> Result<Vec<u8>, String> {
            let mut buffer = [0; 512];
            loop {
                let len = retry(|| recv(self.socket.as_raw_fd(), &mut buffer, MsgFlags::empty()))
                    .map_err(|error| failed("recv", error))?;
                if sequence(&buffer[..len]) == Some(number) {
                    return Ok(buffer[..len].to_vec());
                }
            }
        }
    }

    /// A signal is meant for the call under test, not for us.
    fn retry<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
        loop {
            match call() {
                Err(Errno::EINTR) => {}
                other => return other,
            }
        }
    }

    fn failed(call: &str, error: Errno) -> String {
        format!("{call} of sock_diag: {error:?}")
    }
}

#[cfg(test)]
mod tests;
