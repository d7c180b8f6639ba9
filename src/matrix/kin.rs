//! Platforms of one kind told together: the versions of a system rarely differ, and where they do that is what a reader
//! wants to see.

use std::cmp::Reverse;

use super::{Cell, Column, Known, Matrix};

/// The versions of a system that were run, or a platform of which there is one.
#[derive(Clone, Debug, PartialEq)]
pub struct Kin {
    /// What stands at the head of a column: `linux`, `wine-10.0`, `macos*`.
    pub head: String,
    /// The system, and whether it was run.
    of: (String, bool),
    /// The columns, and the version of each.
    members: Vec<(usize, String)>,
}

impl Matrix {
    /// The columns, put together by system, in the order of the first of each.
    #[must_use]
    pub fn kin(&self) -> Vec<Kin> {
        let mut all: Vec<Kin> = Vec::new();
        for (at, column) in self.columns.iter().enumerate() {
            let (system, version) = parts(column);
            let of = (system, column.run.is_some());
            let member = (at, version);
            match all.iter_mut().find(|kin| kin.of == of) {
                Some(kin) => {
                    kin.head.clone_from(&of.0);
                    kin.members.push(member);
                }
                None => all.push(Kin { head: column.short(), of, members: vec![member] }),
            }
        }
        all
    }
}

/// The system and its version, as the column's name has them.
fn parts(column: &Column) -> (String, String) {
    let own = column.name.split("-as-").next().unwrap_or_default();
    let (system, version) = own.split_once('-').unwrap_or((own, ""));
    (system.to_owned(), version.to_owned())
}

impl Kin {
    /// What came out on these platforms, out of the cells of all: what most of them did, and then which of them did
    /// something else.
    #[must_use]
    pub fn cell(&self, cells: &[Cell]) -> Cell {
        let mut groups: Vec<(&Cell, Vec<&(usize, String)>)> = Vec::new();
        for member in &self.members {
            let Some(cell) = cells.get(member.0) else { continue };
            match groups.iter_mut().find(|(other, _)| *other == cell) {
                Some((_, members)) => members.push(member),
                None => groups.push((cell, vec![member])),
            }
        }
        let says = |(cell, _): &(&Cell, _)| !matches!(cell.known, Known::Absent | Known::Skipped);
        // What could not be run says nothing beside what was.
        if groups.iter().any(says) {
            groups.retain(says);
        }
        // Of two groups of one size that of the newest version, which comes last, is the rule.
        groups.sort_by_key(|(_, members)| Reverse((members.len(), members.last().map(|(at, _)| *at))));
        let Some((rule, exceptions)) = groups.split_first() else { return Cell::absent() };
        if exceptions.is_empty() {
            return rule.0.clone();
        }
        let except = |(cell, members): &(&Cell, Vec<&(usize, String)>)| {
            let versions: Vec<_> = members.iter().map(|(_, version)| version.as_str()).collect();
            format!("; {}: {}", versions.join(", "), cell.shown())
        };
        Cell {
            text: format!("{}{}", rule.0.shown(), exceptions.iter().map(except).collect::<String>()),
            known: Known::Mixed { departs: groups.iter().any(|(cell, _)| cell.departs()) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::mark::Mark;
    use crate::matrix::Run;

    fn column(name: &str, was_run: bool) -> Column {
        let run = || Run { recorded: String::new(), repeat: String::new(), system: String::new() };
        Column { name: name.to_owned(), run: was_run.then(run) }
    }

    fn seen(text: &str, mark: Mark) -> Cell {
        Cell { text: text.to_owned(), known: Known::Seen(mark) }
    }

    #[test]
    fn versions_of_a_system_are_told_together() {
        let names = ["linux-5.10", "linux-6.1", "linux-6.18", "wine-10.0-as-windows-10.0.19043"];
        let mut columns: Vec<_> = names.iter().map(|name| column(name, true)).collect();
        columns.extend([column("windows", false), column("linux", false)]);
        let matrix = Matrix { columns, rows: Vec::new() };
        let kin = matrix.kin();
        let heads: Vec<_> = kin.iter().map(|kin| kin.head.as_str()).collect();
        assert_eq!(heads, ["linux", "wine-10.0", "windows*", "linux*"]);
        let [linux, wine, ..] = kin.as_slice() else { panic!("{kin:?}") };
        let (ok, other) = (seen("ok", Mark::Agrees), seen("EINVAL", Mark::Deviates));
        let of = |cells: [&Cell; 3]| linux.cell(&cells.map(Clone::clone)).shown();
        assert_eq!(of([&ok, &ok, &ok]), "ok");
        assert_eq!(of([&other, &ok, &ok]), "ok; 5.10: EINVAL !");
        assert_eq!(of([&ok, &Cell::absent(), &other]), "EINVAL !; 5.10: ok", "the newest is the rule");
        assert_eq!(of([&ok, &other, &seen("EPIPE", Mark::Agrees)]), "EPIPE; 6.1: EINVAL !; 5.10: ok");
        assert_eq!(wine.cell(&[ok.clone(), ok.clone(), ok, other]).shown(), "EINVAL !");
    }
}
