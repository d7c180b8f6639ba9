//! Golden texts: how each kind of failure looks.

use super::super::sample::{self, Files, completion, finding, look, step};
use super::*;
use crate::captures::Captures;
use crate::cli::Capture;
use crate::exit::Gate;
use sockspec_harness::outcome::{Data, Outcome, TcpState};

fn drawn(trial: &TrialResult) -> String {
    render(trial, &Context { files: &Files, command: "sockspec --target localhost", captures: None }, false)
}

/// The picture without what all of them have in common: headline, title, and the last line.
fn middle(trial: &TrialResult) -> String {
    let text = drawn(trial);
    let lines: Vec<_> = text.lines().collect();
    lines[2..lines.len() - 1].join("\n")
}

/// A trial that ended at its second step with that finding and record.
fn ended(mut what: Finding, record: StepRecord) -> TrialResult {
    let mut trial = sample::refused();
    what.step = Some(record.step);
    if record.step == 2 {
        (trial.line, trial.column) = (10, 5);
    }
    trial.record.steps = vec![step(0, 12, 19, completion(Outcome::Ok, None, None)), record];
    trial.verdict.findings = vec![what];
    trial
}

#[test]
fn wrong_error() {
    insta::assert_snapshot!(drawn(&sample::refused()), @r#"
refused/closed-port[ipv4]: fail
A connect to a port nobody listens on is refused
 --> cases/refused/closed-port.yaml:7:5
  |
7 |   - connect: client
  |     ^^^^^^^ connect client: expected ECONNREFUSED, got ETIMEDOUT
expected: ECONNREFUSED
          because a reset answers a SYN to a closed port (RFC 9293, 3.10.7.1)
observed: ETIMEDOUT (WSAETIMEDOUT 10060)
transcript:
    1     0.012 ms  bind client to any port        ok           7 µs
>   2     0.021 ms  connect client to closed port  ETIMEDOUT  1.04 s
repeat it: sockspec --target localhost --exact 'refused/closed-port[ipv4]'
"#);
}

#[test]
fn blocks() {
    let trial = ended(
        finding(None, "connect client: expected ECONNREFUSED, but it blocks", "ECONNREFUSED", "blocks"),
        step(1, 21, 5_000_021, completion(Outcome::Blocks, None, None)),
    );
    insta::assert_snapshot!(middle(&trial), @r#"
 --> cases/refused/closed-port.yaml:7:5
  |
7 |   - connect: client
  |     ^^^^^^^ connect client: expected ECONNREFUSED, but it blocks
expected: ECONNREFUSED
observed: blocks
transcript:
    1     0.012 ms  bind client to any port        ok        7 µs
>   2     0.021 ms  connect client to closed port  blocks  5.00 s
"#);
}

#[test]
fn hangs_until_the_limit() {
    let trial = ended(
        finding(None, "state client: expected CLOSED, was still SYN_SENT after 5 s", "CLOSED", "SYN_SENT"),
        StepRecord { finish: 5_000_030_000, ..look(2, 30, &[TcpState::SynSent], End::Limit) },
    );
    insta::assert_snapshot!(middle(&trial), @r#"
  --> cases/refused/closed-port.yaml:10:5
   |
10 |   - state: client
   |     ^^^^^ state client: expected CLOSED, was still SYN_SENT after 5 s
expected: CLOSED
observed: SYN_SENT
transcript:
    1     0.012 ms  bind client to any port  ok          7 µs
>   3     0.030 ms  state client             SYN_SENT  5.00 s  the limit ran out
"#);
}

#[test]
fn wrong_state_with_what_was_seen() {
    let seen = [TcpState::SynSent, TcpState::Established, TcpState::CloseWait];
    let trial = ended(
        finding(None, "state client: expected CLOSED, got CLOSE_WAIT", "CLOSED", "CLOSE_WAIT"),
        look(2, 30, &seen, End::CannotCome),
    );
    insta::assert_snapshot!(middle(&trial), @r#"
  --> cases/refused/closed-port.yaml:10:5
   |
10 |   - state: client
   |     ^^^^^ state client: expected CLOSED, got CLOSE_WAIT
expected: CLOSED
observed: CLOSE_WAIT
transcript:
    1     0.012 ms  bind client to any port  ok            7 µs
>   3     0.030 ms  state client             CLOSE_WAIT  2.0 ms  seen SYN_SENT … ESTABLISHED … CLOSE_WAIT; cannot come any more
"#);
}

#[test]
fn many_values_are_cut() {
    let seen: Vec<_> = TcpState::ALL.into_iter().collect();
    let trial =
        ended(finding(None, "path client: wrong", "CLOSED", "TIME_WAIT"), look(2, 30, &seen, End::Settled));
    let text = middle(&trial);
    assert!(text.contains("SYN_RECEIVED … (3 more) … CLOSE_WAIT"), "{text}");
}

#[test]
fn too_early_and_too_late() {
    let refused = || completion(Outcome::Error("ECONNREFUSED".into()), Some(111), None);
    let early = ended(
        finding(
            None,
            "connect client: took 16 µs, less than 1.5 s",
            "ECONNREFUSED after 1500ms..4s",
            "ECONNREFUSED after 16 µs",
        ),
        step(1, 21, 37, refused()),
    );
    insta::assert_snapshot!(middle(&early), @r#"
 --> cases/refused/closed-port.yaml:7:5
  |
7 |   - connect: client
  |     ^^^^^^^ connect client: took 16 µs, less than 1.5 s
expected: ECONNREFUSED after 1500ms..4s
observed: ECONNREFUSED (111) after 16 µs
transcript:
    1     0.012 ms  bind client to any port        ok             7 µs
>   2     0.021 ms  connect client to closed port  ECONNREFUSED  16 µs
"#);
    let late = ended(
        finding(
            None,
            "connect client: took 4.2 s, more than 4 s and 3.1 ms of lateness",
            "ECONNREFUSED after 1500ms..4s",
            "ECONNREFUSED after 4.20 s",
        ),
        step(1, 21, 4_200_021, refused()),
    );
    insta::assert_snapshot!(middle(&late), @r#"
 --> cases/refused/closed-port.yaml:7:5
  |
7 |   - connect: client
  |     ^^^^^^^ connect client: took 4.2 s, more than 4 s and 3.1 ms of lateness
expected: ECONNREFUSED after 1500ms..4s
observed: ECONNREFUSED (111) after 4.20 s
transcript:
    1     0.012 ms  bind client to any port        ok              7 µs
>   2     0.021 ms  connect client to closed port  ECONNREFUSED  4.20 s
"#);
}

#[test]
fn wrong_bits() {
    let bits = ["IN", "HUP"].map(str::to_owned).into();
    let trial = ended(
        finding(
            None,
            "ready client: expected [ERR, HUP, IN, OUT], got [HUP, IN]",
            "[ERR, HUP, IN, OUT]",
            "[HUP, IN]",
        ),
        step(1, 21, 24, completion(Outcome::Bits(bits), None, None)),
    );
    insta::assert_snapshot!(middle(&trial), @r#"
 --> cases/refused/closed-port.yaml:7:5
  |
7 |   - connect: client
  |     ^^^^^^^ ready client: expected [ERR, HUP, IN, OUT], got [HUP, IN]
expected: [ERR, HUP, IN, OUT]
observed: [HUP, IN]
transcript:
    1     0.012 ms  bind client to any port        ok         7 µs
>   2     0.021 ms  connect client to closed port  [HUP, IN]  3 µs
"#);
}

#[test]
fn wrong_data() {
    let data = Outcome::Data(Data(b"ping\n\x1b[31m\0".to_vec()));
    let observed = data.to_string();
    let text = format!("recv client: expected data \"pong\", got {observed}");
    let trial = ended(
        finding(None, &text, "data \"pong\"", &observed),
        step(1, 21, 24, completion(data, None, None)),
    );
    insta::assert_snapshot!(middle(&trial), @r#"
 --> cases/refused/closed-port.yaml:7:5
  |
7 |   - connect: client
  |     ^^^^^^^ recv client: expected data "pong", got data "ping\n\x1b[31m\x00"
expected: data "pong"
observed: data "ping\n\x1b[31m\x00"
transcript:
    1     0.012 ms  bind client to any port        ok                         7 µs
>   2     0.021 ms  connect client to closed port  data "ping\n\x1b[31m\x00"  3 µs
"#);
}

#[test]
fn a_signal_and_a_note_are_told() {
    let mut record = step(1, 21, 24, completion(Outcome::Error("EPIPE".into()), Some(32), None));
    record.completion.as_mut().unwrap().signal = Some("SIGPIPE".into());
    record.note = Some("sleep cannot be shown here; 50 ms were waited".into());
    let trial = ended(
        finding(None, "send client: expected ok, got EPIPE with SIGPIPE", "ok", "EPIPE + SIGPIPE"),
        record,
    );
    insta::assert_snapshot!(middle(&trial), @r#"
 --> cases/refused/closed-port.yaml:7:5
  |
7 |   - connect: client
  |     ^^^^^^^ send client: expected ok, got EPIPE with SIGPIPE
expected: ok
observed: EPIPE (32) + SIGPIPE
transcript:
    1     0.012 ms  bind client to any port        ok               7 µs
>   2     0.021 ms  connect client to closed port  EPIPE + SIGPIPE  3 µs  sleep cannot be shown here; 50 ms were waited
"#);
}

#[test]
fn the_harness_failed() {
    insta::assert_snapshot!(drawn(&sample::broken()), @r#"
refused/closed-port[ipv4]: broken
A connect to a port nobody listens on is refused
 --> cases/refused/closed-port.yaml:7:5
  |
7 |   - connect: client
  |     ^^^^^^^ the helper has ended
transcript:
    1     0.012 ms  bind client to any port        ok           7 µs
>   2               connect client to closed port  did not end
repeat it: sockspec --target localhost --exact 'refused/closed-port[ipv4]'
"#);
}

#[test]
fn observed() {
    let mut trial = ended(
        finding(
            None,
            "connect client: nothing is recorded for this platform, got ETIMEDOUT",
            "",
            "ETIMEDOUT",
        ),
        step(1, 21, 24, completion(Outcome::Error("ETIMEDOUT".into()), Some(110), None)),
    );
    trial.verdict.kind = Kind::Observed;
    insta::assert_snapshot!(drawn(&trial), @r#"
refused/closed-port[ipv4]: observed
A connect to a port nobody listens on is refused
 --> cases/refused/closed-port.yaml:7:5
  |
7 |   - connect: client
  |     ^^^^^^^ connect client: nothing is recorded for this platform, got ETIMEDOUT
observed: ETIMEDOUT (110)
transcript:
    1     0.012 ms  bind client to any port        ok         7 µs
    2     0.021 ms  connect client to closed port  ETIMEDOUT  3 µs
repeat it: sockspec --target localhost --exact 'refused/closed-port[ipv4]'
"#);
}

#[test]
fn skipped() {
    let mut trial = sample::trial("refused/closed-port[ipv6]", Kind::Skip);
    trial.verdict.findings = vec![finding(None, "this machine has no IPv6", "", "")];
    insta::assert_snapshot!(drawn(&trial), @r#"
refused/closed-port[ipv6]: skip
A behaviour
skipped:  this machine has no IPv6
"#);
}

#[test]
fn several_runs_that_differ() {
    let mut trial = sample::refused();
    trial.runs = 100;
    trial.also.insert("pass".into(), 97);
    let text = drawn(&trial);
    assert!(text.contains("runs:     3 of 100 ended like this\n          97: pass\n"), "{text}");
}

#[test]
fn without_the_file_the_place_is_still_told() {
    let mut trial = sample::refused();
    trial.file = "gone.yaml".into();
    assert!(middle(&trial).starts_with(" --> cases/gone.yaml:7:5\n     connect client: expected"));
}

#[test]
fn wrong_positions_and_hostile_text_do_no_harm() {
    for (line, column) in [(0, 0), (7, 0), (7, 1000), (1000, 1), (usize::MAX, usize::MAX)] {
        let mut trial = sample::refused();
        (trial.line, trial.column) = (line, column);
        trial.title = "\x1b]0;title\x07".into();
        trial.verdict.findings[0].why = Some("two\nlines\x1b[31m".into());
        let text = drawn(&trial);
        assert!(!text.contains(['\x1b', '\x07']), "{text}");
        assert!(text.contains("because two\n          lines\\u{1b}[31m"), "{text}");
    }
}

#[test]
fn over_the_wire() {
    let captures = Captures::new(std::path::Path::new("reports"), Capture::Failed, Gate::default());
    let context = Context { files: &Files, command: "sockspec", captures: Some(&captures) };
    let text = render(&sample::crossing(), &context, false);
    let transcript = text.find("transcript:").unwrap();
    let ladder = text.find("on the wire:\n  ").unwrap();
    let capture = "capture:  reports/captures/simultaneous-close__crossing-fins.ipv4.pcapng\nrepeat it:";
    let capture = text.find(&capture.replace('/', std::path::MAIN_SEPARATOR_STR)).unwrap();
    assert!(transcript < ladder && ladder < capture, "{text}");
}
