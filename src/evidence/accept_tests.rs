use super::*;
use crate::jobs;
use crate::report::sample;
use sockspec_harness::case::suite::{Origin, Suite};
use sockspec_harness::host::loopback::Network;

const CASES: &[(&str, &str)] = &[
    (
        "a/wrong.yaml",
        "title: Wrong\ncovers: [X]\nmatrix:\n  family: [ipv4]\n  mode: [blocking, waiting]\nsteps:\n  - connect: client\n    to: closed port\n    mode: $mode\n    expect: {blocking: ETIMEDOUT, waiting: ECONNREFUSED}\n  - state: client\n    expect: CLOSED\n",
    ),
    (
        "a/all-wrong.yaml",
        "title: All wrong\ncovers: [X]\nsteps:\n  - connect: client\n    to: closed port\n    expect: ETIMEDOUT\n",
    ),
];

#[test]
fn a_snippet_makes_the_run_as_expected() {
    let suite = Suite::load(&Origin::Embedded(CASES), |_| true).unwrap();
    let Ok(link) = jobs::link(&Network::Machine("a test".to_owned())) else { return };
    let mut platform = link.platform().as_ref().clone();
    let trials = suite.trials(&platform).unwrap();
    let mut results =
        sample::results(trials.iter().map(|trial| jobs::result(trial, link.as_ref(), None)).collect());
    platform.version_text = "1.2.3".to_owned();
    results.platform = platform;
    let [all, some] = of_system(&results, &trials).try_into().unwrap();
    let os = results.platform.os;
    assert_eq!((all.file.as_str(), all.line, all.trials), ("a/all-wrong.yaml", 4, 1));
    assert_eq!(
        all.snippet,
        format!(
            "    os:\n      {os}: {{expect: ECONNREFUSED, why: TODO, source: \"TODO; seen on {os} 1.2.3\"}}\n"
        )
    );
    assert_eq!((some.file.as_str(), some.line, some.trials), ("a/wrong.yaml", 13, 1));
    assert!(
        some.snippet.starts_with("except:\n  - where: {mode: [blocking]}\n    os:\n"),
        "{}",
        some.snippet
    );
    assert!(some.what.ends_with("line 7"), "{}", some.what);

    results.platform.stack = "toy 1.0".to_owned();
    let [all, some] = of_stand_in(&results, &trials, None).try_into().unwrap();
    assert_eq!((all.file.as_str(), all.line), ("deviations/toy.yaml", 1));
    let text = format!("stack: toy\nabout: a toy\ndeviations:\n{}{}", all.snippet, some.snippet);
    let deviations = Deviations::read(&text).unwrap();
    for trial in &trials {
        let kind = jobs::result(trial, link.as_ref(), Some(&deviations)).verdict.kind;
        assert!(kind == Kind::Known || kind == Kind::Pass, "{}: {kind:?}", trial.id);
    }
}

#[test]
fn words_of_yaml_are_quoted() {
    for (text, yaml) in
        [("waiting", "waiting"), ("no", "\"no\""), ("send a \"b\"", "\"send a \\\"b\\\"\""), ("0", "\"0\"")]
    {
        assert_eq!(quoted(text), yaml);
    }
}
