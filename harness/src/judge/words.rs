//! What was seen and what is expected, in words: for messages, and for what is kept of a run.
//!
//! What is kept says the same of every run of one system: no port, no address of this run, no time.

use crate::case::expected::{Expected, Want};
use crate::case::trial::{Expectation, Trial};
use crate::outcome::{Outcome, SeenAddress};
use crate::record::Record;
use crate::wire::segment::Flags;
use crate::wire::want::SeenSegment;

/// An outcome with the signal that came with it: `EPIPE and SIGPIPE`.
#[must_use]
pub fn seen(outcome: &Outcome, signal: Option<&str>) -> String {
    with_signal(&outcome.to_string(), signal)
}

/// What is expected: all that would be accepted, with its signal.
#[must_use]
pub fn expected(expectation: &Expectation) -> String {
    with_signal(&expectation.want.to_string(), expectation.signal.as_deref())
}

/// The bounds of time that are this platform's own: `in 1.5s..4s`. What holds everywhere distinguishes nobody.
#[must_use]
pub fn bounds(expectation: &Expectation) -> Option<String> {
    expectation.platforms.as_ref()?;
    match (expectation.timer, expectation.takes) {
        (Some(timer), _) => Some(format!("by a timer of {timer:?}")),
        (None, Some(takes)) => {
            let of_all = expectation.specification.as_ref().and_then(|specification| specification.takes);
            (of_all != Some(takes)).then(|| format!("in {takes}"))
        }
        (None, None) => None,
    }
}

/// What came out of a step of a record, in words that every run of the same system has in common. None while a
/// background call is under way.
#[must_use]
pub fn lasting(trial: &Trial, record: &Record, index: usize) -> Option<String> {
    let step = record.steps.get(index)?;
    let outcome = step.outcome.as_ref()?;
    let signal = step.completion.as_ref().and_then(|completion| completion.signal.as_deref());
    let Some(expectation) = trial.steps.get(step.step).map(|step| &step.expectation) else {
        return Some(plain(outcome, signal));
    };
    let as_expected =
        matches!(super::say(trial, record, index), super::Said::Match | super::Said::Deviates(_));
    if as_expected {
        let counted = counted(&expectation.want, outcome);
        let outcome = counted.as_ref().unwrap_or(outcome);
        // Where a platform is known to do one or the other, each run would keep another one. Of an address the case says
        // what matters of it.
        let either = expectation.want.is_several() && expectation.platforms.is_some();
        let in_its_words = either || matches!(outcome, Outcome::Address(_));
        let known = expectation.want != Expected::Unknown;
        let words = if in_its_words && known {
            expected(expectation)
        } else {
            without_numbers(outcome, signal, Asked::by(&expectation.want))
        };
        return Some(match bounds(expectation) {
            Some(bounds) => format!("{words} {bounds}"),
            None => words,
        });
    }
    let words = plain(outcome, signal);
    Some(match super::untimely(trial, record, index) {
        Some(time) => format!("{words} too {time}"),
        None => words,
    })
}

/// Received bytes of which the case only says how many: what they are differs from run to run.
fn counted(want: &Expected, outcome: &Outcome) -> Option<Outcome> {
    let Outcome::Data(data) = outcome else { return None };
    let count = data.0.len() as u64;
    want.wants().contains(&Want::Bytes(count)).then_some(Outcome::Bytes(count))
}

/// What came out of a step whose case is not at hand.
#[must_use]
pub fn plain(outcome: &Outcome, signal: Option<&str>) -> String {
    without_numbers(outcome, signal, Asked { options: false, ack: true, push: true })
}

/// What is told of a segment because its case asks for it. It is there all the same where it does not, and may be another
/// one in the next run: every SYN has options, which of two FINs comes first decides what they acknowledge, and PSH is
/// where a write ended.
#[derive(Clone, Copy)]
struct Asked {
    options: bool,
    ack: bool,
    push: bool,
}

impl Asked {
    fn by(want: &Expected) -> Self {
        let segments = || {
            want.wants().iter().filter_map(|want| match want {
                Want::Segment(segment) => Some(segment),
                _ => None,
            })
        };
        Self {
            options: segments().any(|segment| !segment.options.is_empty()),
            ack: segments().any(|segment| segment.ack.is_some() || segment.kind.to_string().contains("RST")),
            push: segments().any(|segment| segment.kind.to_string().contains("PSH")),
        }
    }
}

