use super::*;
use crate::evidence::distil::distil;
use crate::report::sample;
use sockspec_harness::outcome::Outcome;
use sockspec_harness::results::TrialResult;

fn kept(trials: Vec<TrialResult>) -> Observed {
    distil(&sample::results(trials), &[], "a", "again")
}

/// The refused connect with another outcome of its second step, in that row.
fn refused(row: &str, outcome: &str) -> TrialResult {
    let mut trial = sample::refused();
    trial.id = format!("refused/closed-port[{row}]");
    trial.axes = [("family".to_owned(), row.to_owned())].into();
    trial.record.steps[1].outcome = Some(Outcome::Error(outcome.to_owned()));
    trial
}

#[test]
fn nothing_differs_from_itself() {
    let one = kept(vec![refused("ipv4", "ECONNREFUSED"), refused("ipv6", "ETIMEDOUT")]);
    assert_eq!(compare(&one, &one), Comparison { differences: Vec::new(), same: 2 });
}

#[test]
fn a_changed_outcome_is_told_once_for_all_rows() {
    let a = kept(vec![refused("ipv4", "ECONNREFUSED"), refused("ipv6", "ECONNREFUSED")]);
    let b = kept(vec![refused("ipv4", "ETIMEDOUT"), refused("ipv6", "ETIMEDOUT")]);
    let comparison = compare(&a, &b);
    let [one] = comparison.differences.as_slice() else { panic!("{comparison:?}") };
    assert_eq!((one.change, one.trials, one.rows.as_str()), (Change::Different, 2, ""));
    assert_eq!((one.before.as_str(), one.after.as_str()), ("ECONNREFUSED", "ETIMEDOUT"));
    assert_eq!(one.step.as_ref().map(|(number, _)| *number), Some(2));

    let b = kept(vec![refused("ipv4", "ECONNREFUSED"), refused("ipv6", "ETIMEDOUT")]);
    let comparison = compare(&a, &b);
    assert_eq!(comparison.differences[0].rows, "family ipv6");
    assert_eq!(comparison.same, 1);
}

#[test]
fn what_was_not_run_is_new_or_gone() {
    let run = kept(vec![refused("ipv4", "ECONNREFUSED")]);
    let mut skipped = sample::trial("refused/closed-port[ipv4]", Kind::Skip);
    skipped.verdict.findings = vec![sample::finding(None, "needs ipv4", "", "")];
    let skipped = kept(vec![skipped]);
    let comparison = compare(&skipped, &run);
    assert_eq!(comparison.differences[0].change, Change::New);
    assert_eq!(comparison.differences[0].before, "skip: needs ipv4");
    let comparison = compare(&run, &kept(Vec::new()));
    assert_eq!(comparison.differences[0].change, Change::Gone);
    assert_eq!(comparison.differences[0].after, "not there");
    assert_eq!(compare(&skipped, &kept(Vec::new())), Comparison::default(), "neither has run it");
}

#[test]
fn a_step_that_is_not_told_came_out_ok() {
    let a = kept(vec![refused("ipv4", "ECONNREFUSED")]);
    let mut ok = refused("ipv4", "ECONNREFUSED");
    ok.record.steps[1].outcome = Some(Outcome::Ok);
    let b = kept(vec![ok]);
    let one = &compare(&b, &a).differences[0];
    assert_eq!((one.before.as_str(), one.after.as_str()), ("ok", "ECONNREFUSED"));
}
