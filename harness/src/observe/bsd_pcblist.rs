//! Decoding the tables of connections of FreeBSD (sysctl net.inet.tcp.pcblist) and macOS (net.inet.tcp.pcblist_n).
//!
//! Neither has a documented layout, and neither was read on a real machine by us. What the offsets come from:
//!
//! - **FreeBSD 13 to 15, 64 bits** (`xtcpcb`, 744 bytes): the structs of sys/netinet/tcp_var.h, in_pcb.h and
//!   sys/sys/socketvar.h, whose fields have fixed widths and spare ones among them so that they do not move. The offsets
//!   were computed by a C compiler from these structs. Which lengths the three names in it have (`xt_stack` 32, `xt_logid`
//!   64, `xt_cc` 16) was taken from another project's transcription, which says that 12.4 to 15.0 agree. Incomplete
//!   connections of the SYN cache are in the list, as SYN_RECEIVED.
//! - **macOS** (`xinpcb_n`, `xsockbuf_n`, `xtcpcb_n`): bsd/netinet/in_pcb.h of xnu, packed to 4 bytes, tcp_var.h and
//!   socketvar.h; several programs read live tables with the same offsets, among them one that checked them against
//!   netstat on macOS 15.
//!
//! Both are walked by the length that each record has in front, so that records which grew at their end are still read;
//! a record that is too short for what is needed is an error, never a guess.

use std::net::{IpAddr, SocketAddr};

use super::bytes::Bytes;
use super::numbering::Numbering;
use super::{Entry, remote};
use crate::outcome::TcpState;

/// `inp_vflag`: the socket speaks IPv4. A socket that speaks both has both bits until it is connected.
const INP_IPV4: u8 = 1;
const INP_IPV6: u8 = 2;

/// Places in FreeBSD's `xtcpcb`.
mod xtcpcb {
    /// `xt_inp.xi_socket.so_qlen`: connections that wait to be accepted.
    pub(super) const QUEUE_LEN: usize = 120;
    /// `xt_inp.xi_socket.so_rcv.sb_cc`
    pub(super) const RECEIVED: usize = 184;
    /// `xt_inp.xi_socket.so_snd.sb_cc`
    pub(super) const UNSENT: usize = 220;
    pub(super) const FOREIGN_PORT: usize = 260;
    pub(super) const LOCAL_PORT: usize = 262;
    pub(super) const FOREIGN: usize = 264;
    pub(super) const LOCAL: usize = 280;
    pub(super) const VFLAG: usize = 400;
    pub(super) const STATE: usize = 568;
    /// `xinpgen`, the header and the trailer of the list.
    pub(super) const HEADER_LEN: u64 = 64;
}

/// Places in the records of macOS.
mod named {
    pub(super) const XSO_RCVBUF: u32 = 0x2;
    pub(super) const XSO_SNDBUF: u32 = 0x4;
    pub(super) const XSO_INPCB: u32 = 0x10;
    pub(super) const XSO_TCPCB: u32 = 0x20;
    /// `xsockbuf_n.sb_cc`
    pub(super) const BUFFERED: usize = 8;
    /// `xinpcb_n`
    pub(super) const FOREIGN_PORT: usize = 16;
    pub(super) const LOCAL_PORT: usize = 18;
    pub(super) const VFLAG: usize = 44;
    pub(super) const FOREIGN: usize = 48;
    pub(super) const LOCAL: usize = 64;
    /// `xtcpcb_n.t_state`
    pub(super) const STATE: usize = 36;
    /// `xinpgen`, the header and the trailer of the list.
    pub(super) const HEADER_LEN: u32 = 24;
}

/// Decodes FreeBSD's list.
pub fn decode_freebsd(list: &[u8]) -> Result<Vec<Entry>, String> {
    let list = Bytes(list);
    let mut at = header(list.u64(0).and_then(|len| usize::try_from(len).ok()))?;
    let mut entries = Vec::new();
    loop {
        let len = list.u64(at).ok_or_else(|| cut(at))?;
        if len <= xtcpcb::HEADER_LEN {
            return Ok(entries); // the trailer
        }
        let len = usize::try_from(len).map_err(|_| cut(at))?;
        let record = list.part(at, len).ok_or_else(|| cut(at))?;
        entries.extend(freebsd_record(record).ok_or_else(|| short("xtcpcb", len))?);
        at += len;
    }
}

/// The outer `None` says that the record is too short, the inner one that it is no TCP socket with a known state.
fn freebsd_record(record: Bytes<'_>) -> Option<Option<Entry>> {
    let state = record.i32(xtcpcb::STATE)?;
    let pair = pair(
        record,
        record.array::<1>(xtcpcb::VFLAG)?[0],
        &Places {
            local: xtcpcb::LOCAL,
            local_port: xtcpcb::LOCAL_PORT,
            foreign: xtcpcb::FOREIGN,
            foreign_port: xtcpcb::FOREIGN_PORT,
        },
    )?;
    let Some(state) = bsd_state(state) else { return Some(None) };
    let arrived = if state == TcpState::Listen { xtcpcb::QUEUE_LEN } else { xtcpcb::RECEIVED };
    let received = record.u32(arrived).map(u64::from);
    let unsent = record.u32(xtcpcb::UNSENT).map(u64::from);
    Some(pair.map(|(local, peer)| Entry { local, peer, state, received, unsent }))
}

