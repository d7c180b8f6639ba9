//! The packets of one trial and the rules that the case has given: what passes, what is held, what is lost.
//!
//! Nothing here sends or receives: packets come in as bytes and go out as [`Delivery`]. A rule acts when a segment
//! arrives at the cable, never on release; of several that fit, the one given last acts.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use super::numbers::Sender;
use super::options;
use super::pattern::{Kind, Rule};
use super::segment::{self, Flags, Packet, Segment};
use super::want::SeenSegment;
use super::{PacketRecord, Side};

/// What happens to a segment that fits a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// It waits until it is released. What is sent again meanwhile is taken for the same.
    Hold,
    /// It is lost.
    Drop,
    /// It arrives twice.
    Duplicate,
    /// It passes.
    Pass,
}

impl Act {
    fn verb(self) -> &'static str {
        match self {
            Self::Hold => "held",
            Self::Drop => "dropped",
            Self::Duplicate => "duplicated",
            Self::Pass => "passed",
        }
    }
}

/// Bytes for one of the ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The end.
    pub to: Side,
    /// The packet.
    pub bytes: Vec<u8>,
}

/// The packets of one trial.
#[derive(Debug)]
pub struct Traffic {
    /// Each end's addresses.
    addresses: [[IpAddr; 2]; 2],
    /// The far end has no socket: what is sent to it arrives nowhere.
    raw: bool,
    /// The identifier of our echo requests.
    echo: u16,
    /// The number of the last echo reply of each end.
    echoed: [u16; 2],
    orders: Vec<Order>,
    held: Vec<Held>,
    /// Whether what an end sends is lost.
    cut: [bool; 2],
    connections: BTreeMap<[SocketAddr; 2], [Sender; 2]>,
    log: Vec<PacketRecord>,
    /// How far `sent` has read, by sender.
    read: BTreeMap<SocketAddr, usize>,
    /// The step that is being carried out.
    step: usize,
}

#[derive(Debug)]
struct Order {
    rule: Rule,
    act: Act,
    /// How many it may still act on.
    left: Option<usize>,
}

#[derive(Debug)]
struct Held {
    /// Its place in the log.
    at: usize,
    to: Side,
    segment: Segment,
    bytes: Vec<u8>,
}

/// The sequence number that a far end without a socket begins with.
const RAW_INITIAL: u32 = 1000;

impl Traffic {
    /// No packets yet.
    #[must_use]
    pub fn new(addresses: [[IpAddr; 2]; 2], raw: bool, echo: u16) -> Self {
        Self {
            addresses,
            raw,
            echo,
            echoed: [0; 2],
            orders: Vec::new(),
            held: Vec::new(),
            cut: [false; 2],
            connections: BTreeMap::new(),
            log: Vec::new(),
            read: BTreeMap::new(),
            step: 0,
        }
    }

    /// The step that is being carried out: packets are noted with it.
    pub fn set_step(&mut self, step: usize) {
        self.step = step;
    }

    /// Every packet so far.
    #[must_use]
    pub fn log(&self) -> &[PacketRecord] {
        &self.log
    }

    /// Takes all packets.
    pub fn take_log(&mut self) -> Vec<PacketRecord> {
        std::mem::take(&mut self.log)
    }

    /// The number of the last echo reply of an end.
    #[must_use]
    pub fn echoed(&self, side: Side) -> u16 {
        self.echoed[side as usize]
    }

    /// Gives a rule. An older one for the same segments is gone.
    pub fn order(&mut self, rule: Rule, act: Act, left: Option<usize>) {
        self.orders.retain(|order| order.rule != rule);
        if act == Act::Pass && rule.kind == Kind::Everything && rule.from.is_none() {
            self.orders.clear();
        } else {
            self.orders.push(Order { rule, act, left });
        }
    }

    /// What these ends send is lost, or no more.
    pub fn cut(&mut self, sides: &[Side], cut: bool) {
        for side in sides {
            self.cut[*side as usize] = cut;
        }
    }

