//! ICMP messages that a case injects: errors that quote a segment, and the echo requests behind which silence is known.

use std::net::IpAddr;

use super::segment::builder;

/// An ICMP error by name: type and code in IPv4 (RFC 792, RFC 1122) and in IPv6 (RFC 4443), where there is one.
struct Error {
    name: &'static str,
    v4: (u8, u8),
    v6: Option<(u8, u8)>,
}

const ERRORS: [Error; 9] = [
    Error { name: "net unreachable", v4: (3, 0), v6: Some((1, 0)) },
    Error { name: "host unreachable", v4: (3, 1), v6: Some((1, 3)) },
    Error { name: "protocol unreachable", v4: (3, 2), v6: Some((4, 1)) },
    Error { name: "port unreachable", v4: (3, 3), v6: Some((1, 4)) },
    Error { name: "packet too big", v4: (3, 4), v6: Some((2, 0)) },
    Error { name: "source quench", v4: (4, 0), v6: None },
    Error { name: "admin prohibited", v4: (3, 13), v6: Some((1, 1)) },
    Error { name: "time exceeded", v4: (11, 0), v6: Some((3, 0)) },
    Error { name: "parameter problem", v4: (12, 0), v6: Some((4, 0)) },
];

/// The names of all errors.
pub const NAMES: [&str; 9] = [
    "net unreachable",
    "host unreachable",
    "protocol unreachable",
    "port unreachable",
    "packet too big",
    "source quench",
    "admin prohibited",
    "time exceeded",
    "parameter problem",
];

/// The packet of an error from one address to another that quotes a packet.
pub fn error(name: &str, from: IpAddr, to: IpAddr, mtu: u16, quote: &[u8]) -> Result<Vec<u8>, String> {
    let error = ERRORS.iter().find(|error| error.name == name).ok_or("there is no such ICMP error")?;
    // RFC 1812: as much as fits into 576 bytes; RFC 4443: into 1280.
    let quote = &quote[..quote.len().min(500)];
    let mtu_bytes = mtu.to_be_bytes();
    let mut bytes = Vec::new();
    let step = builder(from, to)?;
    let built = if from.is_ipv4() {
        let (kind, code) = error.v4;
        let rest = if name == "packet too big" { [0, 0, mtu_bytes[0], mtu_bytes[1]] } else { [0; 4] };
        step.icmpv4_raw(kind, code, rest).write(&mut bytes, quote)
    } else {
        let (kind, code) = error.v6.ok_or_else(|| format!("IPv6 has no {name}"))?;
        let rest = if name == "packet too big" { [0, 0, mtu_bytes[0], mtu_bytes[1]] } else { [0; 4] };
        step.icmpv6_raw(kind, code, rest).write(&mut bytes, quote)
    };
    built.map_err(|error| error.to_string())?;
    Ok(bytes)
}

/// The packet of an echo request.
pub fn echo(from: IpAddr, to: IpAddr, id: u16, number: u16) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let step = builder(from, to)?;
    let built = if from.is_ipv4() {
        step.icmpv4_echo_request(id, number).write(&mut bytes, &[])
    } else {
        step.icmpv6_echo_request(id, number).write(&mut bytes, &[])
    };
    built.map_err(|error| error.to_string())?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::segment::{Packet, read};

    #[test]
    fn every_error_has_a_packet() {
        assert_eq!(ERRORS.map(|error| error.name), NAMES);
        for name in NAMES {
            let v4 = error(name, "10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap(), 500, &[0x45; 40]);
            assert!(matches!(read(&v4.unwrap()), Some(Packet::Other { .. })), "{name}");
            let v6 = error(name, "fd00::1".parse().unwrap(), "fd00::2".parse().unwrap(), 1300, &[0x60; 60]);
            assert_eq!(v6.is_ok(), name != "source quench", "{name}");
        }
    }
}
