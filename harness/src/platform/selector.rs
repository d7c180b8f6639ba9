//! Selectors: the keys of `os:` maps, which say for which platforms an entry holds.
//!
//! ```text
//! linux
//! macos, freebsd < 14
//! linux >= 5.4 < 6.5
//! freebsd >= 14 with net.inet.tcp.nolocaltimewait = 1 and kern.ipc.somaxconn = 128
//! ```
//!
//! A selector is the set of platforms that it matches, so that the checker can ask which of two is the narrower and
//! whether one is shadowed. Versions are dense: between two of them there is always another one, and `linux = 6.5` does
//! not match 6.5.1. Reading the text is in `selector/parse.rs`, what is here is the set.

mod parse;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use super::{Os, Platform, Version};

/// A set of platforms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// Never empty.
    items: Vec<Item>,
}

/// Why a text is no selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SelectorError {
    /// What is wrong.
    pub message: String,
    /// Where in the text, in bytes.
    pub range: Range<usize>,
    /// A known word that was probably meant.
    pub suggestion: Option<&'static str>,
}

/// One item of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Item {
    os: Os,
    versions: Versions,
    /// Settings with the values that they must have, white space reduced to single spaces.
    with: BTreeMap<String, String>,
}

/// A range of versions. Without a lower bound it begins with version 0, which is the lowest that there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Versions {
    low: Option<Bound>,
    high: Option<Bound>,
}

/// An end of a range.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Bound {
    version: Version,
    inclusive: bool,
}

impl Selector {
    /// Reads a selector.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        parse::selector(text)
    }

    /// Whether this is one of the platforms. A setting that cannot be read there has no value, so it does not match.
    #[must_use]
    pub fn matches(&self, platform: &Platform) -> bool {
        self.items.iter().any(|item| item.matches(platform))
    }

    /// Whether `other` lies wholly inside: every platform that it matches is matched by this one too.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        other.covered_by(&[self])
    }

    /// Whether there can be a platform that both match.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.items.iter().any(|mine| other.items.iter().any(|theirs| mine.overlaps(theirs)))
    }

    /// Whether every platform that this one matches is matched by one of the others: then it is never reached behind
    /// them.
    #[must_use]
    pub fn covered_by(&self, others: &[&Self]) -> bool {
        self.items.iter().all(|item| item.covered_by(others.iter().flat_map(|other| &other.items)))
    }

    /// The systems that it names, without repetition.
    pub fn systems(&self) -> impl Iterator<Item = Os> {
        Os::ALL.into_iter().filter(|os| self.items.iter().any(|item| item.os == *os))
    }
}

impl Item {
    fn matches(&self, platform: &Platform) -> bool {
        self.os == platform.os
            && self.versions.contain(&platform.version)
            && self.with.iter().all(|(setting, value)| {
                platform.settings.get(setting).is_some_and(|found| single_spaces(found) == *value)
            })
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.os == other.os
            && self.versions.overlap(&other.versions)
            && self.with.iter().all(|(setting, value)| other.with.get(setting).is_none_or(|it| it == value))
    }

    /// An item that asks for a setting that this one leaves open cannot help to cover it: among the platforms that this
    /// one matches are those where the setting is absent.
    fn covered_by<'a>(&self, others: impl Iterator<Item = &'a Self>) -> bool {
        let helpful = others.filter(|other| {
            other.os == self.os
                && other.with.iter().all(|(setting, value)| self.with.get(setting) == Some(value))
        });
        self.versions.covered_by(helpful.map(|other| &other.versions).collect())
    }
}

impl Versions {
    fn contain(&self, version: &Version) -> bool {
        self.low.as_ref().is_none_or(|low| *version > low.version || low.inclusive && *version == low.version)
            && self
                .high
                .as_ref()
                .is_none_or(|high| *version < high.version || high.inclusive && *version == high.version)
    }

    fn is_empty(&self) -> bool {
        let begin = self.begin();
        self.high.as_ref().is_some_and(|high| {
            begin.version > high.version
                || begin.version == high.version && !(begin.inclusive && high.inclusive)
        })
    }

    fn overlap(&self, other: &Self) -> bool {
        let low = if self.begin().key() >= other.begin().key() { self.begin() } else { other.begin() };
        let high = match (&self.high, &other.high) {
            (Some(a), Some(b)) => {
                Some(if (&a.version, a.inclusive) <= (&b.version, b.inclusive) { a } else { b })
            }
            (a, b) => a.as_ref().or(b.as_ref()),
        };
        !Self { low: Some(low), high: high.cloned() }.is_empty()
    }

