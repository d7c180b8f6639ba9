//! What holds for any text and any record: nothing panics, every place lies within its file, every cell has its id.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use proptest::prelude::*;
use sockspec_harness::case::diagnostic::Diagnostics;
use sockspec_harness::case::source::Source;
use sockspec_harness::case::suite::{Origin, Suite};
use sockspec_harness::case::trial::Trial;
use sockspec_harness::case::{expand, model};
use sockspec_harness::host::loopback::Network;
use sockspec_harness::judge;
use sockspec_harness::judge::verdict::Kind;
use sockspec_harness::outcome::{Outcome, TcpState};
use sockspec_harness::platform::{Platform, probe};
use sockspec_harness::record::{End, Record, StepRecord};

fn platform() -> &'static Platform {
    static PLATFORM: OnceLock<Platform> = OnceLock::new();
    PLATFORM.get_or_init(|| {
        probe::probe(&Network::Machine("a test".to_owned())).expect("this machine has a platform")
    })
}

fn suite() -> &'static Suite {
    static SUITE: OnceLock<Suite> = OnceLock::new();
    SUITE.get_or_init(|| {
        let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../cases"));
        Suite::load(&Origin::Folder(folder), |_| true).expect("the cases are right")
    })
}

/// Reads and checks a text, and sees that everything it says is about a place in it.
fn read(text: &str) -> usize {
    let source = Arc::new(Source { path: "family/case.yaml".to_owned(), text: text.to_owned() });
    let mut diagnostics = Diagnostics::new(Arc::clone(&source));
    if let Some(case) = model::read_case(&source, &mut diagnostics) {
        expand::check(&Arc::new(case), suite(), &mut diagnostics);
    }
    let found = diagnostics.finish();
    for diagnostic in &found {
        assert!(
            diagnostic.span.start <= diagnostic.span.end && diagnostic.span.end <= text.len(),
            "{diagnostic:?}"
        );
        assert!(!diagnostic.render(false).is_empty());
    }
    found.len()
}

fn trials() -> &'static Vec<Trial> {
    static TRIALS: OnceLock<Vec<Trial>> = OnceLock::new();
    TRIALS.get_or_init(|| suite().trials(platform()).expect("the cases are right"))
}

#[test]
fn ids_are_unique_and_safe_and_know_their_file() {
    let mut ids = BTreeSet::new();
    for trial in trials() {
        assert!(ids.insert(&trial.id), "{} twice", trial.id);
        let safe = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-/[],".contains(c);
        assert!(trial.id.chars().all(safe), "{}", trial.id);
        let case = trial.id.split('[').next().unwrap_or_default();
        assert_eq!(trial.case.source.path, format!("{case}.yaml"));
    }
    assert!(ids.len() > 1000, "only {} trials", ids.len());
}

fn outcome() -> impl Strategy<Value = Option<Outcome>> {
    prop_oneof![
        Just(None),
        Just(Some(Outcome::Ok)),
        Just(Some(Outcome::Eof)),
        Just(Some(Outcome::Blocks)),
        Just(Some(Outcome::Error("ECONNRESET".to_owned()))),
        any::<u64>().prop_map(|n| Some(Outcome::Bytes(n))),
        (0_usize..11).prop_map(|n| Some(Outcome::State(TcpState::ALL[n]))),
    ]
}

fn step() -> impl Strategy<Value = StepRecord> {
    let end = prop_oneof![Just(End::Done), Just(End::Limit), Just(End::CannotCome), Just(End::Asleep)];
    (0_usize..12, outcome(), end, any::<u32>(), any::<u32>(), any::<u32>()).prop_map(
        |(step, outcome, end, begin, length, late)| StepRecord {
            step,
            call: None,
            completion: None,
            seen: Vec::new(),
            outcome,
            end,
            note: None,
            late: u64::from(late),
            begin: u64::from(begin),
            finish: u64::from(begin) + u64::from(length),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_without_a_panic(text in "\\PC{0,200}") {
        read(&text);
    }

    #[test]
    fn any_yaml_like_text_is_read_without_a_panic(text in "([a-z$]{1,8}: ?[\\[\\]{}&*!|>'\"#,a-z0-9$ -]{0,12}\n){0,12}") {
        read(&text);
    }

    /// A real case with some characters changed is either right or told to be wrong.
    #[test]
    fn a_damaged_case_is_read_without_a_panic(
        case in 0_usize..1_000_000,
        edits in prop::collection::vec((0_usize..1_000_000, "[a-z:\\[\\]{}$ \n-]{0,3}"), 1..4),
    ) {
        let case = &suite().cases[case % suite().cases.len()];
        let mut characters: Vec<char> = case.source.text.chars().collect();
        for (at, text) in edits {
            let at = at % (characters.len() + 1);
            let end = (at + 1).min(characters.len());
            characters.splice(at..end, text.chars());
        }
        read(&characters.into_iter().collect::<String>());
    }

    /// Any record can be judged. A failure ends with the step that failed; a pass has nothing to say.
    #[test]
    fn any_record_is_judged(trial in 0_usize..1_000_000, steps in prop::collection::vec(step(), 0..8)) {
        let trial = &trials()[trial % trials().len()];
        let steps: Vec<_> = steps.into_iter().filter(|step| step.step < trial.steps.len()).collect();
        let count = steps.len();
        let record = Record { steps, ..Record::default() };
        let verdict = judge::judge(trial, &record);
        match verdict.kind {
            Kind::Fail => prop_assert_eq!(verdict.findings.len(), 1),
            Kind::Pass => prop_assert!(verdict.findings.is_empty()),
            _ => prop_assert!(verdict.findings.len() <= count),
        }
        let again = serde_json::to_string(&record).expect("a record is JSON");
        let again: Record = serde_json::from_str(&again).expect("and is read again");
        prop_assert_eq!(judge::judge(trial, &again), verdict);
    }
}
