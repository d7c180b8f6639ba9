//! The state oracle: in which state the kernel says that a connection is.
//!
//! A descriptor is no good witness. On Linux its TCP_INFO says CLOSE while the connection is in TIME_WAIT, and of a
//! closed socket nothing is left to ask. So the oracle is the kernel's own table of connections, looked up by the pair of
//! addresses, which outlives the socket:
//!
//! | system | the table | here |
//! | --- | --- | --- |
//! | Linux | NETLINK_SOCK_DIAG, exact lookup | [`sock_diag`] |
//! | Windows | GetExtendedTcpTable | [`windows_table`] |
//! | macOS | sysctl net.inet.tcp.pcblist_n | [`bsd_pcblist`] |
//! | FreeBSD | sysctl net.inet.tcp.pcblist | [`bsd_pcblist`] |
//!
//! What a descriptor says ([`tcp_info`]) is for sockets without a local address, and for stacks without a table. A
//! connection that is in no table is CLOSED. Looking consumes nothing.
//!
//! Everything but [`SockDiag`](sock_diag::SockDiag) is a pure function of bytes, and so is tested on every system; the
//! calls that fetch the bytes belong to `host`. A lookup misses what passes between two looks: whole histories of states
//! come from [`trace`].

pub mod bsd_pcblist;
pub mod numbering;
pub mod sock_diag;
pub mod tcp_info;
pub mod trace;
pub mod windows_table;

mod bytes;

use std::net::{IpAddr, SocketAddr};

use crate::outcome::TcpState;

/// A connection, or a listener, in a system's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its local address.
    pub local: SocketAddr,
    /// Its remote address; a listener has none.
    pub peer: Option<SocketAddr>,
    /// Its state.
    pub state: TcpState,
    /// Bytes that have arrived and were not read; for a listener, connections that wait to be accepted. `None` where the
    /// table does not say.
    pub received: Option<u64>,
    /// Bytes that were sent and not yet acknowledged, and those that wait to be sent.
    pub unsent: Option<u64>,
}

/// The entry with exactly this pair of addresses; without a peer, the listener (or unconnected socket) at `local`.
/// An IPv4 address and its IPv4-mapped form are the same address.
#[must_use]
pub fn find(entries: &[Entry], local: SocketAddr, peer: Option<SocketAddr>) -> Option<&Entry> {
    entries.iter().find(|entry| {
        same(entry.local, local)
            && match (entry.peer, peer) {
                (Some(found), Some(wanted)) => same(found, wanted),
                (None, None) => true,
                _ => false,
            }
    })
}

/// Whether two addresses mean the same place. Scopes count only where both have one.
fn same(a: SocketAddr, b: SocketAddr) -> bool {
    let scopes_differ = match (a, b) {
        (SocketAddr::V6(a), SocketAddr::V6(b)) => {
            a.scope_id() != 0 && b.scope_id() != 0 && a.scope_id() != b.scope_id()
        }
        _ => false,
    };
    (a.ip().to_canonical(), a.port()) == (b.ip().to_canonical(), b.port()) && !scopes_differ
}

/// A remote address as tables give it: all zeros mean that there is none.
fn remote(ip: IpAddr, port: u16) -> Option<SocketAddr> {
    (port != 0 || !ip.to_canonical().is_unspecified()).then(|| SocketAddr::new(ip.to_canonical(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(local: &str, peer: Option<&str>, state: TcpState) -> Entry {
        let peer = peer.map(|peer| peer.parse().unwrap());
        Entry { local: local.parse().unwrap(), peer, state, received: None, unsent: None }
    }

    #[test]
    fn a_connection_is_found_by_both_addresses() {
        let table = [
            entry("127.0.0.1:80", None, TcpState::Listen),
            entry("127.0.0.1:80", Some("127.0.0.1:5000"), TcpState::CloseWait),
            entry("[::ffff:127.0.0.1]:80", Some("[::ffff:127.0.0.1]:5001"), TcpState::TimeWait),
        ];
        let state = |peer: Option<&str>| {
            let peer = peer.map(|peer| peer.parse().unwrap());
            find(&table, "127.0.0.1:80".parse().unwrap(), peer).map(|entry| entry.state)
        };
        assert_eq!(state(None), Some(TcpState::Listen));
        assert_eq!(state(Some("127.0.0.1:5000")), Some(TcpState::CloseWait));
        assert_eq!(state(Some("127.0.0.1:5001")), Some(TcpState::TimeWait));
        assert_eq!(state(Some("127.0.0.1:5002")), None);
    }

    #[test]
    fn a_scope_counts_where_both_have_one() {
        let address = |text: &str| text.parse().unwrap();
        assert!(same(address("[fe80::1%2]:9"), address("[fe80::1]:9")));
        assert!(!same(address("[fe80::1%2]:9"), address("[fe80::1%3]:9")));
    }
}
