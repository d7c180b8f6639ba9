use super::*;
use crate::jobs;
use crate::report::sample;
use sockspec_harness::case::suite::{Origin, Suite};

const CASES: &[(&str, &str)] = &[(
    "a/one-of-two.yaml",
    "title: Either\ncovers: [X]\nsteps:\n  - bind: client\n    address: any port\n  - getsockname: client\n    \
     expect: any port\n  - connect: client\n    to: closed port\n    expect: {any_of: [ECONNREFUSED, ETIMEDOUT]}\n  - \
     state: client\n    expect: CLOSED\n    takes: ..10s\n",
)];

/// Runs the case on this machine, twice.
fn runs() -> Option<(Vec<Trial>, [Results; 2])> {
    let suite = Suite::load(&Origin::Embedded(CASES), |_| true).unwrap();
    let network = sockspec_harness::host::loopback::Network::Machine("a test".to_owned());
    let link = jobs::link(&network).ok()?;
    let trials = suite.trials(link.platform()).unwrap();
    let run = || {
        let results = trials.iter().map(|trial| jobs::result(trial, link.as_ref(), None)).collect();
        sample::results(results)
    };
    let runs = [run(), run()];
    Some((trials, runs))
}

#[test]
fn two_runs_leave_the_same() {
    let Some((trials, [a, b])) = runs() else { return };
    assert_ne!(a.trials, b.trials, "ports and times differ");
    let kept = distil(&a, &trials, "here", "again");
    assert_eq!(kept, distil(&b, &trials, "here", "again"));
    let outcomes: Vec<_> =
        kept.cases[0].trials[0].outcomes.iter().map(|told| told.outcome.as_str()).collect();
    assert_eq!(outcomes, ["any port", "ECONNREFUSED", "CLOSED"]);
    assert_eq!(kept.cases[0].steps[1], "4 connect client, to closed port");
    assert!(foreign(&a, &trials).is_empty());
    assert_eq!(strip(&a, &trials), strip(&b, &trials));
}

#[test]
fn a_run_of_other_cases_is_taken_at_its_word() {
    let results = sample::results(vec![sample::refused()]);
    assert_eq!(foreign(&results, &[]), [results.trials[0].id.as_str()]);
    let kept = distil(&results, &[], "a", "again");
    let told: Vec<_> = kept.cases[0].told(&kept.cases[0].trials[0]).collect();
    assert_eq!(told.last().map(|told| told.outcome), Some("ETIMEDOUT"));
}