/// Decodes the list of macOS. Records of other kinds are passed over. How many connections wait at a listener is not told.
pub fn decode_macos(list: &[u8]) -> Result<Vec<Entry>, String> {
    let list = Bytes(list);
    let mut at = header(list.u32(0).and_then(|len| usize::try_from(len).ok()))?.next_multiple_of(8);
    let mut entries = Vec::new();
    let mut pending = Pending::default();
    while let Some(len) = list.u32(at) {
        if len <= named::HEADER_LEN {
            break; // the trailer: no record is as short
        }
        let record = list.part(at, len as usize).ok_or_else(|| cut(at))?;
        pending.take(record, &mut entries).ok_or_else(|| short("record", len as usize))?;
        at += (len as usize).next_multiple_of(8);
    }
    Ok(entries)
}

/// What the records of one socket have said so far. They come in a fixed order, the state as the last.
#[derive(Default)]
struct Pending {
    pair: Option<(SocketAddr, Option<SocketAddr>)>,
    received: Option<u64>,
    unsent: Option<u64>,
}

impl Pending {
    fn take(&mut self, record: Bytes<'_>, entries: &mut Vec<Entry>) -> Option<()> {
        match record.u32(4)? {
            named::XSO_INPCB => {
                *self = Self { pair: named_pair(record)?, ..Self::default() };
            }
            named::XSO_RCVBUF => self.received = Some(record.u32(named::BUFFERED)?.into()),
            named::XSO_SNDBUF => self.unsent = Some(record.u32(named::BUFFERED)?.into()),
            named::XSO_TCPCB => {
                let state = bsd_state(record.i32(named::STATE)?);
                entries.extend(std::mem::take(self).entry(state));
            }
            _ => {}
        }
        Some(())
    }

    fn entry(self, state: Option<TcpState>) -> Option<Entry> {
        let (state, (local, peer)) = (state?, self.pair?);
        let received = self.received.filter(|_| state != TcpState::Listen);
        Some(Entry { local, peer, state, received, unsent: self.unsent })
    }
}

fn named_pair(record: Bytes<'_>) -> Option<Option<(SocketAddr, Option<SocketAddr>)>> {
    pair(
        record,
        record.array::<1>(named::VFLAG)?[0],
        &Places {
            local: named::LOCAL,
            local_port: named::LOCAL_PORT,
            foreign: named::FOREIGN,
            foreign_port: named::FOREIGN_PORT,
        },
    )
}

/// Where the addresses are in a record.
struct Places {
    local: usize,
    local_port: usize,
    foreign: usize,
    foreign_port: usize,
}

/// Both addresses of a socket; the inner `None` says that it has no family.
fn pair(record: Bytes<'_>, vflag: u8, places: &Places) -> Option<Option<(SocketAddr, Option<SocketAddr>)>> {
    let Some(v6) = family_is_v6(vflag) else { return Some(None) };
    let ip = |at| address(record, v6, at);
    let local = SocketAddr::new(ip(places.local)?, record.port(places.local_port)?);
    let peer = remote(ip(places.foreign)?, record.port(places.foreign_port)?);
    Some(Some((local, peer)))
}

/// A socket that speaks both families is bound to the wildcard of IPv6; as soon as a connection is known to be of IPv4
/// the other bit is gone.
fn family_is_v6(vflag: u8) -> Option<bool> {
    (vflag & (INP_IPV4 | INP_IPV6) != 0).then_some(vflag & INP_IPV6 != 0)
}

/// An address of 16 bytes, of which IPv4 takes the last four.
fn address(record: Bytes<'_>, v6: bool, at: usize) -> Option<IpAddr> {
    if v6 { record.ipv6(at).map(|ip| ip.to_canonical()) } else { record.ipv4(at + 12) }
}

fn bsd_state(number: i32) -> Option<TcpState> {
    Numbering::Bsd.state(u32::try_from(number).ok()?)
}

/// The length of the header, which is where the first record begins.
fn header(len: Option<usize>) -> Result<usize, String> {
    len.filter(|len| (8..=4096).contains(len)).ok_or_else(|| "the list of sockets has no header".to_owned())
}

fn cut(at: usize) -> String {
    format!("the list of sockets is cut in its record at byte {at}")
}

