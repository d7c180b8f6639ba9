//! TCP options in words, as cases and reports name them: `MSS 1460`, `window scale 7`, `SACK permitted`,
//! `timestamps 100 0`. The kinds are those of IANA's registry; RFC 9293 section 3.2, RFC 7323, RFC 2018.

use super::segment::{Flags, Segment};

/// What an option holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    Nothing,
    U8,
    U16,
    /// The value and its echo.
    TwoU32,
    /// Blocks of which a case says at most that they are there.
    Blocks,
}

/// Name, kind, and what it holds.
const OPTIONS: [(&str, u8, Holds); 5] = [
    ("MSS", 2, Holds::U16),
    ("window scale", 3, Holds::U8),
    ("SACK permitted", 4, Holds::Nothing),
    ("SACK", 5, Holds::Blocks),
    ("timestamps", 8, Holds::TwoU32),
];

/// The names of options that have words.
pub fn names() -> impl Iterator<Item = &'static str> {
    OPTIONS.iter().map(|(name, ..)| *name)
}

/// An option that a segment is expected to have, or not to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionWant {
    absent: bool,
    words: String,
}

impl OptionWant {
    /// Reads `MSS`, `MSS 1460` or `no MSS`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (absent, words) = text.strip_prefix("no ").map_or((false, text), |words| (true, words));
        let (.., numbers) = find(words)?;
        if absent && !numbers.is_empty() {
            return Err(format!("`{text}`: an option that is not to be there has no value"));
        }
        if !numbers.is_empty() {
            bytes(words)?;
        }
        Ok(Self { absent, words: words.to_owned() })
    }

    /// The opposite.
    #[must_use]
    pub fn negated(&self) -> Self {
        Self { absent: !self.absent, words: self.words.clone() }
    }

    /// Whether options that were seen, in words, are as expected.
    #[must_use]
    pub fn accepts(&self, seen: &[String]) -> bool {
        let fits = |option: &String| {
            *option == self.words
                || find(&self.words)
                    .is_ok_and(|(kind, _, numbers)| numbers.is_empty() && kind_of(option) == Some(kind))
        };
        seen.iter().any(fits) != self.absent
    }
}

impl std::fmt::Display for OptionWant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", if self.absent { "no " } else { "" }, self.words)
    }
}

/// The bytes of an option in words, to be sent.
pub fn bytes(words: &str) -> Result<Vec<u8>, String> {
    let (kind, holds, numbers) = find(words)?;
    let wrong = || {
        format!(
            "`{words}` does not say what the option holds: `MSS 1460`, `window scale 7`, `timestamps 100 0`"
        )
    };
    let value = match (holds, numbers.as_slice()) {
        (Holds::Nothing, []) => Vec::new(),
        (Holds::U8, [n]) => vec![u8::try_from(*n).map_err(|_| wrong())?],
        (Holds::U16, [n]) => u16::try_from(*n).map_err(|_| wrong())?.to_be_bytes().to_vec(),
        (Holds::TwoU32, [value, echo]) => [value.to_be_bytes(), echo.to_be_bytes()].concat(),
        _ => return Err(wrong()),
    };
    let length = u8::try_from(value.len() + 2).map_err(|_| wrong())?;
    Ok([vec![kind, length], value].concat())
}

/// The options of a segment, in words. Timestamps, which are on every segment and different on each, are told of a SYN
/// only.
#[must_use]
pub fn words(segment: &Segment) -> Vec<String> {
    let syn = segment.flags.has(Flags::SYN);
    let told = segment.each_option().filter(|(kind, _)| syn || *kind != 8);
    told.map(|(kind, value)| in_words(kind, value)).collect()
}

fn in_words(kind: u8, value: &[u8]) -> String {
    let Some((name, _, holds)) = OPTIONS.iter().find(|(_, known, _)| *known == kind) else {
        return format!("option {kind}");
    };
    match (holds, value) {
        (Holds::U8, [n]) => format!("{name} {n}"),
        (Holds::U16, [a, b]) => format!("{name} {}", u16::from_be_bytes([*a, *b])),
        (Holds::TwoU32, [a, b, c, d, e, f, g, h]) => {
            format!(
                "{name} {} {}",
                u32::from_be_bytes([*a, *b, *c, *d]),
                u32::from_be_bytes([*e, *f, *g, *h])
            )
        }
        _ => (*name).to_owned(),
    }
}

/// The kind of an option in words.
fn kind_of(words: &str) -> Option<u8> {
    find(words).ok().map(|(kind, ..)| kind)
}

/// The option that words name, and the numbers behind the name.
fn find(words: &str) -> Result<(u8, Holds, Vec<u32>), String> {
    let mut candidates = OPTIONS.iter().filter_map(|(name, kind, holds)| {
        let rest = words.strip_prefix(name)?;
        let numbers: Vec<_> = rest.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
        (rest.is_empty() || rest.starts_with(' ')).then_some((*kind, *holds, numbers))
    });
    candidates.next().ok_or_else(|| {
        format!("there is no TCP option `{words}`; known are {}", names().collect::<Vec<_>>().join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(want: &str, seen: &[&str]) -> bool {
        let seen: Vec<_> = seen.iter().map(|option| (*option).to_owned()).collect();
        OptionWant::parse(want).unwrap().accepts(&seen)
    }

    #[test]
    fn words_become_bytes_and_bytes_words() {
        for text in ["MSS 1460", "window scale 7", "SACK permitted", "timestamps 100 0"] {
            let bytes = bytes(text).unwrap();
            assert_eq!(in_words(bytes[0], &bytes[2..]), text);
        }
        assert_eq!(bytes("MSS 1000").unwrap(), [2, 4, 3, 232]);
        assert!(bytes("MSS").is_err() && bytes("MSS 70000").is_err() && bytes("SACK").is_err());
    }

    #[test]
    fn an_option_is_there_or_not() {
        assert!(
            fits("MSS", &["MSS 1460"]) && fits("MSS 1460", &["MSS 1460"]) && !fits("MSS 1", &["MSS 1460"])
        );
        assert!(fits("no SACK", &["SACK permitted"]) && fits("SACK permitted", &["SACK permitted"]));
        assert!(!fits("no MSS", &["MSS 1460"]) && fits("no timestamps", &[]));
    }

    #[test]
    fn what_says_nothing_is_refused() {
        assert!(OptionWant::parse("no MSS 5").is_err());
        assert!(OptionWant::parse("MSS many").is_err());
        assert!(OptionWant::parse("window").is_err());
    }
}
