//! TCP segments and the packets that carry them: read from bytes, written to bytes.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use etherparse::{PacketBuilder, SlicedPacket, TcpHeader, TransportSlice};
use serde::{Deserialize, Serialize};

/// The control bits of RFC 9293, section 3.1, and the two of RFC 3168.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub u8);

impl Flags {
    #![expect(missing_docs, reason = "the names are those of the RFCs")]
    pub const FIN: Self = Self(0x01);
    pub const SYN: Self = Self(0x02);
    pub const RST: Self = Self(0x04);
    pub const PSH: Self = Self(0x08);
    pub const ACK: Self = Self(0x10);
    pub const URG: Self = Self(0x20);
    pub const ECE: Self = Self(0x40);
    pub const CWR: Self = Self(0x80);

    const NAMES: [(Self, &'static str); 8] = [
        (Self::SYN, "SYN"),
        (Self::FIN, "FIN"),
        (Self::RST, "RST"),
        (Self::PSH, "PSH"),
        (Self::ACK, "ACK"),
        (Self::URG, "URG"),
        (Self::ECE, "ECE"),
        (Self::CWR, "CWR"),
    ];

    /// Reads `SYN+ACK`, or `none`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == "none" {
            return Some(Self(0));
        }
        let mut flags = Self(0);
        for name in text.split('+') {
            flags.0 |= Self::NAMES.iter().find(|(_, known)| *known == name)?.0.0;
        }
        Some(flags)
    }

    /// Whether all of these bits are set.
    #[must_use]
    pub fn has(self, bits: Self) -> bool {
        self.0 & bits.0 == bits.0
    }

    /// The same without PSH, which says nothing of the connection's state.
    #[must_use]
    pub fn without_push(self) -> Self {
        Self(self.0 & !Self::PSH.0)
    }

    /// The names of all bits.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Self::NAMES.iter().map(|(_, name)| *name)
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for (_, name) in Self::NAMES.iter().filter(|(bit, _)| self.has(*bit)) {
            f.write_str(if first { "" } else { "+" })?;
            f.write_str(name)?;
            first = false;
        }
        if first { f.write_str("none") } else { Ok(()) }
    }
}

impl Serialize for Flags {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Flags {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("no flags"))
    }
}

/// A TCP segment between two addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Who sent it.
    pub from: SocketAddr,
    /// To whom.
    pub to: SocketAddr,
    /// Control bits.
    pub flags: Flags,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgment number; means something with ACK alone.
    pub ack: u32,
    /// Window, not scaled.
    pub window: u16,
    /// Urgent pointer.
    pub urgent: u16,
    /// Options, as they stand in the header, without padding.
    pub options: Vec<u8>,
    /// Data.
    pub payload: Vec<u8>,
}

impl Segment {
    /// How many sequence numbers it takes: its data, and one each for SYN and FIN.
    #[must_use]
    pub fn length(&self) -> u32 {
        let payload = u32::try_from(self.payload.len()).unwrap_or(u32::MAX);
        payload + u32::from(self.flags.has(Flags::SYN)) + u32::from(self.flags.has(Flags::FIN))
    }

    /// The shift of the window scale option (RFC 7323), if it is there.
    #[must_use]
    pub fn window_scale(&self) -> Option<u8> {
        self.option(3).and_then(|value| value.first().copied())
    }

    /// The value of an option by its kind, if it is there.
    #[must_use]
    pub fn option(&self, wanted: u8) -> Option<&[u8]> {
        self.each_option().find(|(kind, _)| *kind == wanted).map(|(_, value)| value)
    }

    /// The kind and value of each option, as far as they are well-formed.
    pub fn each_option(&self) -> impl Iterator<Item = (u8, &[u8])> {
        let mut rest = self.options.as_slice();
        std::iter::from_fn(move || {
            // 1 is padding between options, 0 ends them.
            while let [1, tail @ ..] = rest {
                rest = tail;
            }
            let [kind, length, ..] = rest else { return None };
            if *kind == 0 || *length < 2 {
                return None;
            }
            let (option, tail) = rest.split_at_checked(usize::from(*length))?;
            rest = tail;
            Some((*kind, &option[2..]))
        })
    }

    /// The packet that carries it, with correct checksums unless a wrong one is wanted.
    pub fn packet(&self, wrong_checksum: bool) -> Result<Vec<u8>, String> {
        let mut header = TcpHeader::new(self.from.port(), self.to.port(), self.seq, self.window);
        header.acknowledgment_number = self.ack;
        header.urgent_pointer = self.urgent;
        header.syn = self.flags.has(Flags::SYN);
        header.fin = self.flags.has(Flags::FIN);
        header.rst = self.flags.has(Flags::RST);
        header.psh = self.flags.has(Flags::PSH);
        header.ack = self.flags.has(Flags::ACK);
        header.urg = self.flags.has(Flags::URG);
        header.ece = self.flags.has(Flags::ECE);
        header.cwr = self.flags.has(Flags::CWR);
        header.set_options_raw(&self.options).map_err(|error| error.to_string())?;
        let at = header.header_len();
        let builder = builder(self.from.ip(), self.to.ip())?.tcp_header(header);
        let mut bytes = Vec::with_capacity(builder.size(self.payload.len()));
        builder.write(&mut bytes, &self.payload).map_err(|error| error.to_string())?;
        if wrong_checksum {
            // The checksum stands in the bytes 16 and 17 of the TCP header.
            let start = bytes.len() - self.payload.len() - at;
            bytes[start + 17] ^= 0xff;
        }
        Ok(bytes)
    }
}