    /// A packet has come from an end.
    pub fn arrive(&mut self, from: Side, bytes: &[u8], now: u64) -> Vec<Delivery> {
        match segment::read(bytes) {
            Some(Packet::EchoReply(id, number)) if id == self.echo => {
                self.echoed[from as usize] = number;
                Vec::new()
            }
            Some(Packet::Tcp(segment)) => self.arrive_segment(from, segment, bytes, now),
            Some(Packet::Other { from: source, to, what }) => {
                let fate = if self.raw { "arrived" } else { "passed" };
                self.note(PacketRecord::other(now, from, [source, to], what, fate, self.step, bytes));
                self.deliver(from.other(), bytes.to_vec())
            }
            Some(Packet::EchoReply(..)) | None => Vec::new(),
        }
    }

    fn arrive_segment(&mut self, from: Side, segment: Segment, bytes: &[u8], now: u64) -> Vec<Delivery> {
        self.learn_answer(&segment);
        self.learn_sent(&segment);
        let act = if self.cut[from as usize] { None } else { Some(self.act_on(&segment)) };
        let again = self.held.iter().any(|held| same(&held.segment, &segment));
        let fate = match act {
            None => "lost, the cable is cut",
            Some(Act::Hold) if again => "absorbed, it is held already",
            Some(act) if self.raw && act == Act::Pass => "arrived",
            Some(act) => act.verb(),
        };
        let seen = self.seen(&segment);
        self.note(PacketRecord::segment(now, from, &segment, seen, fate, self.step, bytes));
        match act {
            None | Some(Act::Drop) => Vec::new(),
            Some(Act::Hold) => {
                if !again {
                    let at = self.log.len() - 1;
                    self.held.push(Held { at, to: from.other(), segment, bytes: bytes.to_vec() });
                }
                Vec::new()
            }
            Some(Act::Pass) => self.deliver_segment(from.other(), &segment, bytes.to_vec()),
            Some(Act::Duplicate) => {
                let mut both = self.deliver_segment(from.other(), &segment, bytes.to_vec());
                both.extend(self.deliver_segment(from.other(), &segment, bytes.to_vec()));
                both
            }
        }
    }

    /// What the rules say of a segment.
    fn act_on(&mut self, segment: &Segment) -> Act {
        for order in self.orders.iter_mut().rev() {
            if order.left != Some(0) && order.rule.matches(segment) {
                if let Some(left) = &mut order.left {
                    *left -= 1;
                }
                return order.act;
            }
        }
        Act::Pass
    }

    /// Lets go of what is held and fits: some or all, in the order in which it came or in the other one. Letting go of
    /// all ends the holding.
    pub fn release(&mut self, rule: &Rule, count: Option<usize>, reversed: bool) -> Vec<Delivery> {
        if count.is_none() {
            self.orders.retain(|order| {
                order.act != Act::Hold || !(order.rule == *rule || rule.kind == Kind::Everything)
            });
        }
        let mut chosen: Vec<usize> =
            (0..self.held.len()).filter(|at| rule.matches(&self.held[*at].segment)).collect();
        if reversed {
            chosen.reverse();
        }
        chosen.truncate(count.unwrap_or(usize::MAX));
        let mut deliveries = Vec::new();
        for at in &chosen {
            let (log, to, segment, bytes) = {
                let held = &self.held[*at];
                (held.at, held.to, held.segment.clone(), held.bytes.clone())
            };
            if let Some(record) = self.log.get_mut(log) {
                record.fate = format!("held, released in step {}", self.step + 1);
            }
            deliveries.extend(self.deliver_segment(to, &segment, bytes));
        }
        let mut at = 0;
        self.held.retain(|_| {
            at += 1;
            !chosen.contains(&(at - 1))
        });
        deliveries
    }

    /// A segment of our own for an end.
    pub fn inject(&mut self, to: Side, segment: &Segment, bytes: Vec<u8>, now: u64) -> Delivery {
        if !self.is_new_beginning(segment) {
            self.learn_sent(segment);
        }
        let seen = self.seen(segment);
        self.note(PacketRecord::segment(now, to.other(), segment, seen, "injected", self.step, &bytes));
        self.learn_delivered(segment);
        Delivery { to, bytes }
    }

    /// Another packet of our own for an end.
    pub fn inject_other(
        &mut self,
        to: Side,
        what: String,
        ends: [SocketAddr; 2],
        bytes: Vec<u8>,
        now: u64,
    ) -> Delivery {
        self.note(PacketRecord::other(now, to.other(), ends, what, "injected", self.step, &bytes));
        Delivery { to, bytes }
    }

