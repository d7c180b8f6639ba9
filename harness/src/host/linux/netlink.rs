//! The few rtnetlink messages that furnish a namespace: a link up, addresses, routes, rules. Messages are made by pure
//! functions; [`send`] sends a batch and waits for the kernel's word.
//!
//! Numbers are those of linux/rtnetlink.h and its neighbours, which are frozen.

use std::net::IpAddr;
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::sys::socket::{self, AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType};

/// The loopback interface is the first of every namespace.
const LO: u32 = 1;
/// The kernel's table of local routes.
pub const TABLE_LOCAL: u8 = 255;

const REQUEST: u16 = 0x1;
const ACK: u16 = 0x4;
const REPLACE: u16 = 0x100;
const CREATE: u16 = 0x400;

/// One request, without its header's sequence number and length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    kind: u16,
    flags: u16,
    body: Vec<u8>,
    /// Attributes at the end of the body that a kernel need not know: gVisor refuses a message with one that it does not.
    wishes: Vec<u8>,
}

impl Message {
    fn new(kind: u16, flags: u16, body: Vec<u8>) -> Self {
        Self { kind, flags, body, wishes: Vec::new() }
    }

    /// Without what is only wished for, such as that a route acknowledges every segment at once.
    #[must_use]
    pub fn plain(mut self) -> Self {
        self.wishes.clear();
        self
    }
}

/// Sets the loopback interface up.
#[must_use]
pub fn loopback_up() -> Message {
    link_up(LO)
}

/// Sets an interface up.
#[must_use]
pub fn link_up(index: u32) -> Message {
    const UP: u32 = 1;
    let mut body = vec![0; 4];
    body.extend(index.to_ne_bytes());
    body.extend(UP.to_ne_bytes());
    body.extend(UP.to_ne_bytes());
    Message::new(16, 0, body)
}

/// Sets an interface up, with room for so many packets that were sent and not yet taken.
#[must_use]
pub fn link_up_with_room(index: u32, packets: u32) -> Message {
    const TXQLEN: u16 = 13;
    let mut message = link_up(index);
    attribute(&mut message.body, TXQLEN, &packets.to_ne_bytes());
    message
}

/// Takes the queue from an interface: a packet is handed to its driver by whoever sends it, and before the call that
/// sends it is over.
#[must_use]
pub fn no_queue(index: u32) -> Message {
    const NEWQDISC: u16 = 36;
    const ROOT: u32 = u32::MAX;
    const KIND: u16 = 1;
    let mut body = vec![0; 4];
    body.extend(index.to_ne_bytes());
    body.extend(0_u32.to_ne_bytes());
    body.extend(ROOT.to_ne_bytes());
    body.extend(0_u32.to_ne_bytes());
    attribute(&mut body, KIND, b"noqueue\0");
    Message::new(NEWQDISC, CREATE | REPLACE, body)
}

/// Gives the loopback interface an address, usable at once.
#[must_use]
pub fn address(ip: IpAddr) -> Message {
    address_of(ip, LO)
}

/// Gives an interface an address, usable at once.
#[must_use]
pub fn address_of(ip: IpAddr, index: u32) -> Message {
    const NO_DAD: u32 = 0x2;
    let mut message = Message::new(20, CREATE | REPLACE, address_body(ip, index));
    attribute(&mut message.wishes, 8, &NO_DAD.to_ne_bytes());
    message
}

/// Takes an address from an interface.
#[must_use]
pub fn no_address_of(ip: IpAddr, index: u32) -> Message {
    Message::new(21, 0, address_body(ip, index))
}

fn address_body(ip: IpAddr, index: u32) -> Vec<u8> {
    let (family, bytes) = raw(ip);
    let mut body = vec![family, bits(&bytes), 0, 0];
    body.extend(index.to_ne_bytes());
    attribute(&mut body, 2, &bytes);
    attribute(&mut body, 1, &bytes);
    body
}

/// Makes a whole prefix local, with every segment acknowledged at once. Such a route names no source: what connects to
/// an address of the prefix connects from that same address.
#[must_use]
pub fn local_route(prefix: IpAddr, length: u8, table: u8) -> Message {
    const HOST: u8 = 254;
    const LOCAL: u8 = 2;
    route(prefix, length, table, HOST, LOCAL, LO)
}

