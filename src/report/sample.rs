//! Results for the tests of reports, made by hand.

use std::collections::{BTreeMap, BTreeSet};

use sockspec_harness::host::HostFault;
use sockspec_harness::host::call::{Action, Call, Completion, Mode};
use sockspec_harness::judge::verdict::{Finding, Kind, Verdict};
use sockspec_harness::outcome::{Outcome, TcpState};
use sockspec_harness::platform::{Os, Platform, Version};
use sockspec_harness::record::{End, Record, Sample, StepRecord};
use sockspec_harness::results::{FORMAT, Results, TrialResult};
use sockspec_harness::wire::segment::Flags;
use sockspec_harness::wire::want::SeenSegment;
use sockspec_harness::wire::{PacketRecord, Side};

use super::CaseFiles;
use crate::select;

/// The file of [`refused`].
pub(crate) const REFUSED: &str = "\
title: A connect to a port nobody listens on is refused
matrix:
  family: [ipv4, ipv6]
steps:
  - bind: client
    address: any port
  - connect: client
    to: closed port
    expect: ECONNREFUSED
  - state: client
    expect: CLOSED
";

/// Knows the file of [`refused`] alone.
pub(crate) struct Files;

impl CaseFiles for Files {
    fn text(&self, file: &str) -> Option<std::borrow::Cow<'_, str>> {
        (file == "refused/closed-port.yaml").then_some(REFUSED.into())
    }
}

/// A trial with nothing in its record.
pub(crate) fn trial(id: &str, kind: Kind) -> TrialResult {
    TrialResult {
        id: id.to_owned(),
        case: select::case(id).to_owned(),
        title: "A behaviour".to_owned(),
        axes: BTreeMap::new(),
        covers: Vec::new(),
        file: format!("{}.yaml", select::case(id)),
        line: 1,
        column: 1,
        steps: Vec::new(),
        runs: 1,
        also: BTreeMap::new(),
        real_duration: None,
        verdict: Verdict { kind, findings: Vec::new() },
        record: Record { packets: Vec::new(), duration: 1_234_567, ..Record::default() },
    }
}

/// A finding of that step.
pub(crate) fn finding(step: Option<usize>, text: &str, expected: &str, observed: &str) -> Finding {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Finding {
        step,
        text: text.to_owned(),
        expected: some(expected),
        observed: some(observed),
        why: None,
        source: None,
    }
}

/// A completion with that outcome.
pub(crate) fn completion(outcome: Outcome, code: Option<i32>, native: Option<&str>) -> Completion {
    Completion {
        outcome,
        code,
        native: native.map(str::to_owned),
        signal: None,
        begin: 0,
        end: 0,
        late: 0,
        local: None,
        peer: None,
        moved: None,
    }
}

/// A step that began and ended then, in µs.
pub(crate) fn step(step: usize, begin: u64, finish: u64, completion: Completion) -> StepRecord {
    StepRecord {
        step,
        call: None,
        outcome: Some(completion.outcome.clone()),
        completion: Some(completion),
        seen: Vec::new(),
        end: End::Done,
        note: None,
        begin: begin * 1000,
        finish: finish * 1000,
        late: 0,
    }
}

/// A look that saw those states, 1 ms apart.
pub(crate) fn look(at: usize, begin: u64, states: &[TcpState], end: End) -> StepRecord {
    let seen: Vec<_> = (0u64..)
        .zip(states)
        .map(|(i, state)| Sample { at: (begin + i * 1000) * 1000, value: Outcome::State(*state) })
        .collect();
    let finish = seen.last().map_or(begin * 1000, |sample| sample.at);
    StepRecord {
        step: at,
        call: None,
        completion: None,
        outcome: seen.last().map(|sample| sample.value.clone()),
        seen,
        end,
        note: None,
        begin: begin * 1000,
        finish,
        late: 0,
    }
}

/// A connect that got the wrong error.
pub(crate) fn refused() -> TrialResult {
    let error = Outcome::Error("ETIMEDOUT".into());
    TrialResult {
        title: "A connect to a port nobody listens on is refused".into(),
        line: 7,
        column: 5,
        steps: vec![
            "bind client to any port".into(),
            "connect client to closed port".into(),
            "state client".into(),
        ],
        verdict: Verdict {
            kind: Kind::Fail,
            findings: vec![Finding {
                why: Some("a reset answers a SYN to a closed port".into()),
                source: Some("RFC 9293, 3.10.7.1".into()),
                ..finding(
                    Some(1),
                    "connect client: expected ECONNREFUSED, got ETIMEDOUT",
                    "ECONNREFUSED",
                    "ETIMEDOUT",
                )
            }],
        },
        record: Record {
            steps: vec![
                step(0, 12, 19, completion(Outcome::Ok, None, None)),
                step(1, 21, 1_040_021, completion(error, Some(10060), Some("WSAETIMEDOUT"))),
            ],
            packets: Vec::new(),
            fault: None,
            duration: 1_040_123_456,
            behind: 0,
        },
        ..trial("refused/closed-port[ipv4]", Kind::Fail)
    }
}

