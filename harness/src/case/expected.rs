//! What a case expects of a step: words for outcomes, and whether an outcome is one of them.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use super::address::AddressExpr;
use super::diagnostic::Diagnostics;
use super::matrix::Cell;
use super::read::{self, duration, map_or_error};
use super::segment;
use super::verbs::OutcomeKind;
use super::yaml::{Key, Node, Value};
use crate::outcome::{Data, Outcome, TcpState, write_data, write_joined, write_message};
use crate::platform::errors;
use crate::wire::want::SegmentWant;

/// What is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Nobody knows; the run records.
    Unknown,
    /// One of these.
    OneOf(Vec<Want>),
}

/// One outcome that is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they mirror crate::outcome::Outcome")]
pub enum Want {
    Ok,
    Error(String),
    Eof,
    Blocks,
    Data(Data),
    Bytes(u64),
    Message { of: Box<Self>, msg_flags: BTreeSet<String> },
    Value(i64),
    Text(String),
    Bits(BTreeSet<String>),
    State(TcpState),
    Address(AddressExpr),
    Segment(SegmentWant),
    Nothing,
    Path(Vec<TcpState>),
}

impl Expected {
    /// Exactly this.
    #[must_use]
    pub fn just(want: Want) -> Self {
        Self::OneOf(vec![want])
    }

    /// Whether the outcome is one that is expected. Nothing is expected of what nobody knows.
    #[must_use]
    pub fn accepts(&self, outcome: &Outcome) -> bool {
        match self {
            Self::Unknown => true,
            Self::OneOf(wants) => wants.iter().any(|want| want.accepts(outcome)),
        }
    }

    /// The outcomes that are expected; none where nobody knows.
    #[must_use]
    pub fn wants(&self) -> &[Want] {
        match self {
            Self::Unknown => &[],
            Self::OneOf(wants) => wants,
        }
    }

    /// Whether there are several outcomes, any of which may come.
    #[must_use]
    pub fn is_several(&self) -> bool {
        self.wants().len() > 1
    }

    /// Whether the call may be expected to sleep for ever.
    #[must_use]
    pub fn may_block(&self) -> bool {
        self.wants().contains(&Want::Blocks)
    }
}

impl Want {
    /// Whether the outcome is this one.
    #[must_use]
    pub fn accepts(&self, outcome: &Outcome) -> bool {
        match (self, outcome) {
            (Self::Ok, Outcome::Ok) | (Self::Eof, Outcome::Eof) | (Self::Blocks, Outcome::Blocks) => true,
            (Self::Error(want), Outcome::Error(seen)) => want == seen,
            (Self::Data(want), Outcome::Data(seen)) => want == seen,
            (Self::Bytes(want), Outcome::Data(seen)) => *want == seen.0.len() as u64,
            (Self::Bytes(want), Outcome::Bytes(seen)) => want == seen,
            (Self::Message { of, msg_flags }, Outcome::Message { of: seen, msg_flags: seen_flags }) => {
                of.accepts(seen) && msg_flags == seen_flags
            }
            (Self::Value(want), Outcome::Value(seen)) => want == seen,
            (Self::Text(want), Outcome::Text(seen)) => want == seen,
            (Self::Bits(want), Outcome::Bits(seen)) => want == seen,
            (Self::State(want), Outcome::State(seen)) => want == seen,
            (Self::Nothing, Outcome::Segments(seen)) => seen.segments.is_empty(),
            (Self::Segment(want), Outcome::Segments(seen)) => match seen.segments.as_slice() {
                [one] => want.accepts(one, &seen.names),
                _ => false,
            },
            (Self::Path(want), Outcome::Path(seen)) => want == seen,
            (Self::Address(want), Outcome::Address(seen)) => seen.names.contains(&want.to_string()),
            _ => false,
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("unknown"),
            Self::OneOf(wants) => {
                for (i, want) in wants.iter().enumerate() {
                    f.write_str(if i == 0 { "" } else { " or " })?;
                    write!(f, "{want}")?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Want {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("ok"),
            Self::Error(name) => f.write_str(name),
            Self::Eof => f.write_str("eof"),
            Self::Blocks => f.write_str("blocks"),
            Self::Data(data) => write_data(f, &data.0),
            Self::Bytes(n) => write!(f, "{n} bytes"),
            Self::Message { of, msg_flags } => write_message(f, of, msg_flags),
            Self::Value(n) => write!(f, "{n}"),
            Self::Text(text) => f.write_str(text),
            Self::Bits(bits) => write!(f, "[{}]", bits.iter().cloned().collect::<Vec<_>>().join(", ")),
            Self::State(state) => write!(f, "{state}"),
            Self::Address(address) => write!(f, "{address}"),
            Self::Segment(segment) => write!(f, "{segment}"),
            Self::Nothing => f.write_str("nothing"),
            Self::Path(states) => write_joined(f, states.iter(), ", "),
        }
    }
}

/// How long something may take. The end is inclusive; none is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Takes {
    /// Not shorter than this. Exact.
    pub from: Duration,
    /// Not longer than this, plus the lateness that was measured during the call.
    pub to: Option<Duration>,
}

impl fmt::Display for Takes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.from.is_zero() {
            write!(f, "{:?}", self.from)?;
        }
        f.write_str("..")?;
        match self.to {
            Some(to) => write!(f, "{to:?}"),
            None => Ok(()),
        }
    }
}

