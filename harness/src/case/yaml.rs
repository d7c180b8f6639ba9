//! YAML with a position for every value.
//!
//! `serde_yaml` reads the values; `saphyr-parser` reads the same text for the positions, which `serde_yaml` does not
//! keep. The two readings are laid over each other, so that what a scalar means is decided in one place. What the
//! case language has no use for (anchors, aliases, tags, several documents) is refused here, as are keys that stand
//! twice, and depth and size are limited, because both parsers can be made to work for very long.

use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_yaml::Value as Yaml;

use super::diagnostic::Diagnostics;
use super::source::{Source, Span};

/// How deep values may be nested.
const DEPTH: usize = 32;
/// How large a file may be, in bytes.
pub const LARGEST: usize = 1 << 20;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it stands. Of a list or a map: where it begins.
    pub span: Span,
    /// What it is.
    pub value: Value,
    /// A scalar without quotes.
    pub plain: bool,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "they are YAML's kinds of values")]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// The key of an entry in a map.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// The key as it is written.
    pub text: String,
    /// Where it stands.
    pub span: Span,
    /// Without quotes.
    pub plain: bool,
}

impl Node {
    /// What kind of value it is, in words.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing (null)",
            Value::Bool(_) => "a boolean",
            Value::Int(_) | Value::Float(_) => "a number",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The entries, if it is a map.
    #[must_use]
    pub fn map(&self) -> Option<&[(Key, Self)]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value of a key, if it is a map that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.map()?.iter().find(|(k, _)| k.text == key).map(|(_, node)| node)
    }

    /// A scalar as text, whatever kind it is: for names of rows and for text in which `$name` is replaced.
    #[must_use]
    pub fn scalar(&self) -> Option<String> {
        match &self.value {
            Value::Text(text) => Some(text.clone()),
            Value::Int(n) => Some(n.to_string()),
            Value::Float(n) => Some(n.to_string()),
            Value::Bool(b) => Some(b.to_string()),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }
}

/// Reads a text. What is wrong goes to `diagnostics`; without a result there is at least one error in them.
pub fn read(source: &Arc<Source>, diagnostics: &mut Diagnostics) -> Option<Node> {
    let before = diagnostics.times();
    if source.text.len() > LARGEST {
        diagnostics.error(Span::default(), format!("the file is larger than {LARGEST} bytes"));
        return None;
    }
    let shape = Shaper { text: &source.text, bytes: Bytes::new(&source.text), diagnostics }.document()?;
    if diagnostics.times() > before {
        return None;
    }
    // Duplicate keys were found above, with the place of both; so an error here is one that only this parser sees.
    match serde_yaml::from_str::<Yaml>(&source.text) {
        Ok(values) => lay_over(shape, &values, diagnostics),
        Err(error) => {
            let span =
                error.location().map_or(Span::default(), |at| Span { start: at.index(), end: at.index() });
            diagnostics.error(span, format!("this is not valid YAML: {error}"));
            None
        }
    }
}

/// The structure and the positions, before the scalars have their values.
struct Shape {
    span: Span,
    kind: ShapeKind,
}

enum ShapeKind {
    Scalar { plain: bool },
    List(Vec<Shape>),
    Map(Vec<(Key, Shape)>),
}

struct Shaper<'a, 'd> {
    text: &'a str,
    bytes: Bytes,
    diagnostics: &'d mut Diagnostics,
}

type Events<'a> = Parser<'a, saphyr_parser::StrInput<'a>>;

