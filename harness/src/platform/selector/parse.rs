//! Reading the text of a selector. Every error points at the bytes that it is about.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{Bound, Item, Selector, SelectorError, Versions, single_spaces};
use crate::nearest::nearest;
use crate::platform::{Os, Version};

/// A part of the text, with where it stands.
#[derive(Clone, Copy)]
struct Piece<'a> {
    text: &'a str,
    at: usize,
}

/// Reads a whole selector: items separated by commas.
pub(super) fn selector(text: &str) -> Result<Selector, SelectorError> {
    let whole = Piece { text, at: 0 };
    let items = whole.split(',').map(|piece| item(piece.trim())).collect::<Result<Vec<_>, _>>()?;
    Ok(Selector { items })
}

fn item(piece: Piece<'_>) -> Result<Item, SelectorError> {
    let end = piece.text.find(|c: char| c.is_whitespace() || "<>=".contains(c)).unwrap_or(piece.text.len());
    let (name, rest) = piece.split_at(end);
    let os = system(name)?;
    let (range, with) = match find_word(rest.text, "with") {
        Some(at) => (rest.split_at(at).0, Some(rest.split_at(at + "with".len()).1)),
        None => (rest, None),
    };
    Ok(Item {
        os,
        versions: versions(range.trim())?,
        with: with.map(settings).transpose()?.unwrap_or_default(),
    })
}

fn system(name: Piece<'_>) -> Result<Os, SelectorError> {
    if name.text.is_empty() {
        return Err(name.error("the name of an operating system is missing here"));
    }
    Os::from_name(name.text).ok_or_else(|| {
        let mut error = name.error(format!("`{}` is no operating system that cases know", name.text));
        error.suggestion = nearest(name.text, Os::ALL.map(Os::name));
        error
    })
}

/// Reads bounds one after the other: `>= 5.4 < 6.5`.
fn versions(whole: Piece<'_>) -> Result<Versions, SelectorError> {
    let mut versions = Versions::default();
    let mut rest = whole;
    while !rest.text.is_empty() {
        let (bound, next) = one_bound(&mut versions, rest)?;
        if versions.is_empty() {
            let message = if whole.text.len() == bound.text.len() {
                "no version is below 0, the lowest".to_owned()
            } else {
                format!("no version is in the range `{}`", whole.text)
            };
            return Err(whole.error(message));
        }
        rest = next;
    }
    Ok(versions)
}

/// Reads one comparison and its version; gives what it read and what follows.
fn one_bound<'a>(versions: &mut Versions, rest: Piece<'a>) -> Result<(Piece<'a>, Piece<'a>), SelectorError> {
    let sign_end = rest.text.find(|c| !"<>=".contains(c)).unwrap_or(rest.text.len());
    let (sign, after) = rest.split_at(sign_end);
    let after = after.trim();
    let version_end =
        after.text.find(|c: char| c.is_whitespace() || "<>=".contains(c)).unwrap_or(after.text.len());
    let (number, next) = after.split_at(version_end);
    let (low, high, inclusive) = match sign.text {
        "<" => (false, true, false),
        "<=" => (false, true, true),
        ">" => (true, false, false),
        ">=" => (true, false, true),
        "=" => (true, true, true),
        "" => return Err(unexpected_word(number)),
        other => {
            return Err(sign.error(format!("`{other}` is no comparison; there are <, <=, >, >= and =")));
        }
    };
    let bound = Bound { version: version(number, sign)?, inclusive };
    let here = Piece { text: &rest.text[..number.end() - rest.at], at: rest.at };
    if low && versions.low.replace(bound.clone()).is_some() {
        return Err(here.error("a second lower bound"));
    }
    if high && versions.high.replace(bound).is_some() {
        return Err(here.error("a second upper bound"));
    }
    Ok((here, next.trim()))
}

fn version(number: Piece<'_>, sign: Piece<'_>) -> Result<Version, SelectorError> {
    if number.text.is_empty() {
        return Err(sign.error(format!("a version is missing after `{}`", sign.text)));
    }
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !number.text.split('.').all(is_number) {
        return Err(number.error(format!("`{}` is no version: numbers with dots between them", number.text)));
    }
    Version::parse(number.text).ok_or_else(|| number.error("this is no version"))
}

/// A word where a comparison is due.
fn unexpected_word(word: Piece<'_>) -> SelectorError {
    let known = word.text.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    if Os::from_name(word.text).is_some() {
        return word.error("a comma is missing before this system");
    }
    if known.starts_with(|c: char| c.is_ascii_digit()) {
        return word.error("a comparison is missing before this version: <, <=, >, >= or =");
    }
    let mut error = word.error(format!("`{}` is not expected here", word.text));
    error.suggestion = nearest(word.text, ["with"]);
    error
}