/// The keys of an entry that is more than an outcome.
const ENTRY_KEYS: [&str; 10] =
    ["expect", "takes", "timer", "gaps", "signal", "stop", "why", "source", "unnoticed", "any_of"];

/// What one layer says of a step: the step itself, an `os` entry, a cell. A layer on top replaces key by key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layer {
    /// The outcome.
    pub want: Option<Expected>,
    /// How long it takes.
    pub takes: Option<Takes>,
    /// The kernel timer that is its cause.
    pub timer: Option<Duration>,
    /// The time between one segment and the next.
    pub gaps: Option<Vec<Duration>>,
    /// The signal; `Some(None)` says that there is none.
    pub signal: Option<Option<String>>,
    /// With this outcome the case is over.
    pub stop: bool,
    /// The reason.
    pub why: Option<String>,
    /// Who says so.
    pub source: Option<String>,
    /// Why a changed expectation goes unnoticed.
    pub unnoticed: Option<String>,
}

/// What is needed to read outcomes: which kinds may come, and the rows that were taken.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The kinds that the verb can give.
    pub kinds: &'a [OutcomeKind],
    /// The cell of the matrix.
    pub cell: &'a Cell<'a>,
}

/// Reads the value of an `os` entry, a label or the like: an outcome, or a map of an outcome and what goes with it.
pub fn layer(node: &Node, context: Context<'_>, diagnostics: &mut Diagnostics) -> Layer {
    let entries = match node.map() {
        Some(entries) if entries.iter().any(|(key, _)| ENTRY_KEYS.contains(&key.text.as_str())) => entries,
        _ => return Layer { want: expected(node, context, diagnostics), ..Layer::default() },
    };
    let mut layer = Layer::default();
    for (key, value) in entries {
        if !layer_key(&mut layer, key, value, context, diagnostics) {
            diagnostics.unknown(key.span, "key", &key.text, ENTRY_KEYS);
        }
    }
    layer
}

/// Takes a key that belongs to a layer. Tells whether it was one.
pub fn layer_key(
    layer: &mut Layer,
    key: &Key,
    value: &Node,
    context: Context<'_>,
    diagnostics: &mut Diagnostics,
) -> bool {
    match key.text.as_str() {
        "expect" => layer.want = expected(value, context, diagnostics),
        "any_of" => layer.want = any_of(value, context, diagnostics),
        "takes" => layer.takes = takes(value, context.cell, diagnostics),
        "timer" => {
            layer.timer = by_row(value, context.cell, diagnostics).and_then(|v| duration(v, diagnostics))
        }
        "gaps" => {
            let gaps = read::list(value).iter().map(|gap| duration(gap, diagnostics)).collect();
            layer.gaps = gaps;
        }
        "signal" => {
            layer.signal = read::text(value, "the name of a signal, or none", diagnostics).and_then(|text| {
                match text.as_str() {
                    "none" => Some(None),
                    "SIGPIPE" => Some(Some(text)),
                    _ => {
                        diagnostics.unknown(value.span, "signal", &text, ["SIGPIPE", "none"]);
                        None
                    }
                }
            });
        }
        "stop" => layer.stop = read::boolean(value, diagnostics),
        "why" => layer.why = read::prose(value, "a reason", diagnostics),
        "source" => layer.source = read::prose(value, "a source", diagnostics),
        "unnoticed" => layer.unnoticed = read::prose(value, "a reason", diagnostics),
        _ => return false,
    }
    true
}