impl<'a> Shaper<'a, '_> {
    fn document(mut self) -> Option<Shape> {
        let mut events = Parser::new_from_str(self.text);
        let mut shape = None;
        loop {
            match self.next(&mut events)? {
                (Event::StreamEnd, _) => break,
                (Event::StreamStart | Event::DocumentEnd | Event::Nothing, _) => {}
                (Event::DocumentStart(_), span) => {
                    if shape.is_some() {
                        self.diagnostics.error(span, "a file holds one document; this starts a second one");
                        return None;
                    }
                }
                (event, span) => shape = Some(self.node(&mut events, event, span, 0)?),
            }
        }
        if shape.is_none() {
            self.diagnostics.error(Span::default(), "the file is empty");
        }
        shape
    }

    fn next(&mut self, events: &mut Events<'a>) -> Option<(Event<'a>, Span)> {
        match events.next_event()? {
            Ok((event, span)) => Some((
                event,
                Span { start: self.bytes.at(span.start.index()), end: self.bytes.at(span.end.index()) },
            )),
            Err(error) => {
                let at = self.bytes.at(error.marker().index());
                let message = format!("this is not valid YAML: {}", error.info());
                self.diagnostics.error(Span { start: at, end: at }, message);
                None
            }
        }
    }

    fn node(&mut self, events: &mut Events<'a>, event: Event<'a>, span: Span, depth: usize) -> Option<Shape> {
        if depth > DEPTH {
            self.diagnostics.error(span, format!("values are nested deeper than {DEPTH} levels"));
            return None;
        }
        let (anchor, tag) = match &event {
            Event::Scalar(_, _, anchor, tag) => (*anchor, tag.is_some()),
            Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => (*anchor, tag.is_some()),
            _ => (0, false),
        };
        if anchor != 0 || tag {
            let what = if tag { "tags" } else { "anchors" };
            self.diagnostics.error_help(
                span,
                format!("{what} are not part of the case language"),
                "write the value out; rows of a matrix and setups are the ways to say something once",
            );
        }
        let kind = match event {
            Event::Scalar(_, style, _, _) => ShapeKind::Scalar { plain: style == ScalarStyle::Plain },
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                loop {
                    match self.next(events)? {
                        (Event::SequenceEnd, _) => break,
                        (event, span) => items.push(self.node(events, event, span, depth + 1)?),
                    }
                }
                ShapeKind::List(items)
            }
            Event::MappingStart(..) => ShapeKind::Map(self.entries(events, depth)?),
            Event::Alias(_) => {
                self.diagnostics.error(span, "aliases are not part of the case language");
                ShapeKind::Scalar { plain: true }
            }
            _ => {
                self.diagnostics.error(span, "this is not valid YAML");
                return None;
            }
        };
        Some(Shape { span, kind })
    }

    fn entries(&mut self, events: &mut Events<'a>, depth: usize) -> Option<Vec<(Key, Shape)>> {
        let mut entries: Vec<(Key, Shape)> = Vec::new();
        loop {
            let (text, span, plain) = match self.next(events)? {
                (Event::MappingEnd, _) => return Some(entries),
                (Event::Scalar(text, style, _, _), span) => {
                    (text.into_owned(), span, style == ScalarStyle::Plain)
                }
                (event, span) => {
                    self.diagnostics.error(span, "a key must be a word");
                    self.node(events, event, span, depth + 1)?;
                    (String::new(), span, false)
                }
            };
            if let Some((first, _)) = entries.iter().find(|(key, _)| key.text == text && !text.is_empty()) {
                let message = format!("the key `{text}` stands twice in this map");
                self.diagnostics.error_also(span, message, first.span, "first here");
            }
            let (event, value_span) = self.next(events)?;
            let value = self.node(events, event, value_span, depth + 1)?;
            entries.push((Key { text, span, plain }, value));
        }
    }
}

/// Gives every scalar of the shape the value that `serde_yaml` read at the same place.
fn lay_over(shape: Shape, value: &Yaml, diagnostics: &mut Diagnostics) -> Option<Node> {
    let span = shape.span;
    let (value, plain) = match (shape.kind, value) {
        (ShapeKind::Scalar { plain }, value) => (scalar(value)?, plain),
        (ShapeKind::List(shapes), Yaml::Sequence(values)) if shapes.len() == values.len() => {
            let items =
                shapes.into_iter().zip(values).map(|(shape, value)| lay_over(shape, value, diagnostics));
            (Value::List(items.collect::<Option<_>>()?), false)
        }
        (ShapeKind::Map(shapes), Yaml::Mapping(values)) if shapes.len() == values.len() => {
            let entries = shapes
                .into_iter()
                .zip(values)
                .map(|((key, shape), (_, value))| Some((key, lay_over(shape, value, diagnostics)?)));
            (Value::Map(entries.collect::<Option<_>>()?), false)
        }
        _ => {
            diagnostics.error(span, "two YAML parsers read this differently; write it in a simpler way");
            return None;
        }
    };
    Some(Node { span, value, plain })
}

