//! One recording from several runs of one platform: what came out either way is told as `CLOSED or LISTEN`.

use std::collections::{BTreeMap, BTreeSet};

use super::mark::Mark;
use super::observed::{Observed, ObservedCase, ObservedTrial, Told};

/// What is common to all, and where they differ, what there was. The date is that of the first. None of none.
#[must_use]
pub fn merge(runs: &[Observed]) -> Option<Observed> {
    let (first, rest) = runs.split_first()?;
    let mut merged = first.clone();
    if rest.is_empty() {
        return Some(merged);
    }
    for case in &mut merged.cases {
        let others: Vec<_> =
            rest.iter().filter_map(|run| run.cases.iter().find(|other| other.case == case.case)).collect();
        let ids: Vec<_> = case.trials.iter().map(|trial| trial.id.clone()).collect();
        for (at, id) in ids.iter().enumerate() {
            let find = |other: &&'_ ObservedCase| other.trials.iter().find(|trial| trial.id == *id).cloned();
            let of_others: Vec<_> = others.iter().filter_map(|other| Some((*other, find(other)?))).collect();
            of_trial(case, at, &of_others);
        }
    }
    Some(merged)
}

/// What came out of a step, by its number: its text, outcomes, and the worst that is said of them.
type Steps = BTreeMap<usize, (String, BTreeSet<String>, Mark)>;

fn of_trial(case: &mut ObservedCase, at: usize, others: &[(&ObservedCase, ObservedTrial)]) {
    let mine = steps(case, &case.trials[at]);
    let all: Vec<Steps> =
        others.iter().map(|(case, trial)| steps(case, trial)).chain([mine.clone()]).collect();
    if all.iter().all(|steps| *steps == mine) {
        return;
    }
    // Behind a step that not all have reached nothing is common to them.
    let last = all.iter().filter_map(|steps| steps.keys().last()).min().copied().unwrap_or_default();
    let mut told = Vec::new();
    for number in 1..=last {
        let mut text = None;
        let (mut outcomes, mut mark) = (BTreeSet::new(), Mark::Agrees);
        for steps in &all {
            match steps.get(&number) {
                Some((step, outcome, said)) => {
                    text = Some(step.clone());
                    outcomes.extend(outcome.iter().cloned());
                    mark = mark.max(*said);
                }
                None => {
                    outcomes.insert("ok".to_owned());
                }
            }
        }
        let Some(text) = text else { continue };
        let outcome = outcomes.into_iter().collect::<Vec<_>>().join(" or ");
        told.push(Told { step: step_at(case, &format!("{number} {text}")), outcome, mark });
    }
    let worst = others.iter().map(|(_, trial)| trial.verdict).max();
    let trial = &mut case.trials[at];
    trial.verdict = worst.map_or(trial.verdict, |worst| worst.max(trial.verdict));
    trial.outcomes = told;
}

fn steps(case: &ObservedCase, trial: &ObservedTrial) -> Steps {
    let told = case.told(trial);
    told.map(|told| (told.number, (told.text.to_owned(), [told.outcome.to_owned()].into(), told.mark)))
        .collect()
}

fn step_at(case: &mut ObservedCase, step: &str) -> usize {
    case.steps.iter().position(|known| known == step).unwrap_or_else(|| {
        case.steps.push(step.to_owned());
        case.steps.len() - 1
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::distil::distil;
    use crate::report::sample;
    use sockspec_harness::outcome::Outcome;

    #[test]
    fn what_came_out_either_way_is_told() {
        let run = |outcome: &str| {
            let mut trial = sample::refused();
            trial.record.steps[1].outcome = Some(Outcome::Error(outcome.to_owned()));
            distil(&sample::results(vec![trial]), &[], "a", "again")
        };
        let one = run("ECONNREFUSED");
        assert_eq!(merge(&[one.clone(), one.clone()]), Some(one.clone()));
        let merged = merge(&[one, run("ETIMEDOUT"), run("ECONNREFUSED")]).unwrap();
        let told: Vec<_> = merged.cases[0].told(&merged.cases[0].trials[0]).collect();
        assert_eq!(told.last().unwrap().outcome, "ECONNREFUSED or ETIMEDOUT");
        assert_eq!(merge(&[]), None);
    }
}