    fn note(&mut self, record: PacketRecord) {
        self.log.push(record);
    }

    fn deliver(&self, to: Side, bytes: Vec<u8>) -> Vec<Delivery> {
        if self.raw && to == Side::Server { Vec::new() } else { vec![Delivery { to, bytes }] }
    }

    fn deliver_segment(&mut self, to: Side, segment: &Segment, bytes: Vec<u8>) -> Vec<Delivery> {
        self.learn_delivered(segment);
        self.deliver(to, bytes)
    }

    /// The connection that a segment belongs to, and which of its sides sent it.
    fn connection(&mut self, from: SocketAddr, to: SocketAddr) -> (&mut [Sender; 2], usize) {
        // An injected segment may come from an address that is nobody's; the end that it is for is known.
        let side = self.side(from.ip()).or_else(|| self.side(to.ip()).map(Side::other));
        let sender = if side == Some(Side::Server) { 1 } else { 0 };
        let key = if sender == 0 { [from, to] } else { [to, from] };
        let raw = self.raw;
        let senders = self.connections.entry(key).or_insert_with(|| {
            let mut senders = [Sender::default(); 2];
            if raw {
                senders[1].initial = Some(RAW_INITIAL);
            }
            senders
        });
        (senders, sender)
    }

    fn side(&self, ip: IpAddr) -> Option<Side> {
        [Side::Client, Side::Server].into_iter().find(|side| self.addresses[*side as usize].contains(&ip))
    }

    /// Whether an injected SYN would begin a connection anew. Whether it does is for the one who gets it to say.
    fn is_new_beginning(&mut self, segment: &Segment) -> bool {
        let (senders, at) = self.connection(segment.from, segment.to);
        let sender = &mut senders[at];
        let new =
            segment.flags.has(Flags::SYN) && sender.initial.is_some_and(|initial| initial != segment.seq);
        if new {
            sender.begun = Some(segment.seq);
        }
        new
    }

    /// A SYN,ACK that acknowledges an injected SYN makes it the beginning.
    fn learn_answer(&mut self, segment: &Segment) {
        let (senders, at) = self.connection(segment.from, segment.to);
        let other = &mut senders[1 - at];
        let answers = other.begun.is_some_and(|begun| segment.ack == begun.wrapping_add(1));
        if answers && segment.flags.has(Flags(Flags::SYN.0 | Flags::ACK.0)) {
            *other = Sender { initial: other.begun, next: 1, ..Sender::default() };
        }
    }

    fn learn_sent(&mut self, segment: &Segment) {
        let (senders, at) = self.connection(segment.from, segment.to);
        let other = senders[1 - at];
        let sender = &mut senders[at];
        if segment.flags.has(Flags::SYN) && sender.initial != Some(segment.seq) {
            // A new connection between the same addresses begins anew.
            *sender = Sender { initial: Some(segment.seq), ..Sender::default() };
        }
        if segment.flags.has(Flags::SYN) {
            sender.offered = segment.window_scale();
        }
        let end = sender.relative(segment.seq.wrapping_add(segment.length()));
        sender.next = sender.next.max(end);
        if segment.flags.has(Flags::ACK) && !segment.flags.has(Flags::RST) {
            sender.acknowledged = sender.acknowledged.max(other.relative(segment.ack));
        }
        let scale = if segment.flags.has(Flags::SYN) { 0 } else { sender.scale(&other) };
        if !segment.flags.has(Flags::RST) {
            sender.window = i64::from(segment.window) << scale;
        }
    }

    fn learn_delivered(&mut self, segment: &Segment) {
        if segment.flags.has(Flags::ACK) {
            let (senders, at) = self.connection(segment.from, segment.to);
            let receiver = &mut senders[1 - at];
            let ack = receiver.relative(segment.ack);
            if ack <= receiver.next {
                receiver.una = receiver.una.max(ack);
            }
        }
    }

