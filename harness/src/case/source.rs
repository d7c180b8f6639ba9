//! A case file's text, and places in it.

use std::sync::Arc;

/// The text of a case file and the name it goes by.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// Path relative to the folder of cases, with forward slashes: `refused/closed-port.yaml`.
    pub path: String,
    /// The text, without a byte order mark.
    pub text: String,
}

/// A range of bytes in a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// Behind the last byte.
    pub end: usize,
}

impl Span {
    /// A part of this span: `start..end` counted from its beginning.
    #[must_use]
    pub fn part(self, start: usize, end: usize) -> Self {
        Self { start: (self.start + start).min(self.end), end: (self.start + end).min(self.end) }
    }
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub source: Arc<Source>,
    /// Where in it.
    pub span: Span,
}

impl Source {
    /// Line and column of a byte, both from 1; the column counts characters.
    #[must_use]
    pub fn line_column(&self, byte: usize) -> (usize, usize) {
        let before = &self.text[..self.floor(byte)];
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// The nearest character boundary at or before `byte`.
    fn floor(&self, byte: usize) -> usize {
        let mut byte = byte.min(self.text.len());
        while !self.text.is_char_boundary(byte) {
            byte -= 1;
        }
        byte
    }
}

impl Place {
    /// Line and column of the place, both from 1.
    #[must_use]
    pub fn line_column(&self) -> (usize, usize) {
        self.source.line_column(self.span.start)
    }
}
