//! Linux: whole histories of states, from the tracepoint sock:inet_sock_set_state as trace_pipe tells it.
//!
//! Lines are read and paths are made here, both pure; the tracing instance belongs to `host`. What the tracepoint tells
//! and what it does not (seen on 6.18, net/ipv4):
//!
//! - A connect from a socket without a port shows its move to SYN_SENT with port 0, before the port is chosen; the next
//!   move has the port, and tells by its old state that the connection was in SYN_SENT.
//! - A passive open shows nothing while there is only a request (SYN_RECEIVED in the table); with the handshake's last
//!   segment come LISTEN to SYN_RECV and SYN_RECV to ESTABLISHED, both of the new socket.
//! - TIME_WAIT is a socket of its own kind. The move there shows as one to CLOSE; so does the move of an orphan in
//!   FIN_WAIT_2 to its small socket. The kernel's table tells which it was, while it lasts. That a reset ended the
//!   connection is told by tcp:tcp_receive_reset. Where neither tells, the path ends before what is not known.
//! - There is no network namespace in it: connections are known by their addresses alone.
//!
//! A path begins with the state behind CLOSED, in which every connection begins.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::outcome::TcpState;

/// The two addresses of a connection, or of a listener, which has no peer.
pub type Pair = (SocketAddr, Option<SocketAddr>);

/// What a line of trace_pipe says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// Something happened to a connection.
    Event(Pair, Event),
    /// A text that was written into trace_marker.
    Marker(&'a str),
    /// The kernel had no room for so many events.
    Lost(u64),
    /// Nothing of interest.
    Other,
}

/// Something that happened to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// In µs, by the clock of the trace.
    pub at: u64,
    /// What it was.
    pub what: What,
}

/// What can happen to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// It went from one state to another.
    Change(TcpState, TcpState),
    /// A reset has come in.
    Reset,
}

/// Reads a line of trace_pipe.
#[must_use]
pub fn line(text: &str) -> Line<'_> {
    if let Some((before, fields)) = text.split_once(": inet_sock_set_state: ") {
        return event(before, fields, change(fields)).unwrap_or(Line::Other);
    }
    if let Some((before, fields)) = text.split_once(": tcp_receive_reset: ") {
        return event(before, fields, Some(What::Reset)).unwrap_or(Line::Other);
    }
    if let Some(marker) = marker(text) {
        return Line::Marker(marker.trim_end());
    }
    let lost = text.split_once("[LOST ").and_then(|(_, rest)| rest.split_once(" EVENTS]"));
    lost.and_then(|(n, _)| n.parse().ok()).map_or(Line::Other, Line::Lost)
}

/// The text of a marker. In front stands what has printed it: its name, or its address in a kernel without names.
fn marker(text: &str) -> Option<&str> {
    if let Some((_, marker)) = text.split_once(": tracing_mark_write: ") {
        return Some(marker);
    }
    let (address, marker) = text.split_once(": 0x")?.1.split_once(": ")?;
    address.chars().all(|c| c.is_ascii_hexdigit()).then_some(marker)
}

fn event<'a>(before: &str, fields: &str, what: Option<What>) -> Option<Line<'a>> {
    let (seconds, micros) = before.rsplit(' ').next()?.split_once('.')?;
    let at = seconds.parse::<u64>().ok()? * 1_000_000 + micros.parse::<u64>().ok()?;
    let address = |ip: &str, port: &str| -> Option<SocketAddr> {
        let ip: Ipv6Addr = field(fields, ip)?.parse().ok()?;
        Some(SocketAddr::new(ip.to_canonical(), field(fields, port)?.parse().ok()?))
    };
    let (local, peer) = (address("saddrv6", "sport")?, address("daddrv6", "dport")?);
    // Linux 6.1 tells of a connection that a listener gets before that has a peer, as if it were the listener's own.
    if peer.port() == 0 && matches!(what, Some(What::Change(TcpState::Listen, TcpState::SynReceived))) {
        return None;
    }
    Some(Line::Event((local, (peer.port() != 0).then_some(peer)), Event { at, what: what? }))
}

