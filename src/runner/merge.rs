//! Several runs of one trial as one result: the worst verdict stands, the others are counted.

use sockspec_harness::judge::verdict::Kind;
use sockspec_harness::results::TrialResult;

use crate::exit::Gate;
use crate::report::failure::reason;

/// How many different verdicts are told apart; texts with times in them would grow without end.
const APART: usize = 16;
/// What the rest is counted under.
const REST: &str = "others";

/// Adds runs to what is known of their trial.
pub(crate) fn merge(before: &mut TrialResult, mut new: TrialResult, gate: Gate) {
    let runs = before.runs + new.runs;
    let rank = |trial: &TrialResult| (gate.weight(trial.verdict.kind), trial.verdict.kind);
    // Of equally bad ones the first stands.
    if rank(&new) > rank(before) {
        std::mem::swap(before, &mut new);
    }
    let stands = key(before);
    let own = new.runs - new.also.values().sum::<u64>();
    for (key, runs) in std::iter::once((key(&new), own)).chain(std::mem::take(&mut new.also)) {
        if key != stands {
            count(before, key, runs);
        }
    }
    before.runs = runs;
}

fn count(trial: &mut TrialResult, key: String, runs: u64) {
    let key = if trial.also.len() < APART || trial.also.contains_key(&key) { key } else { REST.to_owned() };
    *trial.also.entry(key).or_default() += runs;
}

/// Kind and text of a verdict; the kind alone where all is as recorded, since the text then only differs by ports and times.
fn key(trial: &TrialResult) -> String {
    let kind = trial.verdict.kind;
    match kind {
        Kind::Pass | Kind::Deviates | Kind::Known | Kind::Skip => kind.name().to_owned(),
        _ => format!("{}: {}", kind.name(), reason(trial)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn failing(text: &str) -> TrialResult {
        let mut trial = sample::trial("a/b", Kind::Fail);
        trial.verdict.findings = vec![sample::finding(None, text, "", "")];
        trial
    }

    #[test]
    fn the_worst_verdict_stands_and_all_runs_are_counted() {
        let mut trial = sample::trial("a/b", Kind::Pass);
        for new in [
            sample::trial("a/b", Kind::Pass),
            failing("late"),
            sample::trial("a/b", Kind::Pass),
            failing("late"),
            failing("wrong"),
        ] {
            merge(&mut trial, new, Gate::default());
        }
        assert_eq!(trial.runs, 6);
        assert_eq!(trial.verdict.kind, Kind::Fail);
        assert_eq!(trial.verdict.findings[0].text, "late");
        let also: Vec<_> = trial.also.iter().map(|(text, n)| (text.as_str(), *n)).collect();
        assert_eq!(also, [("fail: wrong", 1), ("pass", 3)]);
    }

    #[test]
    fn what_the_user_forbids_stands() {
        let stands = |gate, kinds: [Kind; 2]| {
            let [mut first, second] = kinds.map(|kind| sample::trial("a/b", kind));
            merge(&mut first, second, gate);
            first.verdict.kind
        };
        let strict = Gate { strict: true, ..Gate::default() };
        assert_eq!(stands(strict, [Kind::Deviates, Kind::Skip]), Kind::Deviates);
        assert_eq!(stands(Gate::default(), [Kind::Deviates, Kind::Skip]), Kind::Skip);
        let denied = Gate { deny_observed: true, ..Gate::default() };
        assert_eq!(stands(denied, [Kind::Skip, Kind::Observed]), Kind::Observed);
        assert_eq!(stands(Gate::default(), [Kind::Broken, Kind::Fail]), Kind::Fail, "1 wins over 3");
    }

    #[test]
    fn runs_that_were_merged_before_are_merged_again() {
        let several = |texts: &[&str]| {
            let mut trial = sample::trial("a/b", Kind::Pass);
            for text in texts {
                merge(&mut trial, failing(text), Gate::default());
            }
            trial
        };
        for (one, other) in [(&["late", "wrong"][..], &["wrong"][..]), (&[], &["late", "wrong", "wrong"])] {
            let mut trial = several(one);
            merge(&mut trial, several(other), Gate::default());
            let also: Vec<_> = trial.also.iter().map(|(text, n)| (text.as_str(), *n)).collect();
            assert_eq!(trial.verdict.findings[0].text, "late");
            assert_eq!((trial.runs, also), (5, vec![("fail: wrong", 2), ("pass", 2)]));
        }
    }

    #[test]
    fn texts_that_always_differ_do_not_fill_the_memory() {
        let mut trial = failing("first");
        for n in 0..1000 {
            merge(&mut trial, failing(&format!("took {n} ms")), Gate::default());
        }
        assert_eq!(trial.runs, 1001);
        assert_eq!(trial.also.len(), APART + 1);
        assert_eq!(trial.also.values().sum::<u64>(), 1000);
    }
}
