//! Text that came from behaviours and files, made safe to show: on a terminal, and in XML.

use std::borrow::Cow;

/// Control characters, and what XML 1.0 has no place for, as visible escapes such as `\u{1b}`. Line ends and tabs stay.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_plain(c) { out.push(c) } else { out.extend(c.escape_unicode()) }
    }
    Cow::Owned(out)
}

/// The same in one line.
#[must_use]
pub fn one_line(text: &str) -> Cow<'_, str> {
    let text = visible(text);
    if text.contains(['\n', '\t']) { Cow::Owned(text.replace(['\n', '\t'], " ")) } else { text }
}

/// XML 1.0's Char, without the control characters of C1 and DEL (which terminals act upon) and without CR (which
/// XML turns into a line end).
fn is_plain(c: char) -> bool {
    matches!(c, '\t' | '\n' | ' '..='\u{7e}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_seen_and_not_acted_upon() {
        assert_eq!(visible("a\x1b[31mb\0\u{fffe}\r\n"), "a\\u{1b}[31mb\\u{0}\\u{fffe}\\u{d}\n");
        assert_eq!(one_line("a\nb\tc"), "a b c");
        assert!(matches!(visible("äöü … 🦀"), Cow::Borrowed(_)));
    }
}