/// Reads an outcome.
pub fn expected(node: &Node, context: Context<'_>, diagnostics: &mut Diagnostics) -> Option<Expected> {
    if segment::is_segment(node) && context.kinds.contains(&OutcomeKind::Segment) {
        return segment::expected(node, diagnostics).map(|want| Expected::just(Want::Segment(want)));
    }
    if let Some(entries) = node.map() {
        if entries.iter().any(|(key, _)| key.text == MSG_FLAGS) {
            return want(node, context, diagnostics).map(Expected::just);
        }
        if let [(key, value)] = entries {
            match key.text.as_str() {
                "any_of" => return any_of(value, context, diagnostics),
                "data" | "bytes" | "family" | "length" => {
                    return want(node, context, diagnostics).map(Expected::just);
                }
                _ => {}
            }
        }
        return expected(by_row(node, context.cell, diagnostics)?, context, diagnostics);
    }
    if node.text() == Some("unknown") {
        return Some(Expected::Unknown);
    }
    want(node, context, diagnostics).map(Expected::just)
}

fn any_of(node: &Node, context: Context<'_>, diagnostics: &mut Diagnostics) -> Option<Expected> {
    let Value::List(items) = &node.value else {
        diagnostics.error(node.span, format!("any_of is a list of outcomes; this is {}", node.kind()));
        return None;
    };
    if items.len() < 2 {
        diagnostics.error(node.span, "any_of is for two outcomes or more");
    }
    let wants: Option<Vec<_>> = items.iter().map(|item| want(item, context, diagnostics)).collect();
    wants.map(Expected::OneOf)
}

/// Picks the value for the row that was taken, where a map gives one for each row of an axis.
pub fn by_row<'n>(node: &'n Node, cell: &Cell<'_>, diagnostics: &mut Diagnostics) -> Option<&'n Node> {
    match node.map() {
        None => Some(node),
        Some(entries) => cell.pick(node.span, entries, diagnostics),
    }
}

fn takes(node: &Node, cell: &Cell<'_>, diagnostics: &mut Diagnostics) -> Option<Takes> {
    let node = by_row(node, cell, diagnostics)?;
    let text = read::text(node, "a range such as ..200ms, 60s.. or 1500ms..4s", diagnostics)?;
    let Some((from, to)) = text.split_once("..") else {
        diagnostics.error_help(
            node.span,
            format!("`{text}` is no range of time"),
            "write ..200ms, 60s.. or 1500ms..4s",
        );
        return None;
    };
    let mut end = |text: &str| match text.trim() {
        "" => Some(None),
        text => match read::parse_duration(text) {
            Some(duration) => Some(Some(duration)),
            None => {
                diagnostics.error_help(
                    node.span,
                    format!("`{text}` is no time"),
                    "a number and a unit: us, ms, s, min, h",
                );
                None
            }
        },
    };
    let (from, to) = (end(from)?.unwrap_or_default(), end(to)?);
    if text.trim() == ".." {
        diagnostics.error(node.span, "this range takes in every time");
        return None;
    }
    if to.is_some_and(|to| to < from) {
        diagnostics.error(node.span, format!("the range `{text}` is empty"));
        return None;
    }
    Some(Takes { from, to })
}

