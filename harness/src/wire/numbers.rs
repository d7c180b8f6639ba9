//! Relative sequence numbers, and the names that cases use for them.
//!
//! Numbers count from each side's initial sequence number, so that a SYN is 0 and the first byte 1. Names are those of
//! RFC 9293, section 3.3.1, of the socket that a segment is injected for, or that sent it.

use std::collections::BTreeMap;
use std::fmt;

/// The names that an expression may use.
pub const NAMES: [&str; 4] = ["rcv_nxt", "snd_una", "snd_nxt", "window"];

/// `rcv_nxt + window - 1`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    terms: Vec<(bool, Term)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Term {
    Number(i64),
    Name(&'static str),
}

impl Expression {
    /// A number.
    #[must_use]
    pub fn number(n: i64) -> Self {
        Self { terms: vec![(true, Term::Number(n))] }
    }

    /// Reads an expression. An error is a message for the reader.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut terms = Vec::new();
        let mut plus = true;
        let mut due = true;
        for word in text.split_ascii_whitespace() {
            if due {
                terms.push((plus, Term::parse(word)?));
            } else {
                plus = match word {
                    "+" => true,
                    "-" => false,
                    _ => return Err(format!("`{word}` stands where + or - is due")),
                };
            }
            due = !due;
        }
        if due {
            return Err("a number or a name is missing".to_owned());
        }
        Ok(Self { terms })
    }

    /// One more than this.
    #[must_use]
    pub fn next(&self) -> Self {
        let mut next = self.clone();
        next.terms.push((true, Term::Number(1)));
        next
    }

    /// The value, where the names have these.
    pub fn value(&self, names: &BTreeMap<String, i64>) -> Result<i64, String> {
        let mut sum = 0;
        for (plus, term) in &self.terms {
            let value = match term {
                Term::Number(n) => *n,
                Term::Name(name) => *names.get(*name).ok_or_else(|| format!("{name} is not known yet"))?,
            };
            sum += if *plus { value } else { -value };
        }
        Ok(sum)
    }
}

impl Term {
    fn parse(word: &str) -> Result<Self, String> {
        if let Ok(n) = word.parse() {
            return Ok(Self::Number(n));
        }
        match NAMES.into_iter().find(|name| *name == word) {
            Some(name) => Ok(Self::Name(name)),
            None => Err(format!("`{word}` is neither a number nor one of {}", NAMES.join(", "))),
        }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (plus, term)) in self.terms.iter().enumerate() {
            match (i, plus) {
                (0, _) => {}
                (_, true) => f.write_str(" + ")?,
                (_, false) => f.write_str(" - ")?,
            }
            match term {
                Term::Number(n) => write!(f, "{n}")?,
                Term::Name(name) => f.write_str(name)?,
            }
        }
        Ok(())
    }
}

/// What is known of one direction of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sender {
    /// Initial sequence number; known from the SYN.
    pub initial: Option<u32>,
    /// The number of a SYN that was injected into a connection that has another beginning: it begins a new one if it is
    /// acknowledged.
    pub begun: Option<u32>,
    /// Behind the last number sent, relative.
    pub next: i64,
    /// The acknowledgment sent last, relative to the other side: what it expects next.
    pub acknowledged: i64,
    /// The window offered last, scaled.
    pub window: i64,
    /// The shift that it offered in its SYN, which counts if the other side offered one as well (RFC 7323).
    pub offered: Option<u8>,
    /// The highest acknowledgment of its own numbers that was delivered to it.
    pub una: i64,
}

impl Sender {
    /// The shift of its windows.
    #[must_use]
    pub fn scale(&self, other: &Self) -> u8 {
        match (self.offered, other.offered) {
            (Some(shift), Some(_)) => shift.min(14),
            _ => 0,
        }
    }

    /// A number of this side, relative. Where the beginning is not known, as it is.
    #[must_use]
    pub fn relative(&self, absolute: u32) -> i64 {
        match self.initial {
            // Numbers wrap around; nothing here goes on for two gigabytes.
            Some(initial) => i64::from(absolute.wrapping_sub(initial).cast_signed()),
            None => i64::from(absolute),
        }
    }

    /// A relative number of this side as it stands in a segment.
    #[must_use]
    pub fn absolute(&self, relative: i64) -> u32 {
        let relative = relative.rem_euclid(1 << 32);
        self.initial.unwrap_or(0).wrapping_add(u32::try_from(relative).unwrap_or(0))
    }

    /// The names, of this side.
    #[must_use]
    pub fn names(&self) -> BTreeMap<String, i64> {
        let values = [self.acknowledged, self.una, self.next, self.window];
        NAMES.iter().map(|name| (*name).to_owned()).zip(values).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_sums() {
        let names = BTreeMap::from([("rcv_nxt".to_owned(), 10), ("window".to_owned(), 100)]);
        let value = |text: &str| Expression::parse(text).and_then(|e| e.value(&names));
        assert_eq!(value("5"), Ok(5));
        assert_eq!(value("-1"), Ok(-1));
        assert_eq!(value("rcv_nxt + window - 1"), Ok(109));
        assert_eq!(Expression::parse("rcv_nxt - 1").map(|e| e.to_string()).as_deref(), Ok("rcv_nxt - 1"));
        for text in ["", "rcv_nxt +", "foo", "1 2"] {
            assert!(Expression::parse(text).is_err(), "{text}");
        }
        assert!(value("snd_una").is_err());
    }

    #[test]
    fn numbers_wrap_around() {
        let sender = Sender { initial: Some(u32::MAX), ..Sender::default() };
        assert_eq!(sender.relative(0), 1);
        assert_eq!(sender.absolute(1), 0);
        assert_eq!(sender.relative(u32::MAX - 1), -1);
        assert_eq!(sender.absolute(-1), u32::MAX - 1);
    }
}
