//! Trials of a case that have something in common, told by the rows of its axes: `then listening, mode waiting` instead
//! of a list of ids.

use std::collections::{BTreeMap, BTreeSet};

/// The rows of a trial: what stands in the brackets of its id.
#[must_use]
pub fn of(id: &str) -> Vec<&str> {
    match id.split_once('[').and_then(|(_, rows)| rows.strip_suffix(']')) {
        Some(rows) => rows.split(',').collect(),
        None => Vec::new(),
    }
}

/// Trials that are told by one list of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The rows of the axes that matter; empty where they are all the trials that there are.
    pub label: String,
    /// Which trials.
    pub members: Vec<usize>,
}

/// Divides trials into as few parts as can be told by their rows. `all` has the rows of every trial of the case.
#[must_use]
pub fn parts(axes: &[String], all: &[Vec<&str>], members: &[usize]) -> Vec<Part> {
    let regular = members.iter().all(|at| all[*at].len() == axes.len());
    if members.len() < 2 || !regular {
        let alone = |at: &usize| Part { label: label(axes, all, &[*at]), members: vec![*at] };
        return members.iter().map(alone).collect();
    }
    if is_product(all, members) {
        return vec![Part { label: label(axes, all, members), members: members.to_vec() }];
    }
    let splits = (0..axes.len()).map(|axis| split(all, members, axis)).filter(|split| split.len() > 1);
    let rough =
        |split: &Vec<Vec<usize>>| (split.iter().filter(|part| !is_product(all, part)).count(), split.len());
    match splits.min_by_key(rough) {
        Some(split) => split.iter().flat_map(|part| parts(axes, all, part)).collect(),
        None => vec![Part { label: label(axes, all, members), members: members.to_vec() }],
    }
}

/// Divides by the rows of one axis; rows that have the same trials otherwise stay together.
fn split(all: &[Vec<&str>], members: &[usize], axis: usize) -> Vec<Vec<usize>> {
    let mut by_row: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for at in members {
        by_row.entry(all[*at][axis]).or_default().push(*at);
    }
    let rest = |at: &usize| {
        let mut rest = all[*at].clone();
        rest.remove(axis);
        rest
    };
    let mut by_rest: BTreeMap<BTreeSet<Vec<&str>>, Vec<usize>> = BTreeMap::new();
    for of_row in by_row.into_values() {
        by_rest.entry(of_row.iter().map(rest).collect()).or_default().extend(of_row);
    }
    let mut split: Vec<_> = by_rest.into_values().collect();
    split.iter_mut().for_each(|part| part.sort_unstable());
    split.sort();
    split
}

/// The rows that the trials have of each axis.
fn sets<'a>(all: &[Vec<&'a str>], members: impl Iterator<Item = usize>) -> Vec<BTreeSet<&'a str>> {
    let mut sets: Vec<BTreeSet<&str>> = Vec::new();
    for at in members {
        for (axis, row) in all[at].iter().enumerate() {
            if sets.len() <= axis {
                sets.push(BTreeSet::new());
            }
            sets[axis].insert(row);
        }
    }
    sets
}

/// Whether there is no other trial in the rows that these trials have.
fn is_product(all: &[Vec<&str>], members: &[usize]) -> bool {
    let sets = sets(all, members.iter().copied());
    let inside = |rows: &&Vec<&str>| rows.iter().zip(&sets).all(|(row, set)| set.contains(row));
    all.iter().filter(inside).count() == members.len()
}

fn label(axes: &[String], all: &[Vec<&str>], members: &[usize]) -> String {
    let (here, every) = (sets(all, members.iter().copied()), sets(all, 0..all.len()));
    let told = axes.iter().zip(here.iter().zip(&every)).filter(|(_, (here, every))| here != every);
    let told = told
        .map(|(axis, (here, _))| format!("{axis} {}", here.iter().copied().collect::<Vec<_>>().join("|")));
    told.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ids: &[&str], members: &[usize]) -> Vec<String> {
        let axes = ["family", "then"].map(str::to_owned);
        let all: Vec<_> = ids.iter().map(|id| of(id)).collect();
        parts(&axes, &all, members).into_iter().map(|part| part.label).collect()
    }

    #[test]
    fn rows_that_do_not_matter_are_not_told() {
        let ids = ["a/b[ipv4,closed]", "a/b[ipv4,listening]", "a/b[ipv6,closed]", "a/b[ipv6,listening]"];
        assert_eq!(labels(&ids, &[0, 1, 2, 3]), [""]);
        assert_eq!(labels(&ids, &[1, 3]), ["then listening"]);
        assert_eq!(labels(&ids, &[2]), ["family ipv6, then closed"]);
        assert_eq!(labels(&ids, &[0, 1, 3]), ["family ipv4", "family ipv6, then listening"]);
        assert_eq!(labels(&ids, &[0, 3]), ["family ipv4, then closed", "family ipv6, then listening"]);
    }

    #[test]
    fn rows_with_the_same_rest_stay_together() {
        let ids = ["a/b[x,1]", "a/b[x,2]", "a/b[y,1]", "a/b[y,2]", "a/b[z,1]", "a/b[z,2]"];
        assert_eq!(labels(&ids, &[0, 1, 2, 3, 4]), ["family x|y", "family z, then 1"]);
    }

    #[test]
    fn a_case_without_axes_has_one_trial() {
        assert_eq!(parts(&[], &[vec![]], &[0]), [Part { label: String::new(), members: vec![0] }]);
    }
}