    /// Sweeps from the lower end to the upper one and keeps what is not covered yet.
    fn covered_by(&self, mut others: Vec<&Self>) -> bool {
        others.sort_by_key(|other| other.begin().key());
        let mut rest = self.clone();
        for other in others {
            if rest.is_empty() {
                break;
            }
            if other.begin().key() > rest.begin().key() {
                return false; // the others begin even later
            }
            let Some(end) = &other.high else { return true };
            let next = Bound { version: end.version.clone(), inclusive: !end.inclusive };
            if next.key() > rest.begin().key() {
                rest.low = Some(next);
            }
        }
        rest.is_empty()
    }

    fn begin(&self) -> Bound {
        self.low.clone().unwrap_or(Bound { version: Version::default(), inclusive: true })
    }
}

impl Bound {
    /// Lower bounds in the order of where they begin: the inclusive one before the exclusive one.
    fn key(&self) -> (Version, bool) {
        (self.version.clone(), !self.inclusive)
    }
}

/// Values of settings are compared without regard to how their parts are separated: sysctls use tabs.
fn single_spaces(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The canonical form: one space between words, lower bound first.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, item) in self.items.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { ", " })?;
            write!(f, "{item}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.os, self.versions)?;
        for (i, (setting, value)) in self.with.iter().enumerate() {
            write!(f, " {} {setting} = {value}", if i == 0 { "with" } else { "and" })?;
        }
        Ok(())
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(low), Some(high)) = (&self.low, &self.high)
            && low.version == high.version
        {
            return write!(f, " = {}", low.version);
        }
        if let Some(low) = &self.low {
            write!(f, " {} {}", if low.inclusive { ">=" } else { ">" }, low.version)?;
        }
        if let Some(high) = &self.high {
            write!(f, " {} {}", if high.inclusive { "<=" } else { "<" }, high.version)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {

    use proptest::prelude::*;

    use super::*;

    fn selector(text: &str) -> Selector {
        Selector::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn platform(os: Os, version: &str, settings: &[(&str, &str)]) -> Platform {
        Platform {
            version: Version::parse(version).unwrap(),
            settings: settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            ..crate::platform::sample(os)
        }
    }

    #[test]
    fn selectors_match_what_they_say() {
        let linux = platform(Os::Linux, "6.4.9", &[]);
        assert!(selector("linux").matches(&linux));
        assert!(selector("linux < 6.5").matches(&linux));
        assert!(selector("macos, linux >= 5.4 < 6.5").matches(&linux));
        assert!(!selector("linux >= 6.5").matches(&linux));
        assert!(!selector("linux = 6.4").matches(&linux));
        assert!(!selector("macos, freebsd").matches(&linux));
        let old = platform(Os::Windows, "10.0.17763", &[]);
        assert!(!selector("windows >= 10.0.19041").matches(&old));
    }

    #[test]
    fn an_absent_setting_does_not_match() {
        let with = selector("freebsd >= 14 with net.inet.tcp.nolocaltimewait = 1");
        assert!(with.matches(&platform(Os::Freebsd, "14.1", &[("net.inet.tcp.nolocaltimewait", "1")])));
        assert!(!with.matches(&platform(Os::Freebsd, "14.1", &[("net.inet.tcp.nolocaltimewait", "0")])));
        assert!(!with.matches(&platform(Os::Freebsd, "14.1", &[])));
        let range = selector("linux with net.ipv4.ip_local_port_range = 32768 60999");
        assert!(range.matches(&platform(
            Os::Linux,
            "6",
            &[("net.ipv4.ip_local_port_range", "32768\t60999")]
        )));
    }

    #[test]
    fn the_narrower_is_known() {
        assert!(selector("linux").contains(&selector("linux < 6.5")));
        assert!(!selector("linux < 6.5").contains(&selector("linux")));
        assert!(selector("linux <= 6.5").contains(&selector("linux < 6.5")));
        assert!(!selector("linux < 6.5").contains(&selector("linux <= 6.5")));
        assert!(selector("freebsd").contains(&selector("freebsd with a = 1")));
        assert!(!selector("freebsd with a = 1").contains(&selector("freebsd")));
        assert!(selector("freebsd with a = 1").contains(&selector("freebsd with b = 2 and a = 1")));
        assert!(selector("linux >= 0").contains(&selector("linux")));
    }

    #[test]
    fn touching_ranges_do_not_overlap() {
        assert!(!selector("linux < 6.5").overlaps(&selector("linux >= 6.5")));
        assert!(selector("linux <= 6.5").overlaps(&selector("linux >= 6.5.0")));
        assert!(!selector("linux with a = 1").overlaps(&selector("linux with a = 2")));
        assert!(selector("linux with a = 1").overlaps(&selector("linux with b = 2")));
        assert!(!selector("linux > 6.5").overlaps(&selector("linux = 6.5")));
    }

    #[test]
    fn parts_cover_the_whole() {
        let (below, above) = (selector("linux < 6.5"), selector("linux >= 6.5, macos"));
        assert!(selector("linux").covered_by(&[&above, &below]));
        assert!(!selector("linux, freebsd").covered_by(&[&above, &below]));
        assert!(!selector("linux").covered_by(&[&below, &selector("linux > 6.5")]));
        assert!(selector("linux").covered_by(&[&below, &selector("linux > 6.5"), &selector("linux = 6.5")]));
        assert!(!selector("linux").covered_by(&[]));
    }

    #[test]
    fn the_canonical_form_is_tidy() {
        for (text, canonical) in [
            ("linux", "linux"),
            ("  macos ,freebsd<14", "macos, freebsd < 14"),
            ("linux <6.5 >=5.4", "linux >= 5.4 < 6.5"),
            ("linux = 6.5", "linux = 6.5"),
            ("linux >= 6.5 <= 6.5", "linux = 6.5"),
            ("freebsd with b=2  and a = x   y", "freebsd with a = x y and b = 2"),
        ] {
            assert_eq!(selector(text).to_string(), canonical);
            assert_eq!(selector(canonical).to_string(), canonical);
        }
    }

    /// Versions from a small pool, so that equal bounds are common; the platforms lie on them and between them.
    const VERSIONS: [&str; 7] = ["0", "1", "1.0.1", "2", "2.5", "3", "4"];

    fn any_item() -> impl Strategy<Value = String> {
        let bound = || prop::option::of((any::<bool>(), 0..VERSIONS.len()));
        let setting = || prop::option::of(0..2u8);
        (0..2usize, bound(), bound(), setting(), setting()).prop_map(|(os, low, high, a, b)| {
            let mut text = Os::ALL[os].name().to_owned();
            if let Some((inclusive, at)) = low {
                text += &format!(" {} {}", if inclusive { ">=" } else { ">" }, VERSIONS[at]);
            }
            if let Some((inclusive, at)) = high {
                text += &format!(" {} {}", if inclusive { "<=" } else { "<" }, VERSIONS[at]);
            }
            let with: Vec<String> = [("a", a), ("b", b)]
                .into_iter()
                .filter_map(|(name, value)| value.map(|value| format!("{name} = {value}")))
                .collect();
            if with.is_empty() { text } else { format!("{text} with {}", with.join(" and ")) }
        })
    }

    fn any_selector() -> impl Strategy<Value = Selector> {
        prop::collection::vec(any_item(), 1..4)
            .prop_filter_map("an empty range", |items| Selector::parse(&items.join(", ")).ok())
    }

    /// Every platform that the selectors above can tell apart.
    fn platforms() -> Vec<Platform> {
        let between =
            ["0", "0.5", "1", "1.0.0.7", "1.0.1", "1.5", "2", "2.1", "2.5", "2.7", "3", "3.1", "4", "5"];
        let values = [None, Some("0"), Some("1")];
        let mut all = Vec::new();
        for os in [Os::Linux, Os::Macos] {
            for version in between {
                for a in values {
                    for b in values {
                        let settings: Vec<(&str, &str)> = [("a", a), ("b", b)]
                            .into_iter()
                            .filter_map(|(name, value)| value.map(|value| (name, value)))
                            .collect();
                        all.push(platform(os, version, &settings));
                    }
                }
            }
        }
        all
    }

    proptest! {
        #[test]
        fn sets_behave_like_the_platforms_in_them(a in any_selector(), b in any_selector(), c in any_selector()) {
            let all = platforms();
            let inside = all.iter().all(|platform| a.matches(platform) || !b.matches(platform));
            prop_assert_eq!(a.contains(&b), inside, "{} contains {}", a, b);
            let both = all.iter().any(|platform| a.matches(platform) && b.matches(platform));
            prop_assert_eq!(a.overlaps(&b), both, "{} overlaps {}", a, b);
            prop_assert_eq!(b.overlaps(&a), both);
            let covered = all.iter().all(|it| b.matches(it) || c.matches(it) || !a.matches(it));
            prop_assert_eq!(a.covered_by(&[&b, &c]), covered, "{} covered by {} and {}", a, b, c);
        }

        #[test]
        fn the_canonical_form_reads_back(a in any_selector()) {
            let text = a.to_string();
            prop_assert_eq!(Selector::parse(&text).unwrap().to_string(), text.clone());
            for platform in platforms() {
                prop_assert_eq!(a.matches(&platform), Selector::parse(&text).unwrap().matches(&platform));
            }
        }

        #[test]
        fn no_text_makes_the_parser_fall_over(text in "[a-z<>=., 0-9é]{0,40}") {
            if let Err(error) = Selector::parse(&text) {
                prop_assert!(text.get(error.range.clone()).is_some(), "{:?} in {:?}", error, text);
            }
        }
    }
}
