//! Decoding what GetExtendedTcpTable(TCP_TABLE_OWNER_PID_ALL) gives: `MIB_TCPTABLE_OWNER_PID` for AF_INET and
//! `MIB_TCP6TABLE_OWNER_PID` for AF_INET6. The layouts are those of windows-sys 0.61; rows of TIME_WAIT are among them.
//!
//! The tables do not say how many bytes are queued. Fetching them, in a buffer that may have to grow, belongs to `host`.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use super::bytes::Bytes;
use super::numbering::Numbering;
use super::{Entry, remote};

/// Where the rows begin, behind their count.
const ROWS: usize = 4;

/// State, local address, local port, remote address, remote port, process: each a DWORD.
const ROW_V4: usize = 24;

/// Local address (16), scope, port, remote address (16), scope, port, state, process.
const ROW_V6: usize = 56;

/// Decodes a table of AF_INET. Rows with a state that Windows does not document are left out.
pub fn decode_v4(table: &[u8]) -> Result<Vec<Entry>, String> {
    rows(table, ROW_V4, row_v4)
}

/// Decodes a table of AF_INET6.
pub fn decode_v6(table: &[u8]) -> Result<Vec<Entry>, String> {
    rows(table, ROW_V6, row_v6)
}

fn rows(
    table: &[u8],
    size: usize,
    row: impl Fn(Bytes<'_>) -> Option<Option<Entry>>,
) -> Result<Vec<Entry>, String> {
    let table = Bytes(table);
    let count = table.u32(0).ok_or("the table of connections has no count")?;
    let mut entries = Vec::new();
    for index in 0..count as usize {
        let whole = table.part(ROWS + index * size, size).and_then(&row);
        let short = || format!("the table of connections ends before row {index} of {count}");
        entries.extend(whole.ok_or_else(short)?);
    }
    Ok(entries)
}

fn row_v4(row: Bytes<'_>) -> Option<Option<Entry>> {
    let local = SocketAddr::new(row.ipv4(4)?, row.port(8)?);
    let peer = remote(row.ipv4(12)?, row.port(16)?);
    Some(entry(row.u32(0)?, local, peer))
}

fn row_v6(row: Bytes<'_>) -> Option<Option<Entry>> {
    let local = scoped(row.ipv6(0)?, row.port(20)?, row.u32(16)?);
    let peer = remote(row.ipv6(24)?, row.port(44)?);
    let peer_scope = row.u32(40)?;
    let peer = peer.map(|peer| scoped(peer.ip(), peer.port(), peer_scope));
    Some(entry(row.u32(48)?, local, peer))
}

/// A listener's remote fields mean nothing, and Windows does not promise that they are 0.
fn entry(state: u32, local: SocketAddr, peer: Option<SocketAddr>) -> Option<Entry> {
    let state = Numbering::Mib.state(state)?;
    let peer = peer.filter(|_| state != crate::outcome::TcpState::Listen);
    Some(Entry { local, peer, state, received: None, unsent: None })
}

fn scoped(ip: IpAddr, port: u16, scope: u32) -> SocketAddr {
    match ip.to_canonical() {
        IpAddr::V4(ip) => SocketAddr::new(ip.into(), port),
        IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, scope).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::TcpState;

    fn dword(number: u32) -> [u8; 4] {
        number.to_ne_bytes()
    }

    /// A port as the tables have it: network order in the first two bytes, anything in the others.
    fn port(number: u16) -> [u8; 4] {
        let [high, low] = number.to_be_bytes();
        [high, low, 0xAA, 0xBB]
    }

    #[test]
    fn rows_of_both_families_are_read() {
        let v4 = [
            dword(2),
            dword(11),
            [127, 0, 0, 1],
            port(80),
            [127, 0, 0, 2],
            port(50000),
            dword(0),
            dword(2),
            [0, 0, 0, 0],
            port(443),
            [9, 9, 9, 9],
            port(1),
            dword(4711),
        ]
        .concat();
        let entries = decode_v4(&v4).unwrap();
        assert_eq!(entries[0].local, "127.0.0.1:80".parse().unwrap());
        assert_eq!(entries[0].peer, Some("127.0.0.2:50000".parse().unwrap()));
        assert_eq!(entries[0].state, TcpState::TimeWait);
        assert_eq!((entries[1].state, entries[1].peer), (TcpState::Listen, None));

        let local: std::net::Ipv6Addr = "fe80::1".parse().unwrap();
        let peer: std::net::Ipv6Addr = "::1".parse().unwrap();
        let mut v6 = dword(1).to_vec();
        v6.extend(local.octets());
        v6.extend([dword(7), port(80)].concat());
        v6.extend(peer.octets());
        v6.extend([dword(0), port(81), dword(5), dword(1)].concat());
        let entries = decode_v6(&v6).unwrap();
        assert_eq!(entries[0].local, "[fe80::1%7]:80".parse().unwrap());
        assert_eq!(entries[0].peer, Some("[::1]:81".parse().unwrap()));
        assert_eq!(entries[0].state, TcpState::Established);
    }

    #[test]
    fn a_cut_table_is_an_error() {
        assert!(decode_v4(&[]).is_err());
        assert!(decode_v4(&dword(1)).unwrap_err().contains("row 0 of 1"));
        assert!(decode_v6(&[dword(u32::MAX), dword(0)].concat()).is_err());
        assert_eq!(decode_v4(&dword(0)).unwrap(), []);
    }
}