    /// A segment with relative numbers.
    fn seen(&mut self, segment: &Segment) -> SeenSegment {
        let (senders, at) = self.connection(segment.from, segment.to);
        let (sender, receiver) = (senders[at], senders[1 - at]);
        let scale = if segment.flags.has(Flags::SYN) { 0 } else { sender.scale(&receiver) };
        SeenSegment {
            flags: segment.flags,
            seq: sender.relative(segment.seq),
            ack: segment.flags.has(Flags::ACK).then(|| receiver.relative(segment.ack)),
            length: segment.payload.len(),
            window: i64::from(segment.window) << scale,
            options: options::words(segment),
        }
    }

    /// A reset for each end of each connection, with numbers that every state accepts: where it expects the next byte,
    /// and with an acknowledgment of all that it has sent.
    #[must_use]
    pub fn resets(&self) -> Vec<Delivery> {
        let mut resets = Vec::new();
        for (ends, senders) in &self.connections {
            for (side, at) in [(Side::Client, 0), (Side::Server, 1)] {
                let (target, other) = (senders[at], senders[1 - at]);
                if target.initial.is_none() || (self.raw && side == Side::Server) {
                    continue;
                }
                let segment = Segment {
                    from: ends[1 - at],
                    to: ends[at],
                    flags: Flags(Flags::RST.0 | Flags::ACK.0),
                    seq: other.absolute(target.acknowledged),
                    ack: target.absolute(target.next),
                    window: 0,
                    urgent: 0,
                    options: Vec::new(),
                    payload: Vec::new(),
                };
                resets.extend(segment.packet(false).map(|bytes| Delivery { to: side, bytes }));
            }
        }
        resets
    }

    /// What is known of the side at `local` of a connection, and of the other side.
    pub fn senders(&mut self, local: SocketAddr, peer: SocketAddr) -> (Sender, Sender) {
        let (senders, at) = self.connection(local, peer);
        (senders[at], senders[1 - at])
    }

    /// The next segment of a sender that fits, from where the last one was found; the place in the log moves behind it.
    pub fn next_sent(
        &mut self,
        local: SocketAddr,
        fits: impl Fn(&SeenSegment) -> bool,
    ) -> Option<(u64, SeenSegment)> {
        let start = self.read.get(&local).copied().unwrap_or(0);
        let found = self.log.iter().enumerate().skip(start).find_map(|(at, record)| {
            let seen = record.segment.as_ref()?;
            (record.source == local && record.fate != "injected" && fits(seen))
                .then(|| (at, record.at, seen.clone()))
        });
        let (at, time, seen) = found?;
        self.read.insert(local, at + 1);
        Some((time, seen))
    }

    /// What a sender has sent since a place in the log.
    #[must_use]
    pub fn sent_since(&self, local: SocketAddr, start: usize) -> Vec<SeenSegment> {
        let of_sender = |record: &&PacketRecord| record.source == local && record.fate != "injected";
        self.log.iter().skip(start).filter(of_sender).filter_map(|record| record.segment.clone()).collect()
    }

    /// What a sender has answered to its peer since a place in the log. What its retransmission timer has sent again
    /// meanwhile is no answer.
    #[must_use]
    pub fn answers_since(&self, local: SocketAddr, peer: SocketAddr, start: usize) -> Vec<SeenSegment> {
        let to_peer = |record: &PacketRecord| record.source == local && record.destination == peer;
        let since = self.log.iter().enumerate().skip(start);
        since
            .filter(|(_, record)| to_peer(record) && record.fate != "injected")
            .filter_map(|(at, record)| {
                let seen = record.segment.as_ref()?;
                (!self.is_sent_by_timer(at, record, seen)).then(|| seen.clone())
            })
            .collect()
    }