/// Makes an address one for everybody on the loopback interface.
#[must_use]
pub fn broadcast_route(ip: IpAddr) -> Message {
    const LINK: u8 = 253;
    const BROADCAST: u8 = 3;
    route(ip, 32, TABLE_LOCAL, LINK, BROADCAST, LO)
}

/// Sends a prefix through an interface, with every segment acknowledged at once.
#[must_use]
pub fn device_route(prefix: IpAddr, length: u8, index: u32) -> Message {
    const MAIN: u8 = 254;
    const LINK: u8 = 253;
    const UNICAST: u8 = 1;
    route(prefix, length, MAIN, LINK, UNICAST, index)
}

fn route(prefix: IpAddr, length: u8, table: u8, scope: u8, kind: u8, index: u32) -> Message {
    const STATIC: u8 = 4;
    const QUICKACK: u16 = 15;
    let (family, bytes) = raw(prefix);
    let mut body = vec![family, length, 0, 0, table, STATIC, scope, kind];
    body.extend(0_u32.to_ne_bytes());
    attribute(&mut body, 1, &bytes);
    attribute(&mut body, 4, &index.to_ne_bytes());
    let mut metrics = Vec::new();
    attribute(&mut metrics, QUICKACK, &1_u32.to_ne_bytes());
    let mut message = Message::new(24, CREATE | REPLACE, body);
    attribute(&mut message.wishes, 8, &metrics);
    message
}

/// Makes one address local likewise, and names it as the source of what connects to it: else the kernel compares all
/// the addresses that it has, which takes longer the more there are.
#[must_use]
pub fn local_address_route(ip: IpAddr, table: u8) -> Message {
    let (_, bytes) = raw(ip);
    let mut message = local_route(ip, bits(&bytes), table);
    attribute(&mut message.body, 7, &bytes);
    message
}

/// Looks IPv6 routes up in a table, at that place of the order.
#[must_use]
pub fn add_rule_ipv6(priority: u32, table: u8) -> Message {
    Message::new(32, CREATE, rule(priority, table))
}

/// Undoes [`add_rule_ipv6`], or the kernel's own rule.
#[must_use]
pub fn delete_rule_ipv6(priority: u32, table: u8) -> Message {
    Message::new(33, 0, rule(priority, table))
}

fn rule(priority: u32, table: u8) -> Vec<u8> {
    const TO_TABLE: u8 = 1;
    let mut body = vec![libc::AF_INET6 as u8, 0, 0, 0, table, 0, 0, TO_TABLE];
    body.extend(0_u32.to_ne_bytes());
    attribute(&mut body, 6, &priority.to_ne_bytes());
    attribute(&mut body, 15, &u32::from(table).to_ne_bytes());
    body
}

/// Sends all in one go and waits until the kernel has done them. Tells the first that it refused. A kernel that does not
/// support them as they are is asked again without what is only wished for.
pub fn send(messages: &[Message]) -> Result<(), Errno> {
    match send_as(messages, true) {
        Err(Errno::EOPNOTSUPP) => send_as(messages, false),
        result => result,
    }
}

fn send_as(messages: &[Message], wishes: bool) -> Result<(), Errno> {
    if messages.is_empty() {
        // Nobody would answer.
        return Ok(());
    }
    let kernel = socket::socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkRoute,
    )?;
    socket::send(kernel.as_raw_fd(), &batch(messages, wishes), MsgFlags::empty())?;
    let last = u32::try_from(messages.len()).map_err(|_| Errno::E2BIG)?;
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let n = socket::recv(kernel.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
        for (sequence, error) in answers(&buffer[..n]) {
            if error != 0 {
                return Err(Errno::from_raw(-error));
            }
            if sequence == last {
                return Ok(());
            }
        }
    }
}

/// Only the last asks for an acknowledgement; an error is told in any case.
fn batch(messages: &[Message], wishes: bool) -> Vec<u8> {
    let mut all = Vec::new();
    for (sequence, message) in (1_u32..).zip(messages) {
        let ack = if sequence as usize == messages.len() { ACK } else { 0 };
        let wishes = if wishes { message.wishes.as_slice() } else { &[] };
        let length = 16 + message.body.len() + wishes.len();
        all.extend((length as u32).to_ne_bytes());
        all.extend(message.kind.to_ne_bytes());
        all.extend((message.flags | REQUEST | ack).to_ne_bytes());
        all.extend(sequence.to_ne_bytes());
        all.extend(0_u32.to_ne_bytes());
        all.extend(&message.body);
        all.extend(wishes);
        pad(&mut all);
    }
    all
}

