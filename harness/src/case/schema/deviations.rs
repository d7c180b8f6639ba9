//! The schema of a file in `deviations/`. What its keys mean to a verdict is `judge::deviations`'s.

use serde_json::{Value, json};

use super::{described, values};

/// The schema of a file in `deviations/`.
#[must_use]
pub fn deviations() -> Value {
    let file = [
        ("stack", json!({"type": "string"}), "the stand-in: the first word of a platform's `stack`"),
        ("about", values::prose(), "what it is, and where its bugs are told"),
        ("deviations", json!({"type": "array", "items": entry()}), "what it does"),
    ];
    let mut schema = object(file, &["stack", "about", "deviations"]);
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("What a stand-in is known to do in place of its system");
    schema["description"] = json!("See cases/README.md.");
    schema
}

fn entry() -> Value {
    let patterns = || json!({"type": "array", "minItems": 1, "items": {"type": "string"}});
    let rows = json!({"type": "object", "additionalProperties": patterns()});
    let mut entry = object(
        [
            ("cases", patterns(), "the ids of cases, or patterns of `*` and `?`"),
            ("where", rows, "only in these rows: `{axis: [row, row]}`"),
            ("step", values::prose(), "the step that fails, in words as a transcript shows it, or a pattern"),
            (
                "outcome",
                patterns(),
                "what comes out of it instead, as a transcript shows it, or patterns: one of these; where only the \
                 time is wrong, `OUTCOME too soon` or `OUTCOME too late`",
            ),
            (
                "fatal",
                json!({"const": true}),
                "instead of `outcome`: the stand-in itself ends, so these trials are not run",
            ),
            ("at_times", json!({"type": "boolean"}), "it comes and goes: such a trial is known either way"),
            ("why", values::prose(), "why it does so"),
            ("since", values::prose(), "the version in which it was seen first"),
            ("link", values::prose(), "where it is told"),
        ],
        &["cases", "step", "why", "since"],
    );
    entry["oneOf"] = json!([{"required": ["outcome"]}, {"required": ["fatal"]}]);
    entry
}

fn object<const N: usize>(keys: [(&str, Value, &str); N], required: &[&str]) -> Value {
    let keys = keys.map(|(key, schema, about)| (key.to_owned(), described(schema, about)));
    json!({
        "type": "object",
        "properties": serde_json::Map::from_iter(keys),
        "required": required,
        "additionalProperties": false,
    })
}