    /// Whether it was a sender's retransmission timer that sent what stands there in the log: the same segment as
    /// before, no sooner than that timer can fire (RFC 6298: a second for a SYN; the shortest that Linux has is 200 ms).
    fn is_sent_by_timer(&self, at: usize, record: &PacketRecord, seen: &SeenSegment) -> bool {
        const SYN: u64 = 900_000_000;
        const OTHER: u64 = 150_000_000;
        if seen.length == 0 && !seen.flags.has(Flags::SYN) && !seen.flags.has(Flags::FIN) {
            return false;
        }
        let since_last = |flags: Flags, length: usize| {
            let mut earlier = self.log[..at].iter().rev().filter(|earlier| {
                earlier.source == record.source
                    && earlier.fate != "injected"
                    && number(earlier) == number(record)
                    && earlier.segment.as_ref().is_some_and(|segment| {
                        segment.flags.without_push() == flags.without_push() && segment.length == length
                    })
            });
            earlier.next().map(|last| record.at.saturating_sub(last.at))
        };
        let Some(since_same) = since_last(seen.flags, seen.length) else { return false };
        match seen.flags {
            // A SYN alone answers nothing. Linux brings its next one forward when one was answered wrongly.
            Flags::SYN => true,
            // The timer may be the one that was set with the SYN before, whatever was answered meanwhile.
            flags if flags.has(Flags::SYN) => {
                let since_syn = since_last(Flags::SYN, seen.length);
                since_same >= SYN || since_syn.is_some_and(|since| since >= SYN)
            }
            _ => since_same >= OTHER,
        }
    }

    /// Where `sent` goes on to read for a sender.
    #[must_use]
    pub fn read_to(&self, local: SocketAddr) -> usize {
        self.read.get(&local).copied().unwrap_or(0)
    }

    /// Sets where `sent` goes on to read.
    pub fn set_read(&mut self, local: SocketAddr, at: usize) {
        self.read.insert(local, at);
    }

    /// The last packet that a sender has sent, for an error message to quote.
    #[must_use]
    pub fn last_packet(&self, local: SocketAddr) -> Option<&PacketRecord> {
        self.log.iter().rev().find(|record| record.source == local && record.fate != "injected")
    }
}

/// Whether two segments are the same, sent twice.
fn same(a: &Segment, b: &Segment) -> bool {
    (a.from, a.to, a.seq, a.flags.without_push(), a.payload.len())
        == (b.from, b.to, b.seq, b.flags.without_push(), b.payload.len())
}

