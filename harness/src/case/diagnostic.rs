//! What is wrong with a case file, and where.

use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::source::{Source, Span};

/// More words than these are not listed.
const MANY: usize = 40;

/// One thing that is wrong in a case file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file.
    pub source: Arc<Source>,
    /// Where in it.
    pub span: Span,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Another place that has to do with it, and what it is.
    pub also: Option<(Span, String)>,
}

impl Diagnostic {
    /// `file:line:col`.
    #[must_use]
    pub fn position(&self) -> String {
        let (line, column) = self.source.line_column(self.span.start);
        format!("{}:{line}:{column}", self.source.path)
    }

    /// The headline, the place, the line with a caret, and the help; in colour where asked for.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let mut snippet = Snippet::source(self.source.text.as_str())
            .path(self.source.path.as_str())
            .annotation(AnnotationKind::Primary.span(self.span.start..self.span.end));
        if let Some((span, label)) = &self.also {
            snippet =
                snippet.annotation(AnnotationKind::Context.span(span.start..span.end).label(label.as_str()));
        }
        let mut group = Level::ERROR.primary_title(self.message.as_str()).element(snippet);
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        renderer.render(&[group]).to_string()
    }
}

/// Collects what is wrong in one file, so that one pass finds everything. Equal findings, as they come from several
/// rows of a matrix, are kept once.
#[derive(Debug)]
pub struct Diagnostics {
    source: Arc<Source>,
    found: Vec<Diagnostic>,
    /// How often something was found, what was found before included.
    times: usize,
}

impl Diagnostics {
    /// Nothing is wrong yet.
    #[must_use]
    pub fn new(source: Arc<Source>) -> Self {
        Self { source, found: Vec::new(), times: 0 }
    }

    /// The file.
    #[must_use]
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// Something is wrong.
    pub fn error(&mut self, span: Span, message: impl Into<String>) {
        self.push(span, message.into(), None, None);
    }

    /// Something is wrong, and there is advice.
    pub fn error_help(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.push(span, message.into(), Some(help.into()), None);
    }

    /// A word is not known; the nearest one that is gets suggested.
    pub fn unknown<'a>(
        &mut self,
        span: Span,
        what: &str,
        word: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) {
        let message = format!("unknown {what} `{word}`");
        let mut known: Vec<_> = known.into_iter().collect();
        known.sort_unstable();
        known.dedup();
        match crate::nearest::nearest(word, known.iter().copied()) {
            Some(near) => self.error_help(span, message, format!("did you mean `{near}`?")),
            None if known.is_empty() || known.len() > MANY => self.error(span, message),
            None => self.error_help(span, message, format!("known are: {}", known.join(", "))),
        }
    }

    /// Something is wrong that has to do with another place.
    pub fn error_also(&mut self, span: Span, message: impl Into<String>, also: Span, label: &str) {
        self.push(span, message.into(), None, Some((also, label.to_owned())));
    }

    fn push(&mut self, span: Span, message: String, help: Option<String>, also: Option<(Span, String)>) {
        self.times += 1;
        let diagnostic = Diagnostic { source: Arc::clone(&self.source), span, message, help, also };
        if !self.found.contains(&diagnostic) {
            self.found.push(diagnostic);
        }
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// How often something was found wrong so far. What is wrong in several cells counts in each, so that a part of a case
    /// can be told to be wrong in any of them.
    #[must_use]
    pub fn times(&self) -> usize {
        self.times
    }

    /// What is wrong, in the order of the file.
    #[must_use]
    pub fn finish(mut self) -> Vec<Diagnostic> {
        self.found.sort_by(|a, b| (a.span, &a.message).cmp(&(b.span, &b.message)));
        self.found
    }
}