fn without_numbers(outcome: &Outcome, signal: Option<&str>, asked: Asked) -> String {
    match outcome {
        Outcome::Address(address) => with_signal(&name(address), signal),
        Outcome::Segments(seen) if !seen.segments.is_empty() => with_signal(
            &seen.segments.iter().map(|seen| segment(seen, asked)).collect::<Vec<_>>().join("; "),
            signal,
        ),
        _ => seen(outcome, signal),
    }
}

/// What a segment is. A reset that is sent without a connection has no number of it: counted from the beginning of one
/// it would be another in each run.
fn segment(seen: &SeenSegment, asked: Asked) -> String {
    /// No number of a connection is further from its beginning: windows are not that large at the beginning.
    const FAR: u64 = 1 << 17;
    /// The option whose numbers are those of a clock.
    const TIMESTAMPS: &str = "timestamps";
    let flags = if asked.push { seen.flags } else { seen.flags.without_push() };
    let ack = seen.ack.filter(|_| asked.ack);
    if !seen.flags.has(Flags::RST) || seen.seq.unsigned_abs() < FAR {
        let timeless = |option: &String| {
            if option.starts_with(TIMESTAMPS) { TIMESTAMPS.to_owned() } else { option.clone() }
        };
        let options = if asked.options { seen.options.iter().map(timeless).collect() } else { Vec::new() };
        return SeenSegment { flags, ack, options, ..seen.clone() }.to_string();
    }
    let ack = seen.ack.map_or_else(String::new, |ack| format!(" ack {ack}"));
    format!("{} seq of no connection{ack}", seen.flags)
}

/// What an address is, without its numbers.
fn name(address: &SeenAddress) -> String {
    match address.names.first() {
        // A number that nobody has chosen differs from run to run.
        Some(name) if name.strip_prefix("port ").is_none_or(|port| port == "0" || !is_number(port)) => {
            name.clone()
        }
        _ => "an address".to_owned(),
    }
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn with_signal(words: &str, signal: Option<&str>) -> String {
    match signal {
        Some(signal) => format!("{words} and {signal}"),
        None => words.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(names: &[&str]) -> Outcome {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Outcome::Address(SeenAddress { address: ([127, 0, 0, 1], 47_870).into(), names })
    }

    #[test]
    fn an_address_is_told_by_its_name() {
        for (names, words) in [
            (&["address of client", "port 47870"] as &[&str], "address of client"),
            (&["port 0"], "port 0"),
            (&["port of client on wildcard"], "port of client on wildcard"),
            (&["port 47870"], "an address"),
            (&[], "an address"),
        ] {
            assert_eq!(plain(&address(names), None), words);
        }
    }

    #[test]
    fn bytes_that_are_only_counted_are_told_by_their_number() {
        let data = Outcome::Data(crate::outcome::Data(b"\x17ab".to_vec()));
        assert_eq!(counted(&Expected::just(Want::Bytes(3)), &data), Some(Outcome::Bytes(3)));
        assert_eq!(counted(&Expected::just(Want::Bytes(4)), &data), None);
        assert_eq!(counted(&Expected::just(Want::Bytes(3)), &Outcome::Eof), None);
    }

    #[test]
    fn a_reset_without_a_connection_has_no_number() {
        let sent = |flags, seq| {
            let flags = Flags::parse(flags).unwrap();
            let segment = SeenSegment { flags, seq, ack: Some(3), length: 0, window: 0, options: Vec::new() };
            let names = std::collections::BTreeMap::new();
            plain(&Outcome::Segments(crate::outcome::SeenSegments { segments: vec![segment], names }), None)
        };
        assert_eq!(sent("RST+ACK", -1_176_885_674), "RST+ACK seq of no connection ack 3");
        assert_eq!(sent("RST+ACK", 1), "RST+ACK seq 1 ack 3");
        assert_eq!(sent("ACK", 1_176_885_674), "ACK seq 1176885674 ack 3");
    }

    #[test]
    fn a_signal_is_part_of_it() {
        assert_eq!(plain(&Outcome::Error("EPIPE".to_owned()), Some("SIGPIPE")), "EPIPE and SIGPIPE");
    }
}
