//! Which trials are meant: filters, `--exact`, `--skip`, and whether slow ones are wanted.
//!
//! A filter is a part of an id; with `*` or `?` it is a pattern for the whole id, or for the id without its rows. A
//! filter that is exactly the name of a family means that family and nothing else.

use std::collections::BTreeSet;

use sockspec_harness::glob::glob;

/// What a trial is selected by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// A trial matches one of them; none at all lets every trial through.
    pub filters: Vec<String>,
    /// A trial matches none of these.
    pub skip: Vec<String>,
    /// Filters and skips are whole ids, or whole cases.
    pub exact: bool,
    /// What becomes of slow trials.
    pub slow: Slow,
}

/// What becomes of slow trials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Slow {
    /// They are shown and left out.
    #[default]
    LeaveOut,
    /// They run like the others: `--include-ignored`.
    Include,
    /// Nothing else runs: `--ignored`.
    Only,
}

/// What was selected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selected {
    /// Positions in the list of ids, in its order. Slow trials that are left out are among them.
    pub at: Vec<usize>,
    /// Filters and skips that matched nothing.
    pub unmatched: Vec<String>,
}

impl Selection {
    /// Selects from ids; the second value says whether the trial is slow.
    #[must_use]
    pub fn select<'a>(&self, ids: impl IntoIterator<Item = (&'a str, bool)>) -> Selected {
        let ids: Vec<_> = ids.into_iter().collect();
        let families: BTreeSet<_> = ids.iter().map(|(id, _)| family(id)).collect();
        let mut filters = self.matchers(&self.filters, &families);
        let mut skips = self.matchers(&self.skip, &families);
        let mut selected = Selected::default();
        for (at, (id, slow)) in ids.iter().enumerate() {
            // Every matcher looks at every id, so that one which never matches can be told.
            let wanted = matched(&mut filters, id) || filters.is_empty();
            let skipped = matched(&mut skips, id);
            if wanted && !skipped && (self.slow != Slow::Only || *slow) {
                selected.at.push(at);
            }
        }
        let never = filters.iter().chain(&skips).filter(|matcher| !matcher.used);
        selected.unmatched = never.map(|matcher| matcher.text.to_owned()).collect();
        selected
    }

    fn matchers<'a>(&self, texts: &'a [String], families: &BTreeSet<&str>) -> Vec<Matcher<'a>> {
        let way = |text: &str| {
            if self.exact {
                Way::Exact
            } else if text.contains(['*', '?']) {
                Way::Pattern
            } else if families.contains(text.trim_end_matches('/')) {
                Way::Family
            } else {
                Way::Part
            }
        };
        texts.iter().map(|text| Matcher { text, way: way(text), used: false }).collect()
    }
}

/// The family of an id: what stands before its first slash.
#[must_use]
pub fn family(id: &str) -> &str {
    id.split_once('/').map_or(id, |(family, _)| family)
}

/// The case of an id: the id without its rows.
#[must_use]
pub fn case(id: &str) -> &str {
    id.split_once('[').map_or(id, |(case, _)| case)
}

struct Matcher<'a> {
    text: &'a str,
    way: Way,
    used: bool,
}

enum Way {
    Exact,
    Pattern,
    Family,
    Part,
}

fn matched(matchers: &mut [Matcher<'_>], id: &str) -> bool {
    let mut any = false;
    for matcher in matchers {
        let yes = match matcher.way {
            Way::Exact => matcher.text == id || matcher.text == case(id),
            Way::Pattern => glob(matcher.text, id) || glob(matcher.text, case(id)),
            Way::Family => family(id) == matcher.text.trim_end_matches('/'),
            Way::Part => id.contains(matcher.text),
        };
        matcher.used |= yes;
        any |= yes;
    }
    any
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: [(&str, bool); 5] = [
        ("refused/closed-port[ipv4,connect]", false),
        ("refused/closed-port[ipv6,connect]", false),
        ("refused/udp", false),
        ("send/refused-peer[ipv4]", false),
        ("time-wait/lasts[ipv4]", true),
    ];

    fn select(selection: &Selection) -> Vec<usize> {
        selection.select(IDS).at
    }

    fn filters(texts: &[&str]) -> Selection {
        Selection { filters: texts.iter().map(|t| (*t).to_owned()).collect(), ..Selection::default() }
    }

    #[test]
    fn filters_are_parts_families_and_patterns() {
        assert_eq!(select(&filters(&[])), [0, 1, 2, 3, 4]);
        assert_eq!(select(&filters(&["ipv6"])), [1]);
        assert_eq!(select(&filters(&["refused"])), [0, 1, 2], "a family, not every id with the word");
        assert_eq!(select(&filters(&["refused-", "udp"])), [2, 3]);
        assert_eq!(select(&filters(&["*/closed-port"])), [0, 1]);
        assert_eq!(select(&filters(&["*[ipv4*"])), [0, 3, 4]);
        assert_eq!(select(&filters(&["refused/ud?"])), [2]);
        assert_eq!(select(&filters(&["closed-port*"])), [] as [usize; 0]);
    }

    #[test]
    fn exact_means_a_trial_or_a_case() {
        let exact = |text| Selection { exact: true, ..filters(&[text]) };
        assert_eq!(select(&exact("refused/closed-port[ipv6,connect]")), [1]);
        assert_eq!(select(&exact("refused/closed-port")), [0, 1]);
        assert_eq!(select(&exact("refused")), [] as [usize; 0]);
    }

    #[test]
    fn skips_win_and_slow_ones_can_be_asked_for() {
        let selection = Selection { skip: vec!["refused".into(), "nothing".into()], ..Selection::default() };
        assert_eq!(select(&selection), [3, 4]);
        assert_eq!(selection.select(IDS).unmatched, ["nothing"]);
        assert_eq!(select(&Selection { slow: Slow::Only, ..Selection::default() }), [4]);
    }

    #[test]
    fn stars_take_linear_time() {
        assert!(!glob(&"*a".repeat(50), &"a".repeat(49)));
        assert!(glob("a*b*c", "a-b-b-c"));
        assert!(glob("*", ""));
        assert!(!glob("?", ""));
    }
}
