//! Small values and outcomes as JSON schemas. Wherever a value may stand, `$name` may: a row gives it.

use serde_json::{Map, Value, json};

use crate::case::args::FLAGS;
use crate::case::expected::TOLD_FLAGS;
use crate::case::verbs::OutcomeKind;
use crate::outcome::TcpState;
use crate::platform::{Os, errors, options};

/// Keys that make a map an entry and not one outcome by row.
const ENTRY_KEYS: [&str; 10] =
    ["expect", "takes", "timer", "gaps", "signal", "stop", "why", "source", "unnoticed", "any_of"];
/// Every readiness bit that a case may name.
const BITS: [&str; 14] = [
    "IN", "PRI", "OUT", "ERR", "HUP", "NVAL", "RDHUP", "RDNORM", "RDBAND", "WRNORM", "WRBAND", "read",
    "write", "except",
];
/// Names that stand for another error; see `platform::errors`.
const ALIASES: [&str; 4] = ["EWOULDBLOCK", "EDEADLOCK", "WSA_INVALID_PARAMETER", "ERROR_OPERATION_ABORTED"];

const DURATION: &str = r"[0-9.]+(us|ms|s|min|h)";
/// Written like an error: no data and no word, see `case::expected`.
const LIKE_AN_ERROR: &str = "^(WSA)?E[A-Z0-9]{2,}$";

/// One of these.
pub(super) fn any<const N: usize>(schemas: [Value; N]) -> Value {
    json!({"anyOf": schemas.to_vec()})
}

/// A definition of the same file.
pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/definitions/{name}")})
}

/// Text with a `$name` in it.
pub(super) fn dollar() -> Value {
    json!({"type": "string", "pattern": "\\$"})
}

/// Text for a reader.
pub(super) fn prose() -> Value {
    json!({"type": "string"})
}

/// The name of a socket, a call, a step, a setup.
pub(super) fn name() -> Value {
    json!({"type": "string", "pattern": "\\S"})
}

/// A value, or a list of them.
pub(super) fn one_or_more(schema: Value) -> Value {
    any([json!({"type": "array", "items": schema}), schema])
}

/// A map of free names.
pub(super) fn map_of(schema: Value) -> Value {
    json!({"type": "object", "minProperties": 1, "additionalProperties": schema})
}

/// Words, each with what it means; editors show it.
pub(super) fn explained<'a>(
    words: impl Iterator<Item = &'a str>,
    abouts: impl Iterator<Item = &'a str>,
) -> Value {
    json!({"enum": words.collect::<Vec<_>>(), "enumDescriptions": abouts.collect::<Vec<_>>()})
}

/// `{axis: row}`, `{axis: [row, row]}`
pub(super) fn condition() -> Value {
    let row = json!({"type": ["string", "number"]});
    json!({"type": "object", "additionalProperties": one_or_more(row)})
}

/// A map of selectors. The plain names of systems are there for completion.
pub(super) fn by_platform(schema: &Value) -> Value {
    let names: Vec<_> = Os::ALL.iter().map(|os| os.name()).collect();
    let item = format!(r"({})\s*([<>=]+\s*[0-9.]+\s*)*(with\s.+)?", names.join("|"));
    let selector = format!(r"^\s*{item}(,\s*{item})*$|\$");
    let properties: Map<String, Value> =
        names.iter().map(|name| ((*name).to_owned(), schema.clone())).collect();
    json!({
        "type": "object",
        "minProperties": 1,
        "properties": properties,
        "patternProperties": {selector: schema},
        "additionalProperties": false,
    })
}

/// The name of a set of kinds, for its definitions.
pub(super) fn set(kinds: &[OutcomeKind]) -> String {
    if kinds.len() == KINDS.len() {
        return "any".to_owned();
    }
    kinds.iter().map(|kind| format!("{kind:?}").to_lowercase()).collect::<Vec<_>>().join("-")
}

/// An outcome of a step that can give these kinds.
pub(super) fn outcome(kinds: &[OutcomeKind]) -> Value {
    let own = reference(&format!("outcome-{}", set(kinds)));
    let mut all: Vec<_> = kinds.iter().map(|kind| kind_of_outcome(*kind)).collect();
    all.push(json!({"const": "unknown", "description": "nobody knows; the run records"}));
    all.push(dollar());
    all.push(json!({
        "type": "object",
        "description": "one of several outcomes",
        "properties": {"any_of": {"type": "array", "minItems": 2, "items": own}},
        "required": ["any_of"],
        "additionalProperties": false,
    }));
    all.push(by_row(&own));
    json!({ "anyOf": all })
}