fn want(node: &Node, context: Context<'_>, diagnostics: &mut Diagnostics) -> Option<Want> {
    let can = |kind| context.kinds.contains(&kind);
    let want = match &node.value {
        Value::Text(text) => return word(node, text, context, diagnostics),
        Value::Int(n) if can(OutcomeKind::Value) => Some(Want::Value(*n)),
        Value::Int(n) if can(OutcomeKind::Bytes) && *n >= 0 => Some(Want::Bytes(n.unsigned_abs())),
        Value::List(items) if can(OutcomeKind::Path) => return path(items, diagnostics).map(Want::Path),
        Value::List(items) if can(OutcomeKind::Bits) => return bits(items, diagnostics).map(Want::Bits),
        Value::Map(_) if segment::is_segment(node) && can(OutcomeKind::Segment) => {
            return segment::expected(node, diagnostics).map(Want::Segment);
        }
        Value::Map(_) => return special(node, context, diagnostics),
        _ => None,
    };
    if want.is_none() {
        let kinds: Vec<_> = context.kinds.iter().map(|kind| kind.about()).collect();
        diagnostics.error_help(
            node.span,
            format!("{} cannot come out of this step", node.kind()),
            format!("what can: {}, or `unknown`", kinds.join(", ")),
        );
    }
    want
}

fn word(node: &Node, text: &str, context: Context<'_>, diagnostics: &mut Diagnostics) -> Option<Want> {
    let can = |kind| context.kinds.contains(&kind);
    if can(OutcomeKind::Segment) {
        return if text == "nothing" {
            Some(Want::Nothing)
        } else {
            segment::expected(node, diagnostics).map(Want::Segment)
        };
    }
    let want = match text {
        "ok" => Some((OutcomeKind::Ok, Want::Ok)),
        "eof" => Some((OutcomeKind::Eof, Want::Eof)),
        "blocks" => Some((OutcomeKind::Blocks, Want::Blocks)),
        _ => TcpState::from_name(text).map(|state| (OutcomeKind::State, Want::State(state))).or_else(|| {
            errors::canonical(text).map(|name| (OutcomeKind::Error, Want::Error(name.to_owned())))
        }),
    };
    match want {
        Some((kind, want)) if can(kind) => return Some(want),
        Some((kind, _)) => {
            diagnostics.error_help(
                node.span,
                format!("{} (`{text}`) cannot come out of this step", kind.about()),
                "if it is data, write {data: …}",
            );
            return None;
        }
        None => {}
    }
    if looks_like_error(text) && can(OutcomeKind::Error) {
        diagnostics.unknown(node.span, "error", text, errors::names());
        return None;
    }
    if can(OutcomeKind::State) {
        let states = TcpState::ALL.map(TcpState::name);
        diagnostics.unknown(node.span, "TCP state", text, states);
        return None;
    }
    if can(OutcomeKind::Data) {
        read::prose(node, "data", diagnostics)?;
        return Some(Want::Data(Data(text.as_bytes().to_vec())));
    }
    if can(OutcomeKind::Value) {
        return Some(Want::Text(text.to_owned()));
    }
    if can(OutcomeKind::Address) {
        return match AddressExpr::parse(text) {
            Ok(address) => Some(Want::Address(address)),
            Err(message) => {
                diagnostics.error(node.span, message);
                None
            }
        };
    }
    let words = ["ok", "eof", "blocks", "unknown"].into_iter().chain(errors::names());
    diagnostics.unknown(node.span, "outcome", text, words);
    None
}

fn special(node: &Node, context: Context<'_>, diagnostics: &mut Diagnostics) -> Option<Want> {
    let entries = map_or_error(node, "an outcome", diagnostics)?;
    if entries.iter().any(|(key, _)| key.text == MSG_FLAGS) {
        return message(node, entries, context, diagnostics);
    }
    let [(key, value)] = entries else {
        diagnostics.error(
            node.span,
            "an outcome is a word, a number, a list of bits, or one of {data: …}, {bytes: n}",
        );
        return None;
    };
    match key.text.as_str() {
        "data" if context.kinds.contains(&OutcomeKind::Data) => {
            read::payload(node, diagnostics).map(|payload| Want::Data(payload.data()))
        }
        "bytes" if context.kinds.contains(&OutcomeKind::Bytes) => {
            read::count(value, diagnostics).map(|n| Want::Bytes(n as u64))
        }
        "data" | "bytes" => {
            diagnostics.error(node.span, format!("{{{}: …}} cannot come out of this step", key.text));
            None
        }
        _ => {
            diagnostics.unknown(key.span, "outcome", &key.text, ["any_of", "data", "bytes"]);
            None
        }
    }
}

