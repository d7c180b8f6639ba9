//! The version of a system: its leading numbers. What a vendor appends (`-fc-v595`, `-RELEASE-p3`) says nothing about
//! behaviour and is ignored; [`Platform::version_text`](super::Platform::version_text) keeps it.
//!
//! Not semantic versioning: that takes `6.18.44-fc` for older than `6.18.44` and refuses four numbers.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

/// Numbers, most significant first. Missing ones count as 0, so that `6.5` equals `6.5.0`.
#[derive(Clone, Debug, Default)]
pub struct Version(pub Vec<u32>);

impl Version {
    /// Takes the leading dotted numbers of a text and ignores the rest; `None` if it does not begin with a number.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let parts: Vec<u32> = text[..end]
            .split('.')
            .take_while(|part| !part.is_empty())
            .map(|part| part.parse().unwrap_or(u32::MAX)) // digits only, so that just a too large number fails
            .collect();
        (!parts.is_empty()).then_some(Self(parts))
    }

    /// The numbers without the zeros at their end, which do not count.
    fn significant(&self) -> &[u32] {
        let len = self.0.iter().rposition(|part| *part != 0).map_or(0, |last| last + 1);
        &self.0[..len]
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("0");
        }
        for (i, part) in self.0.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { "." })?;
            write!(f, "{part}")?;
        }
        Ok(())
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.significant() == other.significant()
    }
}

impl Eq for Version {}

impl Hash for Version {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.significant().hash(state);
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.significant().cmp(other.significant())
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("a version begins with a number"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_vendors_are_ignored() {
        for (text, parts) in [
            ("6.18.44-fc-v595", vec![6, 18, 44]),
            ("6.1.0-13-amd64", vec![6, 1, 0]),
            ("5.15.167.4-microsoft-standard-WSL2", vec![5, 15, 167, 4]),
            ("14.1-RELEASE-p3", vec![14, 1]),
            ("10.0.19041", vec![10, 0, 19041]),
            ("6.", vec![6]),
            ("6..2", vec![6]),
            ("99999999999", vec![u32::MAX]),
        ] {
            assert_eq!(Version::parse(text).unwrap().0, parts, "{text}");
        }
        for text in ["", "v6", ".5", "-1"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }

    #[test]
    fn missing_numbers_are_zero() {
        let version = |text| Version::parse(text).unwrap();
        assert_eq!(version("6.5"), version("6.5.0"));
        assert!(version("6.5") < version("6.5.1"));
        assert!(version("6.18") > version("6.5"));
        assert!(version("0") < version("0.0.1"));
        assert_eq!(version("0"), Version::default());
    }

    #[test]
    fn it_is_written_as_it_was_read() {
        let version: Version = serde_json::from_str("\"6.18.44-fc\"").unwrap();
        assert_eq!(serde_json::to_string(&version).unwrap(), "\"6.18.44\"");
        assert_eq!(Version::parse("6.0").unwrap().to_string(), "6.0");
        assert!(serde_json::from_str::<Version>("\"\"").is_err());
    }
}
