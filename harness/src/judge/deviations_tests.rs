use super::*;
use crate::case::suite::{Origin, Suite};
use crate::host::call::Completion;
use crate::outcome::Outcome;
use crate::platform::{Os, Platform, Version, sample};
use crate::record::{End, StepRecord};

const CASES: &[(&str, &str)] = &[(
    "refused/closed-port.yaml",
    "title: A connect to a port nobody listens on is refused
covers: [T25]
matrix:
  family: [ipv4, ipv6]
steps:
  - connect: client
    to: closed port
    expect: ECONNREFUSED
    takes: 1500ms..4s
  - getsockopt: client
    option: SO_ERROR
    expect: ok
",
)];

const WINE: &str = "stack: wine
about: a test
deviations:
  - cases: [refused/*]
    where: {family: [ipv4]}
    step: connect client, to *
    outcome: [ECONNREFUSED too soon, EADDRNOTAVAIL]
    why: it is not Windows
    since: wine 10.0
    link: https://example.org
";

#[test]
fn what_comes_and_goes_may_pass() {
    let at_times = Deviations::read(&WINE.replace("    why:", "    at_times: true\n    why:")).unwrap();
    let (trial, pass) = judged("ipv4", error("ECONNREFUSED"), 2000, Outcome::Ok);
    assert_eq!(pass.kind, Kind::Fixed, "where the entry says that it always happens");
    let verdict = Verdict { kind: Kind::Pass, findings: Vec::new() };
    let passed = at_times.apply(&trial, &Record::default(), verdict.clone());
    assert_eq!(passed, verdict, "nothing is said of what did not happen");
}

#[test]
fn what_ends_the_stand_in_is_not_run() {
    let wine = WINE.replace("    outcome: [ECONNREFUSED too soon, EADDRNOTAVAIL]\n", "    fatal: true\n");
    let wine = Deviations::read(&wine).unwrap();
    let spared: Vec<_> = trials().iter().map(|trial| wine.spare(trial)).collect();
    let [Some(verdict), None] = spared.as_slice() else { panic!("{spared:?}") };
    assert_eq!(verdict.kind, Kind::Known);
    assert_eq!(verdict.findings[0].text, "not run: `connect client, to *` would end wine itself");
    assert_eq!(verdict.findings[0].why.as_deref(), Some("it is not Windows (since wine 10.0)"));
}

fn trials() -> Vec<Trial> {
    let version = Version::parse("10.0.19043").unwrap();
    let platform = Platform { version, stack: "wine 10.0".to_owned(), ..sample(Os::Windows) };
    let suite = Suite::load(&Origin::Embedded(CASES), |_| true).unwrap();
    suite.trials(&platform).unwrap()
}

/// The trial in a family, and the verdict when its connect came out so after so long and SO_ERROR was that.
fn judged(family: &str, connect: Outcome, milliseconds: u64, error: Outcome) -> (Trial, Verdict) {
    let trial = trials().into_iter().find(|trial| trial.axes["family"] == family).unwrap();
    let outcome = |verb: &str| match verb {
        "connect" => (connect.clone(), milliseconds * 1_000_000),
        "getsockopt" => (error.clone(), 1000),
        _ => (Outcome::Ok, 1000),
    };
    let mut record = Record::default();
    for (step, of_trial) in trial.steps.iter().enumerate() {
        let (outcome, took) = outcome(of_trial.step.verb.name);
        let completion = Completion {
            outcome: outcome.clone(),
            code: None,
            native: None,
            signal: None,
            begin: 0,
            end: took,
            late: 0,
            local: None,
            peer: None,
            moved: None,
        };
        record.steps.push(StepRecord {
            step,
            call: None,
            completion: Some(completion),
            seen: Vec::new(),
            outcome: Some(outcome),
            end: End::Done,
            note: None,
            late: 0,
            begin: 0,
            finish: took,
        });
        // As a run does: the first mismatch ends the trial.
        if judge::judge(&trial, &record).kind == Kind::Fail {
            break;
        }
    }
    let verdict = judge::judge(&trial, &record);
    let verdict = Deviations::read(WINE).unwrap().apply(&trial, &record, verdict);
    (trial, verdict)
}

fn error(name: &str) -> Outcome {
    Outcome::Error(name.to_owned())
}

fn kind(family: &str, connect: &str, milliseconds: u64, error_afterwards: Outcome) -> Kind {
    judged(family, error(connect), milliseconds, error_afterwards).1.kind
}

#[test]
fn what_fails_as_an_entry_says_is_known() {
    assert_eq!(kind("ipv4", "EADDRNOTAVAIL", 1, Outcome::Ok), Kind::Known);
    let (_, verdict) = judged("ipv4", error("ECONNREFUSED"), 1, Outcome::Ok);
    assert_eq!(verdict.kind, Kind::Known, "right, and too soon");
    assert_eq!(verdict.findings[0].why.as_deref(), Some("it is not Windows (since wine 10.0)"));
    assert_eq!(verdict.findings[0].source.as_deref(), Some("https://example.org"));
}

#[test]
fn what_fails_otherwise_has_failed() {
    assert_eq!(kind("ipv4", "ETIMEDOUT", 1, Outcome::Ok), Kind::Fail, "another outcome");
    assert_eq!(kind("ipv4", "ECONNREFUSED", 9000, Outcome::Ok), Kind::Fail, "too late");
    assert_eq!(kind("ipv4", "ECONNREFUSED", 2000, error("EINVAL")), Kind::Fail, "another step");
    assert_eq!(kind("ipv6", "EADDRNOTAVAIL", 1, Outcome::Ok), Kind::Fail, "another row");
}

#[test]
fn what_does_not_fail_is_fixed() {
    let (_, verdict) = judged("ipv4", error("ECONNREFUSED"), 2000, Outcome::Ok);
    assert_eq!(verdict.kind, Kind::Fixed);
    insta::assert_snapshot!(verdict.findings[0].text, @"listed as a deviation of wine (connect client, to *: ECONNREFUSED too soon or EADDRNOTAVAIL), but it did not happen: take the entry away");
    assert_eq!(kind("ipv6", "ECONNREFUSED", 2000, Outcome::Ok), Kind::Pass, "no entry is about it");
}

#[test]
fn a_trial_that_did_not_run_is_what_it_is() {
    let (trial, _) = judged("ipv4", error("ECONNREFUSED"), 2000, Outcome::Ok);
    let applied = |verdict| Deviations::read(WINE).unwrap().apply(&trial, &Record::default(), verdict).kind;
    assert_eq!(applied(judge::skip("no reason")), Kind::Skip);
    assert_eq!(applied(Verdict { kind: Kind::Broken, findings: Vec::new() }), Kind::Broken);
}

#[test]
fn an_entry_about_nothing_is_told() {
    let unused = |text: &str| {
        let read = Deviations::read(text).unwrap();
        read.deviations.iter().filter(|entry| !trials().iter().any(|trial| entry.covers(trial))).count()
    };
    assert_eq!(unused(WINE), 0);
    assert_eq!(unused(&WINE.replace("refused/*", "resused/*")), 1);
    assert_eq!(unused(&WINE.replace("[ipv4]", "[ipv5]")), 1);
    assert_eq!(unused(&WINE.replace("family:", "familiy:")), 1);
}

#[test]
fn a_file_with_an_unknown_key_is_refused() {
    assert!(Deviations::read(&WINE.replace("    why:", "    because:")).is_err());
}