/// A trial whose harness failed in its second step.
pub(crate) fn broken() -> TrialResult {
    let mut trial = refused();
    trial.verdict.kind = Kind::Broken;
    trial.verdict.findings = vec![finding(Some(1), "the helper has ended", "", "")];
    trial.record.fault = Some(HostFault::new("the helper has ended"));
    trial.record.steps.truncate(1);
    trial
}

/// A run of those trials.
pub(crate) fn results(trials: Vec<TrialResult>) -> Results {
    Results {
        format: FORMAT,
        sockspec: "0.1.0".into(),
        started: "2026-11-22T10:00:00Z".into(),
        duration: 2_310_000_000,
        real_duration: None,
        part: None,
        not_run: 0,
        platform: platform(Os::Linux, "6.18.44", "native"),
        trials,
    }
}

/// A platform.
pub(crate) fn platform(os: Os, version: &str, stack: &str) -> Platform {
    Platform {
        os,
        version: Version::parse(version).unwrap(),
        version_text: format!("{version}-test"),
        stack: stack.to_owned(),
        arch: "x86_64".into(),
        families: BTreeSet::new(),
        oracle: "sock_diag".into(),
        network: "own namespace".into(),
        offers: BTreeSet::new(),
        settings: BTreeMap::from([("net.ipv4.tcp_congestion_control".into(), "cubic".into())]),
        missing: BTreeMap::new(),
        privileges: "root".into(),
    }
}

/// A simultaneous close over the wire that ended in the wrong state.
pub(crate) fn crossing() -> TrialResult {
    let ends = ["10.1.0.1:5000", "10.2.0.1:80"].map(|text| text.parse::<std::net::SocketAddr>().unwrap());
    let call = |at: usize, socket: &str, local: usize| {
        let mut done = completion(Outcome::Ok, None, None);
        done.local = Some(ends[local]);
        let begin = at as u64 * 100;
        StepRecord {
            call: Some(Call {
                socket: socket.to_owned(),
                action: Action::Shutdown { how: 1 },
                mode: Mode::Blocking,
            }),
            ..step(at, begin, begin + 20, done)
        }
    };
    let order =
        |at: usize| step(at, at as u64 * 100, at as u64 * 100 + 5, completion(Outcome::Ok, None, None));
    let order = |at: usize| StepRecord { completion: None, ..order(at) };
    let packet = |step: usize, from: Side, flags: &str, numbers: [i64; 2], fate: &str| {
        let (source, destination) =
            if from == Side::Client { (ends[0], ends[1]) } else { (ends[1], ends[0]) };
        let flags = Flags::parse(flags).unwrap();
        let seen = SeenSegment {
            flags,
            seq: numbers[0],
            ack: Some(numbers[1]),
            length: 0,
            window: 65_535,
            options: Vec::new(),
        };
        PacketRecord {
            at: step as u64 * 100_000 + 7_000,
            from,
            source,
            destination,
            text: seen.to_string(),
            fate: fate.to_owned(),
            step,
            segment: Some(seen),
            bytes: b"E".to_vec(),
        }
    };
    TrialResult {
        title: "Crossing FINs".into(),
        steps: [
            "hold FIN",
            "shutdown client, how write",
            "shutdown server, how write",
            "release FIN",
            "state client",
            "state server",
        ]
        .map(str::to_owned)
        .to_vec(),
        verdict: Verdict {
            kind: Kind::Fail,
            findings: vec![finding(
                Some(5),
                "state server: expected CLOSING, got TIME_WAIT",
                "CLOSING",
                "TIME_WAIT",
            )],
        },
        record: Record {
            steps: vec![
                order(0),
                call(1, "client", 0),
                call(2, "server", 1),
                order(3),
                look(4, 400, &[TcpState::FinWait1, TcpState::Closing], End::Done),
                look(5, 1500, &[TcpState::TimeWait], End::Limit),
            ],
            packets: vec![
                packet(1, Side::Client, "FIN+ACK", [1, 1], "held, released in step 4"),
                packet(2, Side::Server, "FIN+ACK", [1, 1], "held, released in step 4"),
                packet(3, Side::Server, "ACK", [2, 2], "passed"),
                packet(3, Side::Client, "ACK", [2, 2], "passed"),
            ],
            fault: None,
            duration: 1_600_000,
            behind: 0,
        },
        ..trial("simultaneous-close/crossing-fins[ipv4]", Kind::Fail)
    }
}
