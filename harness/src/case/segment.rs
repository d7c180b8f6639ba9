//! A segment as a case writes it: a pattern in words, or a map with flags, numbers, data and options.

use super::diagnostic::Diagnostics;
use super::read;
use super::yaml::{Node, Value};
use crate::outcome::Data;
use crate::wire::numbers::Expression;
use crate::wire::options::{self, OptionWant};
use crate::wire::pattern::Kind;
use crate::wire::segment::Flags;
use crate::wire::want::SegmentWant;

/// A segment to be found, or to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct SegmentSpec {
    /// Its flags and numbers.
    pub want: SegmentWant,
    /// Data, to be sent.
    pub data: Data,
    /// The urgent pointer, to be sent.
    pub urgent: u16,
    /// Options as bytes, to be sent.
    pub options: Vec<u8>,
    /// It is sent with a wrong checksum.
    pub wrong_checksum: bool,
}

/// Keys of a segment that is written as a map.
pub const KEYS: &[(&str, &str)] = &[
    ("flags", "a pattern: `SYN`, `exactly SYN+ACK`, `bare ACK`, `none`; required"),
    ("seq", "sequence number, from the beginning of the sender: a sum of numbers and names"),
    ("ack", "acknowledgment number, from the beginning of the other side"),
    ("length", "bytes of data, of a segment that is expected"),
    ("window", "the window, scaled"),
    ("data", "data, of a segment that is injected"),
    ("urgent", "the urgent pointer"),
    (
        "options",
        "a list of TCP options: `MSS 1000`, `window scale 7`, `SACK permitted`, `timestamps 100 0`; of a segment that is expected also `MSS`, `no MSS`; of one that is injected also bytes",
    ),
    ("checksum", "`wrong`"),
];

/// Those of them that only a segment has that is injected.
pub const INJECTED: [&str; 3] = ["data", "urgent", "checksum"];

/// Whether a map is that of a segment, and not one of rows.
#[must_use]
pub fn is_segment(node: &Node) -> bool {
    node.get("flags").is_some()
}

/// Reads a segment that is expected.
pub fn expected(node: &Node, diagnostics: &mut Diagnostics) -> Option<SegmentWant> {
    for (key, _) in node.map().unwrap_or_default() {
        if INJECTED.contains(&key.text.as_str()) {
            let help = "what is looked at: flags, seq, ack, length, window, options";
            diagnostics.error_help(
                key.span,
                format!("`{}` is for segments that are injected", key.text),
                help,
            );
            return None;
        }
    }
    let mut want = spec(node, diagnostics)?.want;
    for option in node.get("options").map(read::list).unwrap_or_default() {
        let text = read::text(option, "an option in words", diagnostics)?;
        want.options.push(told(OptionWant::parse(&text), option, diagnostics)?);
    }
    Some(want)
}

/// Reads a segment that is injected.
pub fn injected(node: &Node, diagnostics: &mut Diagnostics) -> Option<SegmentSpec> {
    let mut spec = spec(node, diagnostics)?;
    if let Some(options) = node.get("options") {
        spec.options = bytes(options, diagnostics)?;
    }
    Some(spec)
}

fn spec(node: &Node, diagnostics: &mut Diagnostics) -> Option<SegmentSpec> {
    let mut spec = SegmentSpec {
        want: SegmentWant::of(Kind::Everything),
        data: Data::default(),
        urgent: 0,
        options: Vec::new(),
        wrong_checksum: false,
    };
    let Some(entries) = node.map() else {
        spec.want.kind = kind(node, diagnostics)?;
        return Some(spec);
    };
    if node.get("flags").is_none() {
        diagnostics.error_help(node.span, "a segment says its `flags`", "`everything` stands for any");
        return None;
    }
    for (key, value) in entries {
        match key.text.as_str() {
            "flags" => spec.want.kind = kind(value, diagnostics)?,
            "seq" => spec.want.seq = Some(expression(value, diagnostics)?),
            "ack" => spec.want.ack = Some(expression(value, diagnostics)?),
            "length" => spec.want.length = Some(expression(value, diagnostics)?),
            "window" => spec.want.window = Some(expression(value, diagnostics)?),
            "data" => spec.data = read::payload(value, diagnostics)?.data(),
            "urgent" => spec.urgent = u16::try_from(read::count(value, diagnostics)?).unwrap_or(u16::MAX),
            "options" => {}
            "checksum" => {
                spec.wrong_checksum = read::text(value, "wrong", diagnostics)? == "wrong";
            }
            _ => {
                diagnostics.unknown(
                    key.span,
                    "key of a segment",
                    &key.text,
                    KEYS.iter().map(|(key, _)| *key),
                );
                return None;
            }
        }
    }
    Some(spec)
}

impl SegmentSpec {
    /// The flags to be sent.
    #[must_use]
    pub fn flags(&self) -> Flags {
        match self.want.kind {
            Kind::Has(flags) | Kind::Exactly(flags) => flags,
            Kind::BareAck | Kind::Data => Flags::ACK,
            Kind::Everything => Flags(0),
        }
    }
}

fn kind(node: &Node, diagnostics: &mut Diagnostics) -> Option<Kind> {
    let text = read::text(node, "a pattern of segments", diagnostics)?;
    told(Kind::parse(&text), node, diagnostics)
}

/// Reads a sum of numbers and names.
pub fn expression(node: &Node, diagnostics: &mut Diagnostics) -> Option<Expression> {
    if let Value::Int(n) = node.value {
        return Some(Expression::number(n));
    }
    let text = read::text(node, "a number, or a sum such as rcv_nxt + 1", diagnostics)?;
    told(Expression::parse(&text), node, diagnostics)
}

/// A value, or an error at its place.
fn told<T>(value: Result<T, String>, node: &Node, diagnostics: &mut Diagnostics) -> Option<T> {
    value.map_err(|message| diagnostics.error(node.span, message)).ok()
}

fn bytes(node: &Node, diagnostics: &mut Diagnostics) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for item in read::list(node) {
        if let Value::Text(words) = &item.value {
            bytes.extend(told(options::bytes(words), item, diagnostics)?);
            continue;
        }
        match u8::try_from(read::int(item, diagnostics)?) {
            Ok(byte) => bytes.push(byte),
            Err(_) => {
                diagnostics.error(item.span, "a byte is a number from 0 to 255");
                return None;
            }
        }
    }
    if bytes.len() > 40 {
        diagnostics.error(node.span, "a TCP header has room for 40 bytes of options");
        return None;
    }
    Some(bytes)
}