fn scalar(value: &Yaml) -> Option<Value> {
    Some(match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(b) => Value::Bool(*b),
        Yaml::Number(n) => match n.as_i64() {
            Some(n) => Value::Int(n),
            None => Value::Float(n.as_f64()?),
        },
        Yaml::String(text) => Value::Text(text.clone()),
        _ => return None,
    })
}

/// The parser counts characters, everything else bytes.
struct Bytes {
    /// Byte offsets of every character, or nothing where the text is ASCII and they are the same.
    offsets: Option<Vec<usize>>,
    len: usize,
}

impl Bytes {
    fn new(text: &str) -> Self {
        let offsets = (!text.is_ascii()).then(|| text.char_indices().map(|(i, _)| i).collect());
        Self { offsets, len: text.len() }
    }

    fn at(&self, character: usize) -> usize {
        match &self.offsets {
            None => character.min(self.len),
            Some(offsets) => offsets.get(character).copied().unwrap_or(self.len),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> (Option<Node>, Vec<String>) {
        let source = Arc::new(Source { path: "x.yaml".into(), text: text.into() });
        let mut diagnostics = Diagnostics::new(Arc::clone(&source));
        let node = read(&source, &mut diagnostics);
        let messages =
            diagnostics.finish().iter().map(|d| format!("{} {}", d.position(), d.message)).collect();
        (node, messages)
    }

    #[test]
    fn values_have_kinds_and_places() {
        let (node, errors) = read_text("a: 1\nb: [x, \"2\", true, ~, 1.5]\nü: {c: é}\n");
        assert_eq!(errors, Vec::<String>::new());
        let node = node.unwrap();
        assert_eq!(node.get("a").unwrap().value, Value::Int(1));
        let Value::List(items) = &node.get("b").unwrap().value else { panic!() };
        assert_eq!(items[1].value, Value::Text("2".into()));
        assert!(!items[1].plain);
        assert_eq!(items[2].value, Value::Bool(true));
        assert_eq!(items[3].value, Value::Null);
        let c = node.get("ü").unwrap().get("c").unwrap();
        assert_eq!(c.value, Value::Text("é".into()));
        assert_eq!(&"a: 1\nb: [x, \"2\", true, ~, 1.5]\nü: {c: é}\n"[c.span.start..c.span.end], "é");
    }

    #[test]
    fn what_the_language_does_not_have_is_refused_with_its_place() {
        for (text, message) in [
            ("a: 1\na: 2\n", "x.yaml:2:1 the key `a` stands twice in this map"),
            ("a: &x 1\n", "x.yaml:1:4 anchors are not part of the case language"),
            ("a: !t 1\n", "x.yaml:1:4 tags are not part of the case language"),
            ("a: 1\n---\nb: 2\n", "x.yaml:2:1 a file holds one document; this starts a second one"),
            ("", "x.yaml:1:1 the file is empty"),
        ] {
            let (node, errors) = read_text(text);
            assert!(node.is_none(), "{text:?}");
            assert_eq!(errors, [message], "{text:?}");
        }
    }

    #[test]
    fn hostile_texts_end_soon() {
        assert!(read_text(&"[".repeat(200_000)).0.is_none());
        assert!(read_text(&"{a: ".repeat(100_000)).0.is_none());
        assert!(read_text(&"x".repeat(LARGEST + 1)).0.is_none());
        assert!(read_text("a: \u{0}\u{1}\n").0.is_none());
    }
}