/// What one layer says of a step: an outcome, or a map of an outcome and what goes with it.
pub(super) fn layer(set: &str) -> Value {
    let outcome = format!("outcome-{set}");
    json!({"anyOf": [reference(&outcome), entry(&outcome)]})
}

/// Definitions that do not depend on a verb.
pub(super) fn definitions() -> Map<String, Value> {
    let mut definitions = Map::new();
    let mut add = |name: &str, schema: Value| definitions.insert(name.to_owned(), schema);
    add("address", address());
    add(
        "data",
        any([text_of("data"), count("size", "so many bytes: the alphabet again and again"), prose()]),
    );
    add(
        "duration",
        json!({"type": "string", "pattern": format!(r"^{DURATION}$|\$"), "examples": ["200ms", "5s"]}),
    );
    add("error", json!({"enum": errors()}));
    add("flag", any([json!({ "enum": FLAGS }), dollar()]));
    add("option", any([json!({"enum": options::names().collect::<Vec<_>>()}), dollar()]));
    add("option-value", option_value());
    add("signal", any([json!({"enum": ["SIGPIPE", "none"]}), dollar()]));
    let range = format!(r"^\s*({DURATION})?\s*\.\.\s*({DURATION})?\s*$|\$");
    let takes = json!({"type": "string", "pattern": range, "examples": ["..200ms", "60s..", "1500ms..4s"]});
    add("takes", any([takes, by_row(&reference("takes"))]));
    add("timer", any([reference("duration"), by_row(&reference("timer"))]));
    add("text", free_text());
    add("message", message());
    add("states", json!({"enum": TcpState::ALL.map(TcpState::name)}));
    add("bits", json!({"type": "array", "items": any([json!({ "enum": BITS }), dollar()])}));
    definitions
}

/// Every kind: what stands at a label can be that of any verb.
pub(super) const KINDS: [OutcomeKind; 12] = [
    OutcomeKind::Ok,
    OutcomeKind::Error,
    OutcomeKind::Eof,
    OutcomeKind::Blocks,
    OutcomeKind::Data,
    OutcomeKind::Bytes,
    OutcomeKind::Value,
    OutcomeKind::Bits,
    OutcomeKind::State,
    OutcomeKind::Address,
    OutcomeKind::Segment,
    OutcomeKind::Path,
];

fn kind_of_outcome(kind: OutcomeKind) -> Value {
    match kind {
        OutcomeKind::Ok => json!({"const": "ok", "description": "the call succeeds"}),
        OutcomeKind::Error => reference("error"),
        OutcomeKind::Eof => json!({"const": "eof", "description": "end of file: 0 bytes from a stream"}),
        OutcomeKind::Blocks => {
            json!({"const": "blocks", "description": "the call sleeps in the kernel, and is interrupted"})
        }
        OutcomeKind::Data => any([text_of("data"), reference("message"), reference("text")]),
        OutcomeKind::Bytes => {
            any([count("bytes", "so many bytes"), json!({"type": "integer", "minimum": 0})])
        }
        OutcomeKind::Value => any([json!({"type": "integer"}), reference("text")]),
        OutcomeKind::Bits => reference("bits"),
        OutcomeKind::State => reference("states"),
        OutcomeKind::Address => reference("text"),
        OutcomeKind::Segment => segment(false),
        OutcomeKind::Path => json!({"type": "array", "items": reference("states")}),
    }
}

/// A segment that is injected or expected: a pattern in words, or a map.
pub(super) fn segment(injected: bool) -> Value {
    let number = any([json!({"type": "integer"}), prose()]);
    let properties: Map<String, Value> = crate::case::segment::KEYS
        .iter()
        .filter(|(key, _)| injected || !crate::case::segment::INJECTED.contains(key))
        .map(|(key, about)| {
            let mut value = match *key {
                "flags" | "checksum" => prose(),
                "data" => reference("data"),
                "options" => {
                    let byte = json!({"type": "integer", "minimum": 0, "maximum": 255});
                    let item = if injected { any([prose(), byte]) } else { prose() };
                    any([json!({"type": "array", "items": item}), dollar()])
                }
                _ => number.clone(),
            };
            if let Some(map) = value.as_object_mut() {
                map.insert("description".to_owned(), json!(about));
            }
            ((*key).to_owned(), value)
        })
        .collect();
    let map = json!({
        "type": "object", "properties": properties, "required": ["flags"], "additionalProperties": false
    });
    any([prose(), map])
}