fn short(what: &str, len: usize) -> String {
    format!("a {what} of {len} bytes in the list of sockets is too short: this system's layout is not known")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(record: &mut [u8], at: usize, bytes: &[u8]) {
        record[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn addresses(record: &mut [u8], vflag: u8, places: [usize; 5], local: &str, peer: &str) {
        let [vflag_at, local_at, local_port, foreign_at, foreign_port] = places;
        record[vflag_at] = vflag;
        for (text, at, port_at) in [(local, local_at, local_port), (peer, foreign_at, foreign_port)] {
            let address: SocketAddr = text.parse().unwrap();
            match address.ip() {
                IpAddr::V4(ip) => put(record, at + 12, &ip.octets()),
                IpAddr::V6(ip) => put(record, at, &ip.octets()),
            }
            put(record, port_at, &address.port().to_be_bytes());
        }
    }

    fn freebsd_header() -> Vec<u8> {
        let mut header = vec![0; 64];
        put(&mut header, 0, &64_u64.to_ne_bytes());
        header
    }

    fn freebsd(len: usize, vflag: u8, state: i32, local: &str, peer: &str) -> Vec<u8> {
        let mut record = vec![0; len];
        put(&mut record, 0, &(len as u64).to_ne_bytes());
        put(&mut record, 568, &state.to_ne_bytes());
        put(&mut record, 120, &3_u32.to_ne_bytes());
        put(&mut record, 184, &5_u32.to_ne_bytes());
        put(&mut record, 220, &9_u32.to_ne_bytes());
        addresses(&mut record, vflag, [400, 280, 262, 264, 260], local, peer);
        record
    }

    #[test]
    fn the_list_of_freebsd_is_read() {
        let list = [
            freebsd_header(),
            freebsd(744, 2, 4, "[::1]:80", "[::1]:5000"),
            freebsd(752, 1, 10, "127.0.0.1:80", "127.0.0.1:5001"),
            freebsd(744, 3, 1, "[::]:80", "[::]:0"),
            freebsd(744, 1, 99, "127.0.0.1:7", "127.0.0.1:8"),
            freebsd_header(),
        ]
        .concat();
        let entries = decode_freebsd(&list).unwrap();
        assert_eq!(entries.len(), 3);
        assert_eq!(entries[0].local, "[::1]:80".parse().unwrap());
        assert_eq!(entries[0].peer, Some("[::1]:5000".parse().unwrap()));
        assert_eq!((entries[0].received, entries[0].unsent), (Some(5), Some(9)));
        assert_eq!(entries[1].state, TcpState::TimeWait);
        assert_eq!(entries[1].local, "127.0.0.1:80".parse().unwrap());
        assert_eq!((entries[2].state, entries[2].peer), (TcpState::Listen, None));
        assert_eq!(entries[2].received, Some(3));
    }

    #[test]
    fn a_list_that_is_not_understood_is_an_error() {
        assert!(decode_freebsd(&[]).is_err());
        assert!(decode_freebsd(&freebsd_header()).is_err());
        let strange =
            [freebsd_header(), freebsd(744, 1, 4, "127.0.0.1:1", "127.0.0.1:2")[..500].to_vec()].concat();
        assert!(decode_freebsd(&strange).unwrap_err().contains("cut"));
        let mut small = vec![0; 200];
        put(&mut small, 0, &200_u64.to_ne_bytes());
        let small = [freebsd_header(), small, freebsd_header()].concat();
        assert!(decode_freebsd(&small).unwrap_err().contains("not known"));
        assert!(decode_macos(&[1, 0, 0, 0]).is_err());
    }

    /// A record of macOS, padded to 8 bytes as they are in the list.
    fn named_record(kind: u32, len: usize, fill: impl Fn(&mut [u8])) -> Vec<u8> {
        let mut record = vec![0; len.next_multiple_of(8)];
        put(&mut record, 0, &(len as u32).to_ne_bytes());
        put(&mut record, 4, &kind.to_ne_bytes());
        fill(&mut record[..len]);
        record
    }

    fn macos(vflag: u8, state: i32, local: &str, peer: &str) -> Vec<u8> {
        [
            named_record(0x10, 104, |it| addresses(it, vflag, [44, 64, 18, 48, 16], local, peer)),
            named_record(0x1, 100, |_| {}),
            named_record(0x2, 32, |it| put(it, 8, &5_u32.to_ne_bytes())),
            named_record(0x4, 32, |it| put(it, 8, &9_u32.to_ne_bytes())),
            named_record(0x8, 136, |_| {}),
            named_record(0x20, 204, |it| put(it, 36, &state.to_ne_bytes())),
        ]
        .concat()
    }

    #[test]
    fn the_list_of_macos_is_read() {
        let end = || named_record(0, 24, |_| {});
        let list = [
            end(),
            macos(1, 9, "127.0.0.1:80", "127.0.0.1:5000"),
            macos(2, 1, "[::]:443", "[::]:0"),
            named_record(0x10, 104, |_| {}),
            end(),
        ]
        .concat();
        let entries = decode_macos(&list).unwrap();
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[0].local, "127.0.0.1:80".parse().unwrap());
        assert_eq!(entries[0].peer, Some("127.0.0.1:5000".parse().unwrap()));
        assert_eq!(entries[0].state, TcpState::FinWait2);
        assert_eq!((entries[0].received, entries[0].unsent), (Some(5), Some(9)));
        assert_eq!((entries[1].state, entries[1].peer, entries[1].received), (TcpState::Listen, None, None));
    }
}
