//! Changes each expectation of a trial in turn and judges the stored record again: what goes unnoticed is an
//! expectation that cannot fail.

use std::time::Duration;

use super::judge;
use super::verdict;
use crate::case::expected::{Expected, Takes, Want};
use crate::case::source::Place;
use crate::case::trial::{Expectation, Trial};
use crate::outcome::TcpState;
use crate::record::Record;
use crate::wire::pattern::Kind;
use crate::wire::segment::Flags;
use crate::wire::want::SegmentWant;

/// A changed expectation that nobody noticed.
#[derive(Clone, Debug)]
pub struct Survivor {
    /// The trial.
    pub trial: String,
    /// The step, in words.
    pub step: String,
    /// What was changed.
    pub change: String,
    /// Where it is written.
    pub place: Place,
}

/// How many changes were tried, and those that went unnoticed. A step whose case gives a reason is left out.
#[must_use]
pub fn survivors(trial: &Trial, record: &Record) -> (usize, Vec<Survivor>) {
    let mut tried = 0;
    let mut survivors = Vec::new();

    // After an outcome that nobody knew nothing is expected any more.
    let known = record.steps.iter().take_while(|step| {
        trial.steps.get(step.step).is_some_and(|step| step.expectation.want != Expected::Unknown)
    });
    for record_step in known.filter(|step| step.outcome.is_some()) {
        let step = &trial.steps[record_step.step];
        if step.expectation.unnoticed.is_some() {
            continue;
        }
        for (change, expectation) in changes(&step.expectation) {
            tried += 1;
            let mut changed = trial.clone();
            changed.steps[record_step.step].expectation = expectation;
            let verdict = if ABOUT_TIME.iter().any(|about| change.starts_with(about)) {
                // A bound that is widened by how late the machine was would hide that it is not looked at.
                let mut punctual = record.clone();
                punctual
                    .steps
                    .iter_mut()
                    .filter(|step| step.step == record_step.step)
                    .for_each(|step| step.late = 0);
                judge(&changed, &punctual)
            } else {
                judge(&changed, record)
            };
            let noticed = verdict.kind == verdict::Kind::Fail
                && verdict.findings.last().is_some_and(|finding| finding.step == Some(record_step.step));
            if !noticed {
                survivors.push(Survivor {
                    trial: trial.id.clone(),
                    step: step.text.clone(),
                    change,
                    place: step.expectation.place.clone(),
                });
            }
        }
    }
    (tried, survivors)
}

/// How changes begin that are about how long something takes.
const ABOUT_TIME: [&str; 3] = ["takes", "timer", "gaps"];

/// Every expectation that differs in one thing.
fn changes(expectation: &Expectation) -> Vec<(String, Expectation)> {
    let mut changes = Vec::new();
    let mut with = |change: String, edit: &dyn Fn(&mut Expectation)| {
        let mut changed = expectation.clone();
        edit(&mut changed);
        changes.push((change, changed));
    };
    if let Expected::OneOf(wants) = &expectation.want {
        for other in others(wants) {
            with(format!("{} → {other}", expectation.want), &|changed| {
                changed.want = Expected::just(other.clone())
            });
        }
    }
    let signal = if expectation.signal.is_some() { None } else { Some("SIGPIPE".to_owned()) };
    with(format!("signal → {}", signal.as_deref().unwrap_or("none")), &|changed| {
        changed.signal.clone_from(&signal)
    });
    // Where both are written, the timer counts.
    if let Some(takes) = expectation.takes.filter(|_| expectation.timer.is_none()) {
        if takes.to.is_some() {
            let to = Some(Duration::ZERO);
            with("takes → ..0".to_owned(), &|changed| {
                changed.takes = Some(Takes { from: Duration::ZERO, to })
            });
        }
        if !takes.from.is_zero() {
            let from = Duration::from_secs(1_000_000);
            with("takes → 1000000s..".to_owned(), &|changed| {
                changed.takes = Some(Takes { from, to: None })
            });
        }
    }
    if let Some(gaps) = &expectation.gaps {
        let longer = gaps.iter().map(|gap| *gap * 3).collect::<Vec<_>>();
        with("gaps three times as long".to_owned(), &|changed| changed.gaps = Some(longer.clone()));
    }
    if let Some(timer) = expectation.timer {
        with("timer doubled".to_owned(), &|changed| changed.timer = Some(timer * 2));
        with("timer halved".to_owned(), &|changed| changed.timer = Some(timer / 2));
    }
    changes
}

/// Outcomes that are none of these: of another kind, and of the same kind with another value.
fn others(wants: &[Want]) -> Vec<Want> {
    let Some(first) = wants.first() else { return Vec::new() };
    let mut others = vec![match first {
        Want::Ok => Want::Error("EPROTO".to_owned()),
        _ => Want::Ok,
    }];
    match first {
        Want::Error(_) => others.push(Want::Error("EPROTO".to_owned())),
        Want::Data(data) => {
            let mut data = data.clone();
            data.0.push(b'!');
            others.push(Want::Data(data));
        }
        Want::Bytes(n) => others.push(Want::Bytes(n + 1)),
        Want::Message { of, msg_flags } => {
            others.push((**of).clone());
            others.extend(
                self::others(std::slice::from_ref(of))
                    .into_iter()
                    .map(|of| Want::Message { of: Box::new(of), msg_flags: msg_flags.clone() }),
            );
        }
        Want::Value(n) => others.push(Want::Value(n + 1)),
        Want::Text(text) => others.push(Want::Text(format!("{text}!"))),
        Want::Bits(bits) => {
            let mut bits = bits.clone();
            if !bits.remove("OUT") {
                bits.insert("OUT".to_owned());
            }
            others.push(Want::Bits(bits));
        }
        Want::State(state) => {
            let other = if *state == TcpState::TimeWait { TcpState::Closed } else { TcpState::TimeWait };
            others.push(Want::State(other));
        }
        Want::Eof => others.push(Want::Blocks),
        Want::Blocks => others.push(Want::Eof),
        Want::Segment(segment) => {
            others.push(Want::Nothing);
            others.extend(segment.changed().into_iter().map(Want::Segment));
        }
        // One that no stack sends: `any_of` may allow another beside nothing.
        Want::Nothing => {
            others.push(Want::Segment(SegmentWant::of(Kind::Exactly(Flags(Flags::SYN.0 | Flags::RST.0)))));
        }
        Want::Path(states) => {
            let mut states = states.clone();
            states.push(TcpState::Closed);
            others.push(Want::Path(states));
        }
        Want::Ok | Want::Address(_) => {}
    }
    others.retain(|other| !wants.contains(other));
    others
}
