//! What two platforms, or one at two times, have not in common: trials that only one has run, and steps that came out
//! differently.

use std::collections::{BTreeMap, BTreeSet};

use sockspec_harness::judge::verdict::Kind;

use super::observed::{NOT_SEEN, Observed, ObservedCase, ObservedTrial, StepTold};
use super::rows;

/// What differs in some trials of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What is the matter.
    pub change: Change,
    /// `<family>/<case>`
    pub case: String,
    /// The rows of the trials, in words; empty where it is all of them.
    pub rows: String,
    /// One of the trials.
    pub example: String,
    /// How many trials.
    pub trials: usize,
    /// The first step that came out differently: its number and its text.
    pub step: Option<(usize, String)>,
    /// What it was in the first, and in the second.
    pub before: String,
    /// See `before`.
    pub after: String,
}

/// What is the matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// A step came out differently.
    Different,
    /// Only run in the second.
    New,
    /// Only run in the first.
    Gone,
}

impl Change {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Different => "different",
            Self::New => "new",
            Self::Gone => "gone",
        }
    }
}

/// What came of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// What differs, in the order of cases.
    pub differences: Vec<Difference>,
    /// How many trials both have run, with the same outcomes.
    pub same: usize,
}

/// Compares what was kept of two runs.
#[must_use]
pub fn compare(a: &Observed, b: &Observed) -> Comparison {
    let (a, b) = (by_case(a), by_case(b));
    let mut comparison = Comparison::default();
    for case in a.keys().chain(b.keys()).collect::<BTreeSet<_>>() {
        of_case(case, a.get(*case).copied(), b.get(*case).copied(), &mut comparison);
    }
    comparison
}

fn by_case(observed: &Observed) -> BTreeMap<&str, &ObservedCase> {
    observed.cases.iter().map(|case| (case.case.as_str(), case)).collect()
}

/// What trials are put together by.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    step: Option<(usize, String)>,
    change: Change,
    before: String,
    after: String,
}

fn of_case(name: &str, a: Option<&ObservedCase>, b: Option<&ObservedCase>, comparison: &mut Comparison) {
    let trials = |case: Option<&'_ ObservedCase>| -> BTreeMap<String, ObservedTrial> {
        case.iter().flat_map(|case| &case.trials).map(|trial| (trial.id.clone(), trial.clone())).collect()
    };
    let (of_a, of_b) = (trials(a), trials(b));
    let ids: Vec<&String> = of_a.keys().chain(of_b.keys()).collect::<BTreeSet<_>>().into_iter().collect();
    let mut groups: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
    for (at, id) in ids.iter().enumerate() {
        let side = |case: Option<&'_ ObservedCase>, trial: Option<&ObservedTrial>| Side::of(case, trial);
        match difference(side(a, of_a.get(*id)), side(b, of_b.get(*id))) {
            Compared::Same => comparison.same += 1,
            Compared::Nothing => {}
            Compared::Differs(key) => groups.entry(key).or_default().push(at),
        }
    }
    let axes = b.or(a).map(|case| case.axes.clone()).unwrap_or_default();
    let all: Vec<_> = ids.iter().map(|id| rows::of(id)).collect();
    for (key, members) in groups {
        for part in rows::parts(&axes, &all, &members) {
            let Some(first) = part.members.first() else { continue };
            comparison.differences.push(Difference {
                change: key.change,
                case: name.to_owned(),
                rows: part.label,
                example: ids[*first].clone(),
                trials: part.members.len(),
                step: key.step.clone(),
                before: key.before.clone(),
                after: key.after.clone(),
            });
        }
    }
}

/// A trial on one side.
enum Side {
    /// There is no such trial.
    Absent,
    /// It was not run.
    Skipped(String),
    /// What came out, by the number of the step, and the number of the last one that came to an end.
    Ran(BTreeMap<usize, (String, String)>, usize),
}

impl Side {
    fn of(case: Option<&ObservedCase>, trial: Option<&ObservedTrial>) -> Self {
        let (Some(case), Some(trial)) = (case, trial) else { return Self::Absent };
        // What would end a stand-in is known, and not run.
        if matches!(trial.verdict, Kind::Skip | Kind::Broken) || trial.outcomes.is_empty() {
            return Self::Skipped(format!(
                "{}: {}",
                trial.verdict.name(),
                case.reason(trial).unwrap_or("no reason is given")
            ));
        }
        let told = |told: StepTold<'_>| (told.number, (told.text.to_owned(), told.outcome.to_owned()));
        let steps: BTreeMap<_, _> = case.told(trial).map(told).collect();
        let last = steps.keys().last().copied().unwrap_or_default();
        Self::Ran(steps, last)
    }
}

enum Compared {
    Same,
    /// Neither has run it.
    Nothing,
    Differs(Key),
}

fn difference(a: Side, b: Side) -> Compared {
    let unlike = |change, step, before: &str, after: &str| {
        Compared::Differs(Key { step, change, before: before.to_owned(), after: after.to_owned() })
    };
    match (a, b) {
        (Side::Absent | Side::Skipped(_), Side::Absent | Side::Skipped(_)) => Compared::Nothing,
        (Side::Absent, Side::Ran(steps, last)) => unlike(Change::New, None, "not there", &end(&steps, last)),
        (Side::Skipped(why), Side::Ran(steps, last)) => unlike(Change::New, None, &why, &end(&steps, last)),
        (Side::Ran(steps, last), Side::Absent) => unlike(Change::Gone, None, &end(&steps, last), "not there"),
        (Side::Ran(steps, last), Side::Skipped(why)) => unlike(Change::Gone, None, &end(&steps, last), &why),
        (Side::Ran(a, last_of_a), Side::Ran(b, last_of_b)) => {
            let numbers: BTreeSet<usize> = a.keys().chain(b.keys()).copied().collect();
            for number in numbers {
                let (of_a, of_b) = (came_out(&a, last_of_a, number), came_out(&b, last_of_b, number));
                // What one of them does not show is no difference.
                if of_a != of_b && of_a != NOT_SEEN && of_b != NOT_SEEN {
                    let text = b.get(&number).or_else(|| a.get(&number)).map_or("", |(text, _)| text);
                    return unlike(Change::Different, Some((number, text.to_owned())), of_a, of_b);
                }
            }
            Compared::Same
        }
    }
}

/// What came out of a step: a step that is not told came out ok, if it stands before the last one.
fn came_out(steps: &BTreeMap<usize, (String, String)>, last: usize, number: usize) -> &str {
    match steps.get(&number) {
        Some((_, outcome)) => outcome,
        None if number < last => "ok",
        None => "not reached",
    }
}

/// How a trial ended: what came out of its last step.
fn end(steps: &BTreeMap<usize, (String, String)>, last: usize) -> String {
    match steps.get(&last) {
        Some((text, outcome)) => format!("{text}: {outcome}"),
        None => "run".to_owned(),
    }
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
