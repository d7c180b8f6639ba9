//! The arguments of a step: reading each by the kind that the verb's table says it is.

use std::fmt;
use std::time::Duration;

use super::address::AddressExpr;
use super::diagnostic::Diagnostics;
use super::option_value;
use super::read::{self, Payload};
use super::segment::{self, SegmentSpec};
use super::verbs::{Arg, ArgKind};
use super::yaml::{Node, Value};
use crate::host::call::{Name, OptionValue};
use crate::platform::options;
use crate::wire::numbers::Expression;
use crate::wire::want::SegmentWant;

/// The value of an argument.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "they mirror super::verbs::ArgKind")]
pub enum ArgValue {
    Address(AddressExpr),
    Bool(bool),
    Data(Payload),
    Duration(Duration),
    Flags(Vec<String>),
    Int(i64),
    Socket(Name),
    Option(String),
    Expression(Expression),
    Segment(SegmentSpec),
    SegmentWant(SegmentWant),
    Value(OptionValue),
    Steps(Vec<Node>),
    Word(String),
}

/// Reads the value of an argument.
pub(super) fn argument(arg: &Arg, value: &Node, diagnostics: &mut Diagnostics) -> Option<ArgValue> {
    Some(match arg.kind {
        ArgKind::Address => ArgValue::Address(address(value, diagnostics)?),
        ArgKind::Bool => ArgValue::Bool(read::boolean(value, diagnostics)),
        ArgKind::Data => ArgValue::Data(read::payload(value, diagnostics)?),
        ArgKind::Duration => ArgValue::Duration(read::duration(value, diagnostics)?),
        ArgKind::Flags => {
            let flags = read::list(value).iter().map(|item| flag(item, diagnostics));
            ArgValue::Flags(flags.collect::<Option<_>>()?)
        }
        ArgKind::Expression => ArgValue::Expression(segment::expression(value, diagnostics)?),
        ArgKind::Segment => ArgValue::Segment(segment::injected(value, diagnostics)?),
        ArgKind::SegmentWant => ArgValue::SegmentWant(segment::expected(value, diagnostics)?),
        ArgKind::Int => ArgValue::Int(read::int(value, diagnostics)?),
        ArgKind::NewSocket => ArgValue::Socket(read::name(value, diagnostics)?),
        ArgKind::Option => {
            let name = read::text(value, "the name of an option", diagnostics)?;
            if options::find(&name).is_none() {
                diagnostics.unknown(value.span, "option", &name, options::names());
                return None;
            }
            ArgValue::Option(name)
        }
        ArgKind::OptionValue => ArgValue::Value(option_value::read(value, diagnostics)?),
        ArgKind::Steps => match &value.value {
            Value::List(items) => ArgValue::Steps(items.clone()),
            _ => {
                diagnostics.error(value.span, format!("a list of steps is due, this is {}", value.kind()));
                return None;
            }
        },
        ArgKind::Word(words) => match &value.value {
            Value::Int(n) => ArgValue::Int(*n),
            _ => ArgValue::Word(one_of(arg, words, value, diagnostics)?),
        },
        ArgKind::OneOf(words) => ArgValue::Word(one_of(arg, words, value, diagnostics)?),
    })
}

fn one_of(arg: &Arg, words: &[&str], value: &Node, diagnostics: &mut Diagnostics) -> Option<String> {
    let word = read::text(value, "a word", diagnostics)?;
    if words.contains(&word.as_str()) {
        return Some(word);
    }
    diagnostics.unknown(value.span, &format!("value of `{}`", arg.name), &word, words.iter().copied());
    None
}

fn address(value: &Node, diagnostics: &mut Diagnostics) -> Option<AddressExpr> {
    if let Some([(key, value)]) = value.map() {
        let n = read::int(value, diagnostics)?;
        return match key.text.as_str() {
            "family" => i32::try_from(n).ok().map(AddressExpr::Family),
            "length" => u32::try_from(n).ok().map(AddressExpr::Length),
            _ => {
                diagnostics.unknown(key.span, "wrong address", &key.text, ["family", "length"]);
                None
            }
        };
    }
    let text = read::text(value, "an address", diagnostics)?;
    match AddressExpr::parse(&text) {
        Ok(address) => Some(address),
        Err(message) => {
            diagnostics.error(value.span, message);
            None
        }
    }
}

/// MSG_ flags that cases may name.
pub const FLAGS: [&str; 9] = [
    "MSG_NOSIGNAL",
    "MSG_PEEK",
    "MSG_DONTWAIT",
    "MSG_WAITALL",
    "MSG_OOB",
    "MSG_TRUNC",
    "MSG_MORE",
    "MSG_DONTROUTE",
    "MSG_ERRQUEUE",
];

fn flag(item: &Node, diagnostics: &mut Diagnostics) -> Option<String> {
    let text = read::text(item, "a MSG_ flag", diagnostics)?;
    if FLAGS.contains(&text.as_str()) {
        return Some(text);
    }
    diagnostics.unknown(item.span, "flag", &text, FLAGS);
    None
}

/// Writes an argument behind the words of its step.
pub(super) fn write(text: &mut impl fmt::Write, name: &str, value: &ArgValue) -> fmt::Result {
    match value {
        ArgValue::Address(address) => write!(text, ", {name} {address}"),
        ArgValue::Bool(b) => write!(text, ", {name} {b}"),
        ArgValue::Data(Payload::Size(size)) => write!(text, ", {size} bytes"),
        ArgValue::Data(Payload::Text(bytes)) if bytes.len() > 32 => write!(text, ", {} bytes", bytes.len()),
        ArgValue::Data(Payload::Text(bytes)) => write!(text, " \"{}\"", bytes.escape_ascii()),
        ArgValue::Duration(d) => write!(text, ", {name} {d:?}"),
        ArgValue::Flags(flags) => write!(text, ", flags [{}]", flags.join(", ")),
        ArgValue::Expression(e) => write!(text, ", {name} {e}"),
        ArgValue::Segment(spec) => write!(text, ", {}", spec.want),
        ArgValue::SegmentWant(want) => write!(text, ", {want}"),
        ArgValue::Int(n) => write!(text, ", {name} {n}"),
        ArgValue::Socket(word) | ArgValue::Word(word) => write!(text, ", {name} {word}"),
        ArgValue::Option(option) => write!(text, " {option}"),
        ArgValue::Value(value) => write!(text, " = {}", option_value::text(value)),
        ArgValue::Steps(_) => Ok(()),
    }
}