/// Reads what follows `with`: `a = 1 and b = 2`.
fn settings(mut rest: Piece<'_>) -> Result<BTreeMap<String, String>, SelectorError> {
    let mut settings = BTreeMap::new();
    loop {
        let end = find_word(rest.text, "and").unwrap_or(rest.text.len());
        let (one, next) = rest.split_at(end);
        let (name, value) = setting(one.trim())?;
        if settings.insert(name, value).is_some() {
            return Err(one.trim().error("this setting has a value already"));
        }
        if next.text.is_empty() {
            return Ok(settings);
        }
        rest = next.split_at("and".len()).1;
    }
}

fn setting(piece: Piece<'_>) -> Result<(String, String), SelectorError> {
    if piece.text.is_empty() {
        return Err(piece.error("a setting is missing here: `name = value`"));
    }
    let Some((name, value)) = piece.text.split_once('=') else {
        return Err(piece.error("a setting is written `name = value`"));
    };
    let (name, value) = (name.trim(), single_spaces(value));
    if name.is_empty() || value.is_empty() || name.contains(|c: char| c.is_whitespace() || "<>".contains(c)) {
        return Err(piece.error("a setting is written `name = value`"));
    }
    Ok((name.to_owned(), value))
}

/// Where a word stands by itself, between white space or the ends.
fn find_word(text: &str, word: &str) -> Option<usize> {
    text.match_indices(word).map(|(at, _)| at).find(|at| {
        text[..*at].chars().next_back().is_none_or(char::is_whitespace)
            && text[at + word.len()..].chars().next().is_none_or(char::is_whitespace)
    })
}

impl<'a> Piece<'a> {
    fn end(self) -> usize {
        self.at + self.text.len()
    }

    fn trim(self) -> Self {
        let start = self.text.len() - self.text.trim_start().len();
        Self { text: self.text.trim(), at: self.at + start }
    }

    fn split_at(self, middle: usize) -> (Self, Self) {
        let (left, right) = self.text.split_at(middle);
        (Self { text: left, at: self.at }, Self { text: right, at: self.at + middle })
    }

    fn split(self, separator: char) -> impl Iterator<Item = Self> {
        self.text.split(separator).map(move |part| Self {
            text: part,
            at: self.at + (part.as_ptr() as usize - self.text.as_ptr() as usize),
        })
    }

    fn error(self, message: impl Into<String>) -> SelectorError {
        SelectorError { message: message.into(), range: self.range(), suggestion: None }
    }

    fn range(self) -> Range<usize> {
        self.at..self.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn fails(text: &str, at: &str, message: &str) -> SelectorError {
        let error = selector(text).unwrap_err();
        assert_eq!(&text[error.range.clone()], at, "{error}");
        assert!(error.message.contains(message), "{error}");
        error
    }

    #[test]
    fn errors_point_at_their_cause() {
        fails("", "", "missing");
        fails("linux,", "", "missing");
        fails("linux, , macos", "", "missing");
        fails("linux 6.5", "6.5", "comparison is missing");
        fails("linux <", "<", "version is missing");
        fails("linux < six", "six", "no version");
        fails("linux => 6", "=>", "no comparison");
        fails("macos freebsd", "freebsd", "comma");
        fails("linux >= 5 > 6", "> 6", "second lower");
        fails("linux < 5 = 6", "= 6", "second upper");
        fails("linux with", "", "setting is missing");
        fails("linux with a", "a", "name = value");
        fails("linux with a = 1 and", "", "setting is missing");
        fails("linux with a = 1 and a = 2", "a = 2", "already");
    }

    #[test]
    fn a_misspelt_system_is_recognised() {
        assert_eq!(
            fails("macos, fredbsd >= 14", "fredbsd", "no operating system").suggestion,
            Some("freebsd")
        );
        assert_eq!(fails("Linux", "Linux", "no operating system").suggestion, Some("linux"));
        assert_eq!(fails("solaris", "solaris", "no operating system").suggestion, None);
        assert_eq!(fails("linux wiht a = 1", "wiht", "not expected").suggestion, Some("with"));
    }

    #[test]
    fn an_empty_range_is_an_error() {
        fails("macos, linux < 3 > 5", "< 3 > 5", "no version is in the range");
        fails("linux > 6.5 <= 6.5.0", "> 6.5 <= 6.5.0", "no version is in the range");
        fails("linux < 0", "< 0", "below 0");
    }
}
