//! Several runs of one trial as one result: the worst verdict stands, the others are counted.

use sockspec_harness::judge::verdict::Kind;
use sockspec_harness::results::TrialResult;

use crate::report::failure::reason;

/// How many different verdicts are told apart; texts with times in them would grow without end.
const APART: usize = 16;
/// What the rest is counted under.
const REST: &str = "others";

/// Adds a run to what is known of its trial.
pub(crate) fn merge(before: &mut TrialResult, mut new: TrialResult) {
    let runs = before.runs + new.runs;
    let (old_key, new_key) = (key(before), key(&new));
    if old_key != new_key {
        // Of equally bad ones the first stands.
        if new.verdict.kind > before.verdict.kind {
            let like_before = before.runs - before.also.values().sum::<u64>();
            std::mem::swap(before, &mut new);
            before.also = std::mem::take(&mut new.also);
            // The new verdict may have been counted before only as another of the same kind.
            before.also.remove(&new_key);
            count(before, old_key, like_before);
        } else {
            let runs = new.runs;
            count(before, new_key, runs);
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
            merge(&mut trial, new);
        }
        assert_eq!(trial.runs, 6);
        assert_eq!(trial.verdict.kind, Kind::Fail);
        assert_eq!(trial.verdict.findings[0].text, "late");
        let also: Vec<_> = trial.also.iter().map(|(text, n)| (text.as_str(), *n)).collect();
        assert_eq!(also, [("fail: wrong", 1), ("pass", 3)]);
    }

    #[test]
    fn texts_that_always_differ_do_not_fill_the_memory() {
        let mut trial = failing("first");
        for n in 0..1000 {
            merge(&mut trial, failing(&format!("took {n} ms")));
        }
        assert_eq!(trial.runs, 1001);
        assert_eq!(trial.also.len(), APART + 1);
        assert_eq!(trial.also.values().sum::<u64>(), 1000);
    }
}