fn change(fields: &str) -> Option<What> {
    (field(fields, "protocol")? == "IPPROTO_TCP").then_some(())?;
    Some(What::Change(state(field(fields, "oldstate")?)?, state(field(fields, "newstate")?)?))
}

fn field<'a>(fields: &'a str, name: &str) -> Option<&'a str> {
    fields.split_ascii_whitespace().find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
}

fn state(name: &str) -> Option<TcpState> {
    Some(match name.strip_prefix("TCP_")? {
        "ESTABLISHED" => TcpState::Established,
        "SYN_SENT" => TcpState::SynSent,
        "SYN_RECV" | "NEW_SYN_RECV" => TcpState::SynReceived,
        "FIN_WAIT1" => TcpState::FinWait1,
        "FIN_WAIT2" => TcpState::FinWait2,
        "TIME_WAIT" => TcpState::TimeWait,
        "CLOSE" => TcpState::Closed,
        "CLOSE_WAIT" => TcpState::CloseWait,
        "LAST_ACK" => TcpState::LastAck,
        "LISTEN" => TcpState::Listen,
        "CLOSING" => TcpState::Closing,
        _ => return None,
    })
}

/// The address as it stands in a [`Pair`]: an IPv4-mapped address is the IPv4 address.
#[must_use]
pub fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Whether it is a place of its own, by which a connection can be known.
#[must_use]
pub fn is_known_by(ip: IpAddr) -> bool {
    !ip.to_canonical().is_unspecified()
}

/// The states of the last connection of a pair of addresses: its events in the order in which they were read, the state
/// that the kernel's table has now, and whether it was seen in TIME_WAIT before.
///
/// An error says that the events do not fit together.
pub fn path(events: &[Event], table: TcpState, time_wait: bool) -> Result<Vec<TcpState>, String> {
    let mut path: Vec<TcpState> = Vec::new();
    let mut now = TcpState::Closed;
    let mut reset = false;
    for event in ordered(events) {
        let (old, new) = match event.what {
            What::Reset => {
                reset = true;
                continue;
            }
            What::Change(old, new) => (old, new),
        };
        match (now, old) {
            // A new connection.
            (TcpState::Closed, TcpState::Closed) => path.clear(),
            (TcpState::Closed, TcpState::Listen | TcpState::SynSent) => path = vec![old],
            // One whose beginning was not told with its peer, which is so of those that a listener gets.
            (TcpState::Closed, TcpState::SynReceived) => path = vec![TcpState::Listen, old],
            (now, old) if now == old => {}
            (now, old) => {
                return Err(format!(
                    "the kernel tells of a move from {old} to {new} where it told {now} before"
                ));
            }
        }
        if new == TcpState::Closed {
            close(&mut path, old, (table, time_wait), reset);
        } else {
            path.push(new);
        }
        now = new;
        reset = false;
    }
    if path.is_empty() {
        // Of these alone is known what was before them.
        match table {
            TcpState::SynSent => path.push(TcpState::SynSent),
            TcpState::SynReceived => path.extend([TcpState::Listen, TcpState::SynReceived]),
            _ => {}
        }
    }
    Ok(path)
}

/// The full socket is gone.
fn close(path: &mut Vec<TcpState>, from: TcpState, (table, time_wait): (TcpState, bool), reset: bool) {
    match (from, table) {
        (TcpState::FinWait2 | TcpState::Closing, _) if reset => path.push(TcpState::Closed),
        // An orphan whose small socket waits for the other FIN.
        (TcpState::FinWait2, TcpState::FinWait2) => {}
        (TcpState::FinWait2 | TcpState::Closing, TcpState::TimeWait) => path.push(TcpState::TimeWait),
        (TcpState::FinWait2 | TcpState::Closing, _) if time_wait => {
            path.extend([TcpState::TimeWait, TcpState::Closed])
        }
        // Through TIME_WAIT or not: nobody tells.
        (TcpState::FinWait2 | TcpState::Closing, _) => {}
        _ => path.push(TcpState::Closed),
    }
}