/// The sequence number of a segment as it is on the wire: a relative one is that of another connection too.
fn number(record: &PacketRecord) -> Option<u32> {
    match segment::read(&record.bytes) {
        Some(Packet::Tcp(segment)) => Some(segment.seq),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traffic() -> Traffic {
        let ip = |text: &str| text.parse().unwrap();
        Traffic::new([[ip("10.1.0.1"), ip("fd01::1")], [ip("10.2.0.1"), ip("fd02::1")]], false, 1)
    }

    fn rule(text: &str) -> Rule {
        Rule { kind: Kind::parse(text).unwrap(), from: None }
    }

    fn packet(from_client: bool, flags: &str, seq: u32, ack: u32) -> Vec<u8> {
        let (client, server) = ("10.1.0.1:1".parse().unwrap(), "10.2.0.1:2".parse().unwrap());
        let (from, to) = if from_client { (client, server) } else { (server, client) };
        let flags = Flags::parse(flags).unwrap();
        let segment = Segment {
            from,
            to,
            flags,
            seq,
            ack,
            window: 10,
            urgent: 0,
            options: Vec::new(),
            payload: Vec::new(),
        };
        segment.packet(false).unwrap()
    }

    fn handshake(traffic: &mut Traffic) {
        assert_eq!(traffic.arrive(Side::Client, &packet(true, "SYN", 100, 0), 0).len(), 1);
        assert_eq!(traffic.arrive(Side::Server, &packet(false, "SYN+ACK", 500, 101), 0).len(), 1);
        assert_eq!(traffic.arrive(Side::Client, &packet(true, "ACK", 101, 501), 0).len(), 1);
    }

    #[test]
    fn numbers_are_relative() {
        let mut traffic = traffic();
        handshake(&mut traffic);
        let texts: Vec<_> = traffic.log().iter().map(|record| record.text.clone()).collect();
        assert_eq!(texts, ["SYN seq 0", "SYN+ACK seq 0 ack 1", "ACK seq 1 ack 1"]);
        let (client, server) = traffic.senders("10.1.0.1:1".parse().unwrap(), "10.2.0.1:2".parse().unwrap());
        assert_eq!((client.next, client.una, client.acknowledged), (1, 1, 1));
        assert_eq!((server.next, server.una, server.acknowledged), (1, 1, 1));
    }

    #[test]
    fn what_is_held_absorbs_what_is_sent_again_and_is_released_once() {
        let mut traffic = traffic();
        handshake(&mut traffic);
        traffic.order(rule("FIN"), Act::Hold, None);
        let fin = packet(true, "FIN+ACK", 101, 501);
        assert_eq!(traffic.arrive(Side::Client, &fin, 1), []);
        assert_eq!(traffic.arrive(Side::Client, &fin, 2), []);
        assert_eq!(
            traffic.release(&rule("FIN"), None, false),
            [Delivery { to: Side::Server, bytes: fin.clone() }]
        );
        assert_eq!(traffic.release(&rule("FIN"), None, false), []);
        assert_eq!(traffic.arrive(Side::Client, &fin, 3).len(), 1, "the holding has ended");
    }

    #[test]
    fn the_last_rule_acts_and_counts() {
        let mut traffic = traffic();
        handshake(&mut traffic);
        traffic.order(rule("everything"), Act::Hold, None);
        traffic.order(rule("FIN"), Act::Drop, Some(1));
        let fin = packet(true, "FIN+ACK", 101, 501);
        assert_eq!(traffic.arrive(Side::Client, &fin, 1), []);
        assert_eq!(traffic.log().last().unwrap().fate, "dropped");
        assert_eq!(traffic.arrive(Side::Client, &fin, 2), []);
        assert_eq!(traffic.log().last().unwrap().fate, "held");
        traffic.order(rule("everything"), Act::Pass, None);
        assert_eq!(traffic.arrive(Side::Server, &packet(false, "FIN+ACK", 501, 102), 3).len(), 1);
    }

    #[test]
    fn a_cut_cable_loses_and_a_double_one_repeats() {
        let mut traffic = traffic();
        handshake(&mut traffic);
        traffic.cut(&[Side::Client], true);
        assert_eq!(traffic.arrive(Side::Client, &packet(true, "FIN+ACK", 101, 501), 1), []);
        traffic.cut(&[Side::Client], false);
        traffic.order(rule("FIN"), Act::Duplicate, Some(1));
        assert_eq!(traffic.arrive(Side::Client, &packet(true, "FIN+ACK", 101, 501), 1).len(), 2);
    }

    /// An IPv6 socket can be bound to the other end's address: addresses of the wire are local by a route.
    #[test]
    fn an_end_may_send_under_the_other_ones_address() {
        let mut traffic = traffic();
        let foreign = packet(false, "SYN", 100, 0);
        let [delivery] = &traffic.arrive(Side::Client, &foreign, 0)[..] else { panic!("lost") };
        assert_eq!((delivery.to, &delivery.bytes), (Side::Server, &foreign));
    }

    #[test]
    fn sent_reads_on() {
        let mut traffic = traffic();
        handshake(&mut traffic);
        let client = "10.1.0.1:1".parse().unwrap();
        let any = |_: &SeenSegment| true;
        assert_eq!(traffic.next_sent(client, any).unwrap().1.to_string(), "SYN seq 0");
        assert_eq!(traffic.next_sent(client, any).unwrap().1.to_string(), "ACK seq 1 ack 1");
        assert_eq!(traffic.next_sent(client, any), None);
    }

    #[test]
    fn what_a_timer_sends_again_is_no_answer() {
        let mut traffic = traffic();
        let ms = 1_000_000;
        let syn = packet(true, "SYN", 100, 0);
        let answer = packet(true, "SYN+ACK", 100, 501);
        let _ = traffic.arrive(Side::Client, &syn, 0);
        let _ = traffic.arrive(Side::Server, &packet(false, "SYN", 500, 0), 600 * ms);
        let _ = traffic.arrive(Side::Client, &answer, 601 * ms);
        let _ = traffic.arrive(Side::Client, &answer, 700 * ms);
        let _ = traffic.arrive(Side::Client, &answer, 1000 * ms);
        let (client, server) = ("10.1.0.1:1".parse().unwrap(), "10.2.0.1:2".parse().unwrap());
        let answers = |traffic: &Traffic| traffic.answers_since(client, server, 2).len();
        assert_eq!(answers(&traffic), 2, "the third comes a second after the SYN");
        let _ = traffic.arrive(Side::Client, &packet(true, "SYN+ACK", 9100, 501), 2000 * ms);
        assert_eq!(answers(&traffic), 3, "another connection begins with another number");
    }
}