/// A builder for a packet between two addresses.
pub(super) fn builder(
    from: IpAddr,
    to: IpAddr,
) -> Result<etherparse::PacketBuilderStep<etherparse::IpHeaders>, String> {
    const HOPS: u8 = 64;
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let ip =
                etherparse::Ipv4Header::new(0, HOPS, etherparse::IpNumber::TCP, from.octets(), to.octets())
                    .map_err(|error| error.to_string())?;
            Ok(PacketBuilder::ip(etherparse::IpHeaders::Ipv4(ip, etherparse::Ipv4Extensions::default())))
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let ip = etherparse::Ipv6Header {
                hop_limit: HOPS,
                source: from.octets(),
                destination: to.octets(),
                ..etherparse::Ipv6Header::default()
            };
            Ok(PacketBuilder::ip(etherparse::IpHeaders::Ipv6(ip, etherparse::Ipv6Extensions::default())))
        }
        _ => Err("a packet has addresses of one family".to_owned()),
    }
}

/// What a packet is to the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// A TCP segment.
    Tcp(Segment),
    /// The answer to an echo request, with its identifier and number.
    EchoReply(u16, u16),
    /// Something else between two addresses: UDP, an ICMP error.
    Other {
        /// Who sent it; port 0 where the protocol has none.
        from: SocketAddr,
        /// To whom.
        to: SocketAddr,
        /// What it is, in words.
        what: String,
    },
}

/// Reads a packet. `None` is what is no IP packet at all.
#[must_use]
pub fn read(bytes: &[u8]) -> Option<Packet> {
    let sliced = SlicedPacket::from_ip(bytes).ok()?;
    let (from, to): (IpAddr, IpAddr) = match &sliced.net? {
        etherparse::NetSlice::Ipv4(ip) => {
            (ip.header().source_addr().into(), ip.header().destination_addr().into())
        }
        etherparse::NetSlice::Ipv6(ip) => {
            (ip.header().source_addr().into(), ip.header().destination_addr().into())
        }
        etherparse::NetSlice::Arp(_) => return None,
    };
    let mut ports = (0, 0);
    let what = match sliced.transport {
        Some(TransportSlice::Tcp(tcp)) => return Some(Packet::Tcp(segment(from, to, &tcp))),
        Some(TransportSlice::Icmpv4(icmp)) => match icmp.icmp_type() {
            etherparse::Icmpv4Type::EchoReply(echo) => return Some(Packet::EchoReply(echo.id, echo.seq)),
            other => format!("ICMP {other:?}"),
        },
        Some(TransportSlice::Icmpv6(icmp)) => match icmp.icmp_type() {
            etherparse::Icmpv6Type::EchoReply(echo) => return Some(Packet::EchoReply(echo.id, echo.seq)),
            other => format!("ICMPv6 {other:?}"),
        },
        Some(TransportSlice::Udp(udp)) => {
            ports = (udp.source_port(), udp.destination_port());
            format!("UDP, {} bytes", udp.payload().len())
        }
        _ => "other".to_owned(),
    };
    Some(Packet::Other { from: SocketAddr::new(from, ports.0), to: SocketAddr::new(to, ports.1), what })
}

fn segment(from: IpAddr, to: IpAddr, tcp: &etherparse::TcpSlice<'_>) -> Segment {
    let mut flags = Flags(0);
    for (set, bit) in [
        (tcp.fin(), Flags::FIN),
        (tcp.syn(), Flags::SYN),
        (tcp.rst(), Flags::RST),
        (tcp.psh(), Flags::PSH),
        (tcp.ack(), Flags::ACK),
        (tcp.urg(), Flags::URG),
        (tcp.ece(), Flags::ECE),
        (tcp.cwr(), Flags::CWR),
    ] {
        flags.0 |= if set { bit.0 } else { 0 };
    }
    Segment {
        from: SocketAddr::new(from, tcp.source_port()),
        to: SocketAddr::new(to, tcp.destination_port()),
        flags,
        seq: tcp.sequence_number(),
        ack: tcp.acknowledgment_number(),
        window: tcp.window_size(),
        urgent: tcp.urgent_pointer(),
        options: tcp.options().to_vec(),
        payload: tcp.payload().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(from: &str, to: &str) -> Segment {
        Segment {
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            flags: Flags::parse("SYN+ACK").unwrap(),
            seq: 7,
            ack: 9,
            window: 1000,
            urgent: 0,
            options: vec![2, 4, 5, 180, 1, 3, 3, 7],
            payload: b"x".to_vec(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for segment in [sample("10.1.0.1:5", "10.2.0.1:6"), sample("[fd00::1]:5", "[fd00::2]:6")] {
            assert_eq!(read(&segment.packet(false).unwrap()), Some(Packet::Tcp(segment.clone())));
            assert_eq!(segment.window_scale(), Some(7));
            assert_eq!(segment.length(), 2);
            assert_ne!(segment.packet(true).unwrap(), segment.packet(false).unwrap());
        }
    }

    #[test]
    fn flags_have_names() {
        for text in ["SYN", "SYN+ACK", "FIN+PSH+ACK", "none"] {
            assert_eq!(Flags::parse(text).map(|flags| flags.to_string()).as_deref(), Some(text));
        }
        assert_eq!(Flags::parse("SYN+FOO"), None);
    }

    #[test]
    fn garbage_is_no_packet() {
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[0x45, 0, 0]), None);
        assert_eq!(read(&[0xff; 40]), None);
    }
}
