//! In which rows of a matrix something holds, said by as few axes as it depends on: `how read, both`.

use std::collections::{BTreeMap, BTreeSet};

/// The row of each axis.
pub type Axes = BTreeMap<String, String>;

/// More combinations of rows than these are counted.
const SHOWN: usize = 6;

/// A value, and where it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant<T> {
    /// The value.
    pub value: T,
    /// The rows in words; empty where it holds in all of them.
    pub rows: String,
}

/// The different values of cells, in the order in which they come. A cell without a value is passed over.
#[must_use]
pub fn variants<T: PartialEq + Clone>(cells: &[(&Axes, Option<T>)]) -> Vec<Variant<T>> {
    let axes = deciding(cells);
    let mut found: Vec<(T, BTreeSet<Vec<&str>>)> = Vec::new();
    for (cell, value) in cells {
        let Some(value) = value else { continue };
        let rows = project(cell, &axes);
        match found.iter_mut().find(|(known, _)| known == value) {
            Some((_, all)) => drop(all.insert(rows)),
            None => found.push((value.clone(), BTreeSet::from([rows]))),
        }
    }
    let all: BTreeSet<_> = cells.iter().map(|(cell, _)| project(cell, &axes)).collect();
    found.into_iter().map(|(value, rows)| Variant { value, rows: words(&axes, &rows, &all) }).collect()
}

/// The fewest axes that the value depends on.
fn deciding<'c, T: PartialEq>(cells: &[(&'c Axes, Option<T>)]) -> Vec<&'c str> {
    let names: Vec<&str> =
        cells.first().map(|(cell, _)| cell.keys().map(String::as_str).collect()).unwrap_or_default();
    // A matrix has a handful of axes.
    let mut sets: Vec<u32> = (0..1_u32 << names.len().min(16)).collect();
    sets.sort_by_key(|set| set.count_ones());
    let chosen = |set: u32| -> Vec<&str> {
        names.iter().enumerate().filter(|(at, _)| set & (1 << at) != 0).map(|(_, name)| *name).collect()
    };
    let enough = |axes: &[&str]| {
        let mut values: BTreeMap<Vec<&str>, &Option<T>> = BTreeMap::new();
        cells.iter().all(|(cell, value)| *values.entry(project(cell, axes)).or_insert(value) == value)
    };
    sets.into_iter().map(chosen).find(|axes| enough(axes)).unwrap_or(names)
}

fn project<'c>(cell: &'c Axes, axes: &[&str]) -> Vec<&'c str> {
    axes.iter().map(|axis| cell.get(*axis).map_or("", String::as_str)).collect()
}

fn words(axes: &[&str], rows: &BTreeSet<Vec<&str>>, all: &BTreeSet<Vec<&str>>) -> String {
    let each_axis = |rows: &BTreeSet<Vec<&str>>| -> Vec<BTreeSet<String>> {
        (0..axes.len()).map(|at| rows.iter().map(|row| row[at].to_owned()).collect()).collect()
    };
    let (each, every) = (each_axis(rows), each_axis(all));
    if each.iter().map(BTreeSet::len).product::<usize>() == rows.len() {
        // An axis of which every row is meant says nothing here.
        let limits = axes.iter().zip(&each).zip(&every).filter(|((_, rows), all)| rows != all);
        let word = |((axis, rows), _): ((&&str, &BTreeSet<String>), _)| {
            format!("{axis} {}", rows.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
        };
        return limits.map(word).collect::<Vec<_>>().join("; ");
    }
    let mut shown: Vec<_> = rows.iter().take(SHOWN).map(|row| row.join("+")).collect();
    if rows.len() > SHOWN {
        shown.push(format!("and {} more", rows.len() - SHOWN));
    }
    format!("{} {}", axes.join("+"), shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A matrix of `end` and `how` with a value for each cell.
    fn told(value: impl Fn(&str, &str) -> Option<u8>) -> Vec<(u8, String)> {
        let mut cells = Vec::new();
        for end in ["client", "server"] {
            for how in ["read", "write", "both"] {
                let axes: Axes =
                    [("end", end), ("how", how)].map(|(a, r)| (a.to_owned(), r.to_owned())).into();
                cells.push((axes, value(end, how)));
            }
        }
        let cells: Vec<_> = cells.iter().map(|(axes, value)| (axes, *value)).collect();
        variants(&cells).into_iter().map(|variant| (variant.value, variant.rows)).collect()
    }

    #[test]
    fn what_holds_everywhere_needs_no_rows() {
        assert_eq!(told(|_, _| Some(1)), [(1, String::new())]);
        assert_eq!(told(|_, _| None), []);
    }

    #[test]
    fn only_the_axes_that_decide_are_named() {
        let by_how = told(|_, how| Some(if how == "write" { 2 } else { 1 }));
        assert_eq!(by_how, [(1, "how both, read".to_owned()), (2, "how write".to_owned())]);
        let absent = told(|end, _| (end == "server").then_some(3));
        assert_eq!(absent, [(3, "end server".to_owned())]);
    }

    #[test]
    fn combinations_are_a_product_where_they_are_one() {
        let one = told(|end, how| Some(u8::from(end == "client" && how != "read")));
        assert_eq!(one[1], (1, "end client; how both, write".to_owned()));
        assert_eq!(one[0].1, "end+how client+read, server+both, server+read, server+write");
    }
}
