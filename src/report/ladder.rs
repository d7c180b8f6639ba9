//! What went over the wire in a trial, as a ladder: the client's steps at the left, the server's at the right, the
//! segments between them, and what the case commands the cable in the middle.
//!
//! Drawn from the record alone. Rows are ordered by step: a call, then the packets that came during it, then what a look
//! saw. A segment that was held stands where it came, and again, dotted, where it was let go.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;

use sockspec_harness::host::call::Action;
use sockspec_harness::outcome::Outcome;
use sockspec_harness::record::{End, StepRecord};
use sockspec_harness::results::TrialResult;
use sockspec_harness::wire::{PacketRecord, Side};

use super::text::one_line;

/// The widths of the columns; with the lines between them they are 100 wide.
const TIME: usize = 11;
const LEFT: usize = 31;
const MIDDLE: usize = 25;
const RIGHT: usize = 28;
/// More rows than this are cut out in the middle.
const MOST: usize = 80;
/// Verbs whose steps are commands to the cable.
const COMMANDS: [&str; 7] = ["hold", "release", "drop", "duplicate", "pass", "cut", "restore"];

/// Draws the ladder; nothing where no packet was seen.
#[must_use]
pub fn draw(trial: &TrialResult) -> String {
    let packets = &trial.record.packets;
    if packets.is_empty() {
        return String::new();
    }
    let sides = Sides::of(trial);
    let mut rows = Vec::new();
    for record in &trial.record.steps {
        step(&mut rows, trial, record, &sides);
    }
    // What came in a step that has left no record.
    let known: BTreeSet<usize> = trial.record.steps.iter().map(|record| record.step).collect();
    rows.extend(packets.iter().filter(|packet| !known.contains(&packet.step)).map(Row::packet));
    let far = if raw(packets) { "far end" } else { "server" };
    let mut out = String::new();
    let _ = writeln!(out, "{:TIME$} {:>LEFT$}   {:^MIDDLE$}   {far}", "", "client", "");
    let cut = rows.len().saturating_sub(MOST);
    for (at, row) in rows.iter().enumerate() {
        if cut > 0 && at == MOST / 2 {
            let _ = writeln!(out, "{:>TIME$} … {cut} more …", "");
        }
        if at < MOST / 2 || at >= MOST / 2 + cut {
            let _ = writeln!(out, "{}", row.line().trim_end());
        }
    }
    out
}

/// Where a far end has no socket, what is sent to it arrives and does not pass.
fn raw(packets: &[PacketRecord]) -> bool {
    packets.iter().any(|packet| packet.fate == "arrived")
}

fn step(rows: &mut Vec<Row>, trial: &TrialResult, record: &StepRecord, sides: &Sides) {
    let text = trial.steps.get(record.step).map(|text| one_line(text).into_owned()).unwrap_or_default();
    let number = record.step + 1;
    let packets = &trial.record.packets;
    if COMMANDS.contains(&text.split(' ').next().unwrap_or_default()) {
        // A command acts at the end of its step, when all that was sent before has come. What a release sets off comes
        // behind it.
        let released = format!("released in step {number}");
        let is_released = |packet: &&PacketRecord| packet.fate.ends_with(&released);
        let behind = |packet: &&PacketRecord| text.starts_with("release") && !is_released(packet);
        let came = || packets.iter().filter(|packet| packet.step == record.step);
        rows.extend(came().filter(|packet| !behind(packet)).map(Row::packet));
        rows.push(Row::command(record.finish, &format!("{number} {text}")));
        rows.extend(packets.iter().filter(is_released).map(Row::released));
        rows.extend(came().filter(behind).map(Row::packet));
        return;
    }
    let outcome = match (&record.outcome, record.end) {
        (Some(Outcome::Ok), _) => String::new(),
        (Some(outcome), _) => format!(": {}", one_line(&outcome.to_string())),
        (None, End::Asleep) => ": asleep".to_owned(),
        (None, _) => ": -".to_owned(),
    };
    let came = || packets.iter().filter(|packet| packet.step == record.step).map(Row::packet);
    let side = sides.of_step(record, &text);
    let row = |at| Row::step(at, side, &format!("{number} {text}"), &outcome);
    if record.call.is_some() {
        rows.push(row(record.begin));
        rows.extend(came());
    } else {
        rows.extend(came());
        rows.push(row(record.finish));
    }
}