/// Times between segments.
pub(super) fn gaps() -> Value {
    json!({"type": "array", "minItems": 1, "items": reference("duration")})
}

fn entry(outcome: &str) -> Value {
    json!({
        "type": "object",
        "minProperties": 1,
        "properties": {
            "expect": reference(outcome),
            "any_of": {"type": "array", "minItems": 2, "items": reference(outcome)},
            "takes": reference("takes"),
            "timer": reference("timer"),
            "gaps": gaps(),
            "signal": reference("signal"),
            "stop": {"anyOf": [{"type": "boolean"}, dollar()], "description": "with this outcome the case is over"},
            "why": prose(),
            "source": prose(),
            "unnoticed": prose(),
        },
        "additionalProperties": false,
    })
}

/// A value for each row of an axis. One key alone would name every row, which says nothing; so it is taken for a key
/// of an entry that is misspelt.
fn by_row(schema: &Value) -> Value {
    json!({
        "type": "object",
        "description": "a value for each row of an axis; a key may name several rows, `else` stands for the others",
        "minProperties": 2,
        "propertyNames": {"not": {"enum": ENTRY_KEYS}},
        "additionalProperties": schema,
    })
}

fn address() -> Value {
    let words = [
        "any port",
        "closed port",
        "address of listener",
        "port of listener on wildcard",
        "mapped listener",
        "unspecified",
        "broadcast",
        "multicast",
        "not local",
        "no route",
        "silent",
        "nothing",
        "null pointer",
    ];
    let number = |key: &str| {
        json!({"type": "object", "properties": {(key): any([json!({"type": "integer"}), dollar()])}, "required": [key],
            "additionalProperties": false})
    };
    any([json!({"type": "string", "pattern": "\\S", "examples": words}), number("family"), number("length")])
}

fn option_value() -> Value {
    let linger = json!({
        "type": "object",
        "properties": {"linger": any([json!({"const": "off"}), reference("duration")])},
        "required": ["linger"],
        "additionalProperties": false,
    });
    let bytes = count("bytes", "so many zero bytes, for a wrong length");
    any([
        json!({"type": ["integer", "boolean", "string"], "examples": [1, "on", "off", "200ms"]}),
        linger,
        bytes,
    ])
}

fn text_of(key: &str) -> Value {
    json!({
        "type": "object",
        "description": "any text, also one that is a word of the language",
        "properties": {(key): prose()},
        "required": [key],
        "additionalProperties": false,
    })
}

fn message() -> Value {
    let flag = json!({"anyOf": [{"enum": TOLD_FLAGS}, dollar()]});
    json!({
        "type": "object",
        "description": "what was received, and the flags that recvmsg told with it",
        "properties": {
            "data": prose(),
            "bytes": any([json!({"type": "integer", "minimum": 0}), dollar()]),
            "msg_flags": one_or_more(flag),
        },
        "required": ["msg_flags"],
        "minProperties": 2,
        "maxProperties": 2,
        "additionalProperties": false,
    })
}

fn count(key: &str, about: &str) -> Value {
    json!({
        "type": "object",
        "description": about,
        "properties": {(key): any([json!({"type": "integer", "minimum": 0}), dollar()])},
        "required": [key],
        "additionalProperties": false,
    })
}

/// Text that is no word of the language and not written like an error, which would be one.
fn free_text() -> Value {
    let words: Vec<_> =
        ["ok", "eof", "blocks"].into_iter().chain(TcpState::ALL.map(TcpState::name)).collect();
    json!({"type": "string", "not": {"anyOf": [{"enum": words}, {"pattern": LIKE_AN_ERROR}]}})
}

/// Every name by which a case may call an error.
fn errors() -> Vec<&'static str> {
    let twin = |name| errors::code(Os::Windows, name).and_then(|code| errors::native(Os::Windows, code));
    let aliases = ALIASES.into_iter().filter(|alias| errors::canonical(alias).is_some());
    let mut names: Vec<_> = errors::names().chain(errors::names().filter_map(twin)).chain(aliases).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_an_error_is_one() {
        for name in errors() {
            assert!(errors::canonical(name).is_some(), "{name}");
        }
        for name in ["ECONNREFUSED", "WSAECONNREFUSED", "EWOULDBLOCK"] {
            assert!(errors().contains(&name), "{name}");
        }
    }
}
