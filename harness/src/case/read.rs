//! Reading small values out of nodes, each with an error that says what was due.

use std::time::Duration;

use super::diagnostic::Diagnostics;
use super::yaml::{Key, Node, Value};
use crate::outcome::Data;

/// Text, or an error that says what was due. Numbers and booleans are what YAML makes of words that were not quoted.
pub fn text(node: &Node, what: &str, diagnostics: &mut Diagnostics) -> Option<String> {
    match &node.value {
        Value::Text(text) => Some(text.clone()),
        Value::Null => {
            diagnostics.error(node.span, format!("a value is missing: {what}"));
            None
        }
        Value::Int(_) | Value::Float(_) | Value::Bool(_) => {
            diagnostics.error_help(
                node.span,
                format!("{} stands where {what} is due", node.kind()),
                "put it in quotes if the text is meant",
            );
            None
        }
        Value::List(_) | Value::Map(_) => {
            diagnostics.error(node.span, format!("{} stands where {what} is due", node.kind()));
            None
        }
    }
}

/// A name; empty ones are none.
pub fn name(node: &Node, diagnostics: &mut Diagnostics) -> Option<String> {
    let text = text(node, "a name", diagnostics)?;
    if text.trim().is_empty() {
        diagnostics.error(node.span, "a name is missing");
        return None;
    }
    Some(text)
}

/// Text for a reader or a payload, which must not be cut by ` #`: YAML takes the rest of the line for a comment.
pub fn prose(node: &Node, what: &str, diagnostics: &mut Diagnostics) -> Option<String> {
    let text = text(node, what, diagnostics)?;
    let source = diagnostics.source();
    let rest = source.text.get(node.span.end..).unwrap_or_default();
    let rest = rest.split('\n').next().unwrap_or_default();
    if node.plain && rest.trim_start_matches(' ').starts_with('#') && rest.starts_with(' ') {
        diagnostics.error_help(
            node.span,
            "the text ends at ` #`, which begins a comment",
            "quote the text, or move the comment to a line of its own",
        );
        return None;
    }
    Some(text)
}

/// `true` or `false`; anything else is an error and counts as false.
pub fn boolean(node: &Node, diagnostics: &mut Diagnostics) -> bool {
    match node.value {
        Value::Bool(b) => b,
        _ => {
            diagnostics.error(node.span, format!("true or false is due, this is {}", node.kind()));
            false
        }
    }
}

/// A whole number.
pub fn int(node: &Node, diagnostics: &mut Diagnostics) -> Option<i64> {
    match node.value {
        Value::Int(n) => Some(n),
        _ => {
            diagnostics.error(node.span, format!("a whole number is due, this is {}", node.kind()));
            None
        }
    }
}

/// A whole number that counts something.
pub fn count(node: &Node, diagnostics: &mut Diagnostics) -> Option<usize> {
    match int(node, diagnostics)? {
        n if (0..=1 << 30).contains(&n) => usize::try_from(n).ok(),
        n => {
            diagnostics.error(node.span, format!("{n} is out of range: 0 to {}", 1 << 30));
            None
        }
    }
}

/// A time, such as 200ms.
pub fn duration(node: &Node, diagnostics: &mut Diagnostics) -> Option<Duration> {
    let text = text(node, "a time such as 200ms", diagnostics)?;
    let duration = parse_duration(&text);
    if duration.is_none() {
        diagnostics.error_help(
            node.span,
            format!("`{text}` is no time"),
            "a number and a unit: us, ms, s, min, h",
        );
    }
    duration
}

/// A number and a unit.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "min" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    Duration::try_from_secs_f64((number.parse::<f64>().ok()? * unit * 1e9).round() / 1e9).ok()
}

/// Payload as a case writes it. Many bytes are made when they are sent: a trial would keep them all the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// These bytes.
    Text(Vec<u8>),
    /// So many bytes that tell their place.
    Size(usize),
}

impl Payload {
    /// The bytes.
    #[must_use]
    pub fn data(&self) -> Data {
        match self {
            Self::Text(bytes) => Data(bytes.clone()),
            Self::Size(size) => Data((b'a'..=b'z').cycle().take(*size).collect()),
        }
    }
}

/// Payload: text, `{data: text}`, `{size: n}`.
pub fn payload(node: &Node, diagnostics: &mut Diagnostics) -> Option<Payload> {
    match &node.value {
        Value::Map(entries) => match entries.as_slice() {
            [(key, value)] if key.text == "data" => {
                prose(value, "text", diagnostics).map(|text| Payload::Text(text.into_bytes()))
            }
            [(key, value)] if key.text == "size" => count(value, diagnostics).map(Payload::Size),
            _ => {
                diagnostics.error(node.span, "data is text, {data: text} or {size: n}");
                None
            }
        },
        _ => prose(node, "data", diagnostics).map(|text| Payload::Text(text.into_bytes())),
    }
}

/// The entries of a map, or an error.
pub fn map_or_error<'n>(
    node: &'n Node,
    what: &str,
    diagnostics: &mut Diagnostics,
) -> Option<&'n [(Key, Node)]> {
    let entries = node.map();
    if entries.is_none() {
        diagnostics.error(node.span, format!("{} stands where {what} is due", node.kind()));
    }
    entries
}

/// The items of a list, or the one value that stands in its place.
pub fn list(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items,
        _ => std::slice::from_ref(node),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        assert_eq!(parse_duration("200ms"), Some(Duration::from_millis(200)));
        assert_eq!(parse_duration("1.5s"), Some(Duration::from_millis(1500)));
        assert_eq!(parse_duration("10min"), Some(Duration::from_secs(600)));
        assert_eq!(parse_duration("200"), None);
        assert_eq!(parse_duration("ms"), None);
        assert_eq!(parse_duration("5 s"), None);
    }
}