/// On which side sockets are.
struct Sides(BTreeMap<String, Side>);

impl Sides {
    fn of(trial: &TrialResult) -> Self {
        let mut addresses: BTreeMap<IpAddr, Side> = BTreeMap::new();
        for packet in &trial.record.packets {
            addresses.insert(packet.source.ip(), packet.from);
            addresses.insert(packet.destination.ip(), packet.from.other());
        }
        let mut sockets = BTreeMap::new();
        for record in &trial.record.steps {
            let (Some(call), Some(done)) = (&record.call, &record.completion) else { continue };
            let Some(side) = done.local.and_then(|local| addresses.get(&local.ip())) else { continue };
            let name = match &call.action {
                Action::Accept { new, .. } | Action::Dup { new } => new,
                _ => &call.socket,
            };
            sockets.insert(name.clone(), *side);
        }
        Self(sockets)
    }

    fn of_step(&self, record: &StepRecord, text: &str) -> Side {
        let name = match &record.call {
            Some(call) => call.socket.as_str(),
            None => text.split([' ', ',']).nth(1).unwrap_or_default(),
        };
        self.0.get(name).copied().unwrap_or_default()
    }
}

struct Row {
    /// In ns.
    at: u64,
    left: String,
    middle: String,
    right: String,
}

impl Row {
    fn step(at: u64, side: Side, text: &str, outcome: &str) -> Self {
        let (left, right) = match side {
            Side::Client => (with_end(text, outcome, LEFT), String::new()),
            Side::Server => (String::new(), with_end(text, outcome, RIGHT)),
        };
        Self { at, left, middle: String::new(), right }
    }

    fn command(at: u64, text: &str) -> Self {
        let middle = format!("{:^MIDDLE$}", short(text, MIDDLE));
        Self { at, left: String::new(), middle, right: String::new() }
    }

    fn packet(packet: &PacketRecord) -> Self {
        let fate = packet.fate.as_str();
        let (head, told) = match fate {
            "passed" | "arrived" => (Head::Arrow, ""),
            "injected" | "duplicated" => (Head::Arrow, fate),
            _ if fate.starts_with("held") || fate.starts_with("absorbed") => (Head::Held, fate),
            _ => (Head::Lost, fate),
        };
        // The case plays the sender of what is injected, so that it is told there.
        let at = if fate == "injected" { packet.from } else { packet.from.other() };
        let (left, right) = match at {
            Side::Client => (short(told, LEFT), String::new()),
            Side::Server => (String::new(), short(told, RIGHT)),
        };
        Self { at: packet.at, left, middle: arrow(packet, '─', head), right }
    }

    fn released(packet: &PacketRecord) -> Self {
        // When it was let go is told by the row above.
        Self {
            at: u64::MAX,
            left: String::new(),
            middle: arrow(packet, '┄', Head::Arrow),
            right: String::new(),
        }
    }

    fn line(&self) -> String {
        #[expect(clippy::cast_precision_loss, reason = "three decimals are shown")]
        let at = if self.at == u64::MAX { String::new() } else { format!("{:.3} ms", self.at as f64 / 1e6) };
        let Self { left, middle, right, .. } = self;
        format!("{at:>TIME$} {left:>LEFT$} │{middle:MIDDLE$}│ {right}")
    }
}

#[derive(Clone, Copy)]
enum Head {
    Arrow,
    Held,
    Lost,
}

/// An arrow from one side to the other with the segment on it.
fn arrow(packet: &PacketRecord, dash: char, head: Head) -> String {
    let label = short(&label(packet), MIDDLE - 6);
    let dashes = |n: usize| dash.to_string().repeat(n);
    let rest = MIDDLE - 4 - label.chars().count();
    let (before, behind) = (rest / 2, rest - rest / 2);
    match (packet.from, head) {
        (Side::Client, Head::Arrow) => format!("{} {label} {}▶", dashes(before + 1), dashes(behind)),
        (Side::Client, Head::Held) => format!("{} {label} {}▶|", dashes(before), dashes(behind)),
        (Side::Client, Head::Lost) => format!("{} {label} {}✗", dashes(before), dashes(behind)),
        (Side::Server, Head::Arrow) => format!("◀{} {label} {}", dashes(before), dashes(behind + 1)),
        (Side::Server, Head::Held) => format!("|◀{} {label} {}", dashes(before), dashes(behind)),
        (Side::Server, Head::Lost) => format!(" ✗{} {label} {}", dashes(before), dashes(behind)),
    }
}