/// The sequence numbers and error codes (0 or negative) of the answers in a datagram.
fn answers(mut bytes: &[u8]) -> Vec<(u32, i32)> {
    const ERROR: u16 = 2;
    let mut all = Vec::new();
    while let (Some(length), Some(kind), Some(sequence)) = (word(bytes, 0), word(bytes, 4), word(bytes, 8)) {
        if (kind & 0xffff) as u16 == ERROR
            && let Some(code) = word(bytes, 16)
        {
            all.push((sequence, code.cast_signed()));
        }
        let step = (length as usize).max(16).next_multiple_of(4);
        bytes = bytes.get(step..).unwrap_or_default();
    }
    all
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..at + 4)?.try_into().ok()?;
    // The kind is the lower half of its word on little-endian machines only.
    let value = u32::from_ne_bytes(word);
    Some(if cfg!(target_endian = "big") && at == 4 { value >> 16 } else { value })
}

fn attribute(body: &mut Vec<u8>, kind: u16, value: &[u8]) {
    body.extend(((4 + value.len()) as u16).to_ne_bytes());
    body.extend(kind.to_ne_bytes());
    body.extend(value);
    pad(body);
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

fn raw(ip: IpAddr) -> (u8, Vec<u8>) {
    match ip {
        IpAddr::V4(ip) => (libc::AF_INET as u8, ip.octets().to_vec()),
        IpAddr::V6(ip) => (libc::AF_INET6 as u8, ip.octets().to_vec()),
    }
}

fn bits(bytes: &[u8]) -> u8 {
    (bytes.len() * 8) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_laid_out_as_the_kernel_reads_it() {
        let route = local_route("127.0.0.0".parse().unwrap(), 9, TABLE_LOCAL);
        let bytes = batch(std::slice::from_ref(&route), true);
        let expected: Vec<u8> = [
            &56_u32.to_ne_bytes()[..],
            &24_u16.to_ne_bytes(),
            &(REQUEST | ACK | CREATE | REPLACE).to_ne_bytes(),
            &1_u32.to_ne_bytes(),
            &[0; 4],
            &[2, 9, 0, 0, 255, 4, 254, 2, 0, 0, 0, 0],
            &8_u16.to_ne_bytes(),
            &1_u16.to_ne_bytes(),
            &[127, 0, 0, 0],
            &8_u16.to_ne_bytes(),
            &4_u16.to_ne_bytes(),
            &1_u32.to_ne_bytes(),
            &12_u16.to_ne_bytes(),
            &8_u16.to_ne_bytes(),
            &8_u16.to_ne_bytes(),
            &15_u16.to_ne_bytes(),
            &1_u32.to_ne_bytes(),
        ]
        .concat();
        assert_eq!(bytes.len(), 56);
        assert_eq!(bytes[4..], expected[4..]);
        assert_eq!(bytes[..4], 56_u32.to_ne_bytes());
        // Without the metrics, which are only a wish.
        let plain = batch(&[route], false);
        assert_eq!(plain[4..], expected[4..44]);
        assert_eq!(plain[..4], 44_u32.to_ne_bytes());
    }

    #[test]
    fn only_the_last_of_a_batch_asks_for_an_answer() {
        let bytes = batch(&[loopback_up(), loopback_up()], true);
        let flags = |at: usize| u16::from_ne_bytes([bytes[at + 6], bytes[at + 7]]);
        assert_eq!(bytes.len(), 64);
        assert_eq!(flags(0) & ACK, 0);
        assert_eq!(flags(32) & ACK, ACK);
    }

    #[test]
    fn answers_are_read() {
        let mut bytes = Vec::new();
        for (sequence, code) in [(3_u32, -17_i32), (4, 0)] {
            bytes.extend(36_u32.to_ne_bytes());
            bytes.extend(2_u16.to_ne_bytes());
            bytes.extend(0_u16.to_ne_bytes());
            bytes.extend(sequence.to_ne_bytes());
            bytes.extend(0_u32.to_ne_bytes());
            bytes.extend(code.to_ne_bytes());
            bytes.extend([0; 16]);
        }
        assert_eq!(answers(&bytes), [(3, -17), (4, 0)]);
        assert_eq!(answers(&bytes[..10]), []);
    }
}