/// The events by time. Two processors' buffers are read in turns, so that neighbours may come in the wrong order; of
/// those with the same time the one that goes on from the state before is first.
fn ordered(events: &[Event]) -> Vec<Event> {
    let mut rest = events.to_vec();
    rest.sort_by_key(|event| event.at);
    let mut now = None;
    for at in 0..rest.len() {
        let same = rest[at..].iter().take_while(|event| event.at == rest[at].at).count();
        let goes_on = |event: &Event| match event.what {
            What::Reset => true,
            What::Change(old, _) => now.is_none_or(|now| now == old),
        };
        if let Some(next) = rest[at..at + same].iter().position(goes_on) {
            rest[at..=at + next].rotate_right(1);
        }
        if let What::Change(_, new) = rest[at].what {
            now = Some(new);
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use TcpState::{
        CloseWait, Closed, Closing, Established, FinWait1, FinWait2, LastAck, Listen, SynReceived, SynSent,
        TimeWait,
    };

    const CHANGE: &str = "          trials-12897   [000] ..s2.  4634.116487: inet_sock_set_state: family=AF_INET \
        protocol=IPPROTO_TCP sport=45697 dport=37760 saddr=127.1.0.7 daddr=127.1.0.7 saddrv6=::ffff:127.1.0.7 \
        daddrv6=::ffff:127.1.0.7 oldstate=TCP_LISTEN newstate=TCP_SYN_RECV";

    fn moves(states: &[(TcpState, TcpState)]) -> Vec<Event> {
        (0..).zip(states).map(|(at, (old, new))| Event { at, what: What::Change(*old, *new) }).collect()
    }

    #[test]
    fn lines_are_read() {
        let pair = ("127.1.0.7:45697".parse().unwrap(), Some("127.1.0.7:37760".parse().unwrap()));
        let event = Event { at: 4_634_116_487, what: What::Change(Listen, SynReceived) };
        assert_eq!(line(CHANGE), Line::Event(pair, event));
        let listening = "a b-1 [000] ..... 1.000002: inet_sock_set_state: family=AF_INET6 protocol=IPPROTO_TCP \
            sport=7 dport=0 saddr=0.0.0.0 daddr=0.0.0.0 saddrv6=fd73::5 daddrv6=:: oldstate=TCP_CLOSE newstate=TCP_LISTEN";
        let event = Event { at: 1_000_002, what: What::Change(Closed, Listen) };
        assert_eq!(line(listening), Line::Event(("[fd73::5]:7".parse().unwrap(), None), event));
        let reset = "<idle>-0 [001] ..s.. 2.5: tcp_receive_reset: family=AF_INET sport=7 dport=8 saddr=10.1.0.1 \
            daddr=10.2.0.1 saddrv6=::ffff:10.1.0.1 daddrv6=::ffff:10.2.0.1 sock_cookie=1";
        assert!(matches!(line(reset), Line::Event(_, Event { what: What::Reset, .. })));
        assert_eq!(line("x-1 [000] ..... 1.2: tracing_mark_write: barrier 7\n"), Line::Marker("barrier 7"));
        let born = CHANGE.replace("dport=37760", "dport=0");
        assert_eq!(line(&born), Line::Other);
        assert_eq!(line("x-1 [000] ..... 0.5: 0x60080491: barrier 7\n"), Line::Marker("barrier 7"));
        assert_eq!(line("CPU:1 [LOST 12 EVENTS]"), Line::Lost(12));
    }

    #[test]
    fn other_lines_are_nothing() {
        for text in [
            "",
            "# tracer: nop",
            "x: inet_sock_set_state: ",
            &CHANGE.replace("IPPROTO_TCP", "IPPROTO_MPTCP"),
            &CHANGE.replace("TCP_LISTEN", "TCP_NEW"),
            &CHANGE.replace("sport=45697", "sport=x"),
            "CPU:1 [LOST x EVENTS]",
        ] {
            assert_eq!(line(text), Line::Other, "{text}");
        }
    }

    #[test]
    fn an_active_open_and_close() {
        let mut events = moves(&[(SynSent, Established), (Established, FinWait1), (FinWait1, FinWait2)]);
        assert_eq!(path(&events, FinWait2, false).unwrap(), [SynSent, Established, FinWait1, FinWait2]);
        events.push(Event { at: 9, what: What::Change(FinWait2, Closed) });
        let all = [SynSent, Established, FinWait1, FinWait2, TimeWait, Closed];
        assert_eq!(path(&events, FinWait2, false).unwrap(), all[..4], "an orphan");
        assert_eq!(path(&events, TimeWait, false).unwrap(), all[..5]);
        assert_eq!(path(&events, Closed, true).unwrap(), all);
        assert_eq!(path(&events, Closed, false).unwrap(), all[..4], "nobody knows");
        events.insert(3, Event { at: 9, what: What::Reset });
        assert_eq!(path(&events, Closed, false).unwrap(), [SynSent, Established, FinWait1, FinWait2, Closed]);
    }

    #[test]
    fn a_passive_open_and_close() {
        let events = moves(&[
            (Listen, SynReceived),
            (SynReceived, Established),
            (Established, CloseWait),
            (CloseWait, LastAck),
            (LastAck, Closed),
        ]);
        let all = [Listen, SynReceived, Established, CloseWait, LastAck, Closed];
        assert_eq!(path(&events, Closed, false).unwrap(), all);
        assert_eq!(
            path(&events[1..], Closed, false).unwrap(),
            all,
            "its beginning was told without its peer"
        );
        assert_eq!(path(&[], SynReceived, false).unwrap(), all[..2], "a request");
        assert_eq!(path(&events[..2], Established, false).unwrap(), all[..3]);
    }

    #[test]
    fn both_at_once() {
        let events = moves(&[
            (Closed, SynSent),
            (SynSent, SynReceived),
            (SynReceived, Established),
            (Established, FinWait1),
            (FinWait1, Closing),
            (Closing, Closed),
        ]);
        let seen = path(&events, TimeWait, false).unwrap();
        assert_eq!(seen, [SynSent, SynReceived, Established, FinWait1, Closing, TimeWait]);
    }

    #[test]
    fn the_last_connection_counts() {
        let first = [(SynSent, Established), (Established, Closed)];
        let again = moves(&[&first[..], &[(Closed, SynSent), (SynSent, Established)]].concat());
        assert_eq!(path(&again, Established, false).unwrap(), [SynSent, Established]);
        let again = moves(&[&first[..], &[(SynSent, Closed)]].concat());
        assert_eq!(path(&again, Closed, false).unwrap(), [SynSent, Closed]);
    }

    #[test]
    fn nothing_is_made_up() {
        assert_eq!(path(&[], Established, false).unwrap(), []);
        assert_eq!(path(&[], TimeWait, false).unwrap(), []);
        assert!(path(&moves(&[(SynSent, Established), (FinWait1, FinWait2)]), FinWait2, false).is_err());
        assert!(path(&moves(&[(Established, FinWait1)]), FinWait1, false).is_err());
    }

    #[test]
    fn the_order_of_reading_does_not_matter() {
        let mut events = moves(&[(SynSent, Established), (Established, CloseWait), (CloseWait, LastAck)]);
        events.swap(0, 2);
        let all = [SynSent, Established, CloseWait, LastAck];
        assert_eq!(path(&events, LastAck, false).unwrap(), all);
        for event in &mut events {
            event.at = 5;
        }
        events.swap(0, 2);
        events.swap(1, 2);
        assert_eq!(path(&events, LastAck, false).unwrap(), all, "at the same time");
    }
}