/// `FIN+ACK 1 ack 1`, `PSH+ACK 1 +5 ack 1`.
pub(crate) fn label(packet: &PacketRecord) -> String {
    let Some(segment) = &packet.segment else { return one_line(&packet.text).into_owned() };
    let mut label = format!("{} {}", segment.flags, segment.seq);
    if segment.length > 0 {
        let _ = write!(label, " +{}", segment.length);
    }
    if let Some(ack) = segment.ack {
        let _ = write!(label, " ack {ack}");
    }
    label
}

/// Text and what came out of it, of which the latter is more important.
fn with_end(text: &str, end: &str, width: usize) -> String {
    let end = short(end, width * 3 / 4);
    short(text, width - end.chars().count()) + &end
}

fn short(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn a_simultaneous_close() {
        insta::assert_snapshot!(draw(&sample::crossing()), @r#"
                                     client                               server
   0.005 ms                                 │       1 hold FIN        │
   0.100 ms    2 shutdown client, how write │                         │
   0.107 ms                                 │─── FIN+ACK 1 ack 1 ───▶|│ held, released in step 4
   0.200 ms                                 │                         │ 3 shutdown server, how write
   0.207 ms        held, released in step 4 │|◀─── FIN+ACK 1 ack 1 ───│
   0.305 ms                                 │      4 release FIN      │
                                            │┄┄┄┄ FIN+ACK 1 ack 1 ┄┄┄▶│
                                            │◀┄┄┄ FIN+ACK 1 ack 1 ┄┄┄┄│
   0.307 ms                                 │◀───── ACK 2 ack 2 ──────│
   0.307 ms                                 │────── ACK 2 ack 2 ─────▶│
   1.400 ms         5 state client: CLOSING │                         │
   1.500 ms                                 │                         │ 6 state server: TIME_WAIT
"#);
    }

    #[test]
    fn what_is_lost_and_what_is_invented() {
        let mut trial = sample::crossing();
        let packets = &mut trial.record.packets;
        packets.truncate(4);
        for (packet, fate) in
            packets.iter_mut().zip(["dropped", "lost, the cable is cut", "arrived", "injected"])
        {
            fate.clone_into(&mut packet.fate);
        }
        insta::assert_snapshot!(draw(&trial), @r#"
                                     client                               far end
   0.005 ms                                 │       1 hold FIN        │
   0.100 ms    2 shutdown client, how write │                         │
   0.107 ms                                 │─── FIN+ACK 1 ack 1 ───✗ │ dropped
   0.200 ms                                 │                         │ 3 shutdown server, how write
   0.207 ms          lost, the cable is cut │ ✗─── FIN+ACK 1 ack 1 ───│
   0.305 ms                                 │      4 release FIN      │
   0.307 ms                                 │◀───── ACK 2 ack 2 ──────│
   0.307 ms                        injected │────── ACK 2 ack 2 ─────▶│
   1.400 ms         5 state client: CLOSING │                         │
   1.500 ms                                 │                         │ 6 state server: TIME_WAIT
"#);
    }

    #[test]
    fn no_line_is_wider_than_a_hundred() {
        let mut trial = sample::crossing();
        let long = "x".repeat(300);
        trial.steps.iter_mut().for_each(|text| *text += &long);
        for packet in &mut trial.record.packets {
            packet.segment = None;
            packet.text.clone_from(&long);
            packet.fate = format!("held, {long}");
        }
        trial.record.packets = trial.record.packets.iter().cycle().take(1000).cloned().collect();
        let text = draw(&trial);
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        assert!(text.lines().count() <= MOST + 2 && text.contains(" more …"));
        assert_eq!(draw(&sample::refused()), "", "no packets");
    }
}