/// The key of the flags that come with what was received.
const MSG_FLAGS: &str = "msg_flags";

/// The flags that a receive can tell.
pub const TOLD_FLAGS: [&str; 5] = ["MSG_CTRUNC", "MSG_EOR", "MSG_ERRQUEUE", "MSG_OOB", "MSG_TRUNC"];

/// `{data: hel, msg_flags: [MSG_TRUNC]}`
fn message(
    node: &Node,
    entries: &[(Key, Node)],
    context: Context<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Want> {
    if !context.kinds.contains(&OutcomeKind::Data) {
        diagnostics.error(node.span, format!("{{{MSG_FLAGS}: …}} cannot come out of this step"));
        return None;
    }
    let (mut msg_flags, mut of) = (BTreeSet::new(), Vec::new());
    for (key, value) in entries {
        match key.text.as_str() {
            MSG_FLAGS => {
                for item in read::list(value) {
                    msg_flags.insert(told_flag(item, diagnostics)?);
                }
            }
            "data" => of.push(Want::Data(Data(read::prose(value, "text", diagnostics)?.into_bytes()))),
            "bytes" => of.push(Want::Bytes(read::count(value, diagnostics)? as u64)),
            other => {
                diagnostics.unknown(key.span, "key of an outcome", other, ["data", "bytes", MSG_FLAGS]);
                return None;
            }
        }
    }
    match (of.pop(), of.is_empty()) {
        (Some(of), true) if msg_flags.is_empty() => Some(of),
        (Some(of), true) => Some(Want::Message { of: Box::new(of), msg_flags }),
        _ => {
            diagnostics.error_help(
                node.span,
                "flags come with what was received",
                format!("write {{data: …, {MSG_FLAGS}: […]}} or {{bytes: n, {MSG_FLAGS}: […]}}"),
            );
            None
        }
    }
}

fn told_flag(item: &Node, diagnostics: &mut Diagnostics) -> Option<String> {
    let text = read::text(item, "a MSG_ flag", diagnostics)?;
    if TOLD_FLAGS.contains(&text.as_str()) {
        return Some(text);
    }
    diagnostics.unknown(item.span, "flag that is told", &text, TOLD_FLAGS);
    None
}

fn path(items: &[Node], diagnostics: &mut Diagnostics) -> Option<Vec<TcpState>> {
    let mut states = Vec::new();
    for item in items {
        let text = read::text(item, "a TCP state", diagnostics)?;
        match TcpState::from_name(&text) {
            Some(state) => states.push(state),
            None => {
                diagnostics.unknown(item.span, "TCP state", &text, TcpState::ALL.map(TcpState::name));
                return None;
            }
        }
    }
    Some(states)
}

const BITS: [&str; 14] = [
    "IN", "PRI", "OUT", "ERR", "HUP", "NVAL", "RDHUP", "RDNORM", "RDBAND", "WRNORM", "WRBAND", "read",
    "write", "except",
];

fn bits(items: &[Node], diagnostics: &mut Diagnostics) -> Option<BTreeSet<String>> {
    let mut bits = BTreeSet::new();
    for item in items {
        let text = read::text(item, "the name of a bit", diagnostics)?;
        if !BITS.contains(&text.as_str()) {
            diagnostics.unknown(item.span, "bit", &text, BITS);
            return None;
        }
        bits.insert(text);
    }
    Some(bits)
}

/// Written like the name of an error.
fn looks_like_error(text: &str) -> bool {
    let rest = text.strip_prefix("WSA").unwrap_or(text);
    rest.starts_with('E')
        && rest.len() > 2
        && rest.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
}
