//! JSON schemas of a case file, of a setup and of deviations, for editors: made from the tables, so that they complete
//! and explain what the parser reads. Draft 7, which the YAML language server knows best.
//!
//! A schema sees one value at a time: that a socket exists, that a row is named, that selectors do not overlap is only
//! found by `sockspec check`. What outcomes and small values look like is in `schema/values.rs`.

mod deviations;
mod values;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::expand::NEEDS;
use super::model::CASE_KEYS;
use super::verbs::{Arg, ArgKind, Class, STEP_KEYS, Subject, VERBS, Verb};
use crate::platform::options;
pub use deviations::deviations;
use values::{any, dollar, reference};

/// The keys of a setup; what they are is said at those of a case.
const SETUP_KEYS: [&str; 4] = ["title", "link", "needs", "steps"];

/// The schema of a case file.
#[must_use]
pub fn case() -> Value {
    let keys = CASE_KEYS.iter().map(|(key, _)| *key);
    file("A case of sockspec", keys, &["title", "covers", "steps"])
}

/// The schema of a file in `setups/`.
#[must_use]
pub fn setup() -> Value {
    file("A setup of sockspec", SETUP_KEYS, &["title", "steps"])
}

fn file<'a>(title: &str, keys: impl IntoIterator<Item = &'a str>, required: &[&str]) -> Value {
    let properties: Map<String, Value> = keys
        .into_iter()
        .filter_map(|key| {
            let (_, about) = CASE_KEYS.iter().find(|(name, _)| *name == key)?;
            Some((key.to_owned(), described(case_key(key)?, about)))
        })
        .collect();
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": title,
        "description": "See cases/README.md.",
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
        "definitions": definitions(),
    })
}

/// What a key of a file holds. A test sees that no key is forgotten.
fn case_key(key: &str) -> Option<Value> {
    Some(match key {
        "title" => values::prose(),
        "covers" | "formerly" => values::one_or_more(json!({"type": "string"})),
        "far end" => json!({"enum": ["raw", "socket"]}),
        "link" => json!({"enum": ["loopback", "wire"]}),
        "given" => values::name(),
        "needs" => values::one_or_more(reference("need")),
        "settings" => {
            json!({"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}})
        }
        "matrix" => matrix(),
        "steps" => json!({"type": "array", "minItems": 1, "items": reference("step")}),
        "os" => reference("os"),
        "except" => values::one_or_more(reference("exception")),
        "deadline" => reference("duration"),
        "slow" => json!({"type": "boolean"}),
        _ => return None,
    })
}

fn definitions() -> Value {
    let mut definitions = values::definitions();
    let mut add = |name: &str, schema: Value| definitions.insert(name.to_owned(), schema);
    let words = NEEDS.iter().map(|(word, _)| *word);
    let abouts = NEEDS.iter().map(|(_, about)| *about);
    let calls: BTreeSet<_> = VERBS.iter().flat_map(Verb::calls).map(|call| format!("call {call}")).collect();
    let options = options::names().map(|name| format!("option {name}"));
    add(
        "need",
        any([
            values::explained(words, abouts),
            json!({"enum": calls}),
            json!({"enum": options.collect::<Vec<_>>()}),
            json!({"type": "string", "pattern": "^(call|option) .|\\$"}),
        ]),
    );
    let all = values::set(&values::KINDS);
    add(&format!("outcome-{all}"), values::outcome(&values::KINDS));
    add(&format!("layer-{all}"), values::layer(&all));
    add("labels", values::map_of(reference(&format!("layer-{all}"))));
    let group = json!({
        "type": "object",
        "properties": {
            "steps": described(reference("labels"), "what comes out instead, by the label of the step"),
            "why": described(values::prose(), step_about("why")),
            "source": described(values::prose(), step_about("source")),
        },
        "required": ["steps"],
        "additionalProperties": false,
    });
    add("os", values::by_platform(&group));
    add(
        "exception",
        json!({
            "type": "object",
            "properties": {
                "where": described(values::condition(), "the cells that are meant"),
                "steps": described(reference("labels"), "what is expected instead, by the label of the step"),
                "os": described(reference("os"), "what platforms do instead"),
                "why": described(values::prose(), step_about("why")),
                "source": described(values::prose(), step_about("source")),
            },
            "required": ["where"],
            "anyOf": [{"required": ["steps"]}, {"required": ["os"]}],
            "additionalProperties": false,
        }),
    );
    for verb in VERBS {
        // Verbs that can give the same kinds share what is said of them.
        let set = values::set(verb.outcomes);
        add(&format!("outcome-{set}"), values::outcome(verb.outcomes));
        add(&format!("layer-{set}"), values::layer(&set));
        let os = values::by_platform(&reference(&format!("layer-{set}")));
        add(&format!("os-{set}"), described(os, step_about("os")));
        add(&format!("verb-{}", verb.name), step(verb));
    }
    for (key, about) in STEP_KEYS {
        if let Some(schema) = step_key(key) {
            add(&format!("key-{key}"), described(schema, about));
        }
    }
    let branches =
        VERBS.iter().map(|verb| reference(&format!("verb-{}", verb.name))).chain([verb_of_a_row()]);
    add("step", json!({"type": "object", "anyOf": branches.collect::<Vec<_>>()}));
    Value::Object(definitions)
}

/// A step with a verb.
fn step(verb: &Verb) -> Value {
    let mut properties = Map::new();
    let mut value = described(subject(verb), verb.about);
    // The YAML language server shows this one instead.
    value["markdownDescription"] = json!(format!("{}\n\n```yaml\n{}\n```", verb.about, verb.example));
    properties.insert(verb.name.to_owned(), value);
    for arg in verb.args {
        properties.insert(arg.name.to_owned(), described(argument(arg), arg.about));
    }
    for (key, about) in STEP_KEYS.iter().filter(|(key, _)| may_have(verb, key)) {
        let schema = match *key {
            "expect" => described(reference(&format!("outcome-{}", values::set(verb.outcomes))), about),
            "os" => reference(&format!("os-{}", values::set(verb.outcomes))),
            key => reference(&format!("key-{key}")),
        };
        properties.insert((*key).to_owned(), schema);
    }
    let required = verb.args.iter().filter(|arg| arg.required).map(|arg| arg.name);
    let required: Vec<_> = std::iter::once(verb.name).chain(required).collect();
    let mut step = json!({
        "title": verb.name,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });
    if !verb.ok_by_default {
        step["anyOf"] = json!([{"required": ["expect"]}, {"required": ["open"]}]);
    }
    if !verb.ok_by_default && may_have(verb, "background") {
        step["anyOf"] =
            json!([{"required": ["expect"]}, {"required": ["open"]}, {"required": ["background"]}]);
    }
    if verb.subject == Subject::Sockets {
        let several = json!({
            "properties": {(verb.name): {"type": "object"}, "expect": false, "open": false, "os": false, "label": false},
        });
        let one = json!({"properties": {(verb.name): {"type": "string"}}, "anyOf": step["anyOf"]});
        step["anyOf"] = json!([one, several]);
    }
    step
}

/// A step whose verb is the value of a row: only `sockspec check` knows what it may have.
fn verb_of_a_row() -> Value {
    json!({
        "title": "a verb that a row gives",
        "description": "`$name: SOCKET`",
        "type": "object",
        "not": {"propertyNames": {"pattern": "^[^$]*$"}},
    })
}

/// Whether a key of every step means something beside this verb. A macro is gone before it could be judged.
fn may_have(verb: &Verb, key: &str) -> bool {
    match (verb.class, key) {
        (Class::Macro, "only") => true,
        (Class::Macro, _) => false,
        (Class::Call, "now" | "gaps") => false,
        // With a time limit it is a call like others.
        (Class::Look, "background") => verb.arg("timeout").is_some(),
        (Class::Look, "mode" | "nonblocking" | "gaps") => false,
        (Class::Background, "background" | "mode" | "nonblocking" | "now" | "gaps") => false,
        (Class::Wire, "background" | "mode" | "nonblocking" | "now") => false,
        (Class::Wire, "gaps") => verb.name == "sent",
        _ => true,
    }
}

/// What a key of every step holds, where it does not depend on the verb. A test sees that no key is forgotten.
fn step_key(key: &str) -> Option<Value> {
    Some(match key {
        "background" | "label" | "since" => values::name(),
        "mode" => any([json!({"enum": ["blocking", "nonblocking", "waiting"]}), dollar()]),
        "nonblocking" | "now" | "open" => any([json!({"type": "boolean"}), dollar()]),
        "only" => values::condition(),
        "signal" => reference("signal"),
        "source" | "unnoticed" | "why" => values::prose(),
        "gaps" => values::gaps(),
        "takes" => reference("takes"),
        "timer" => reference("timer"),
        "within" => reference("duration"),
        _ => return None,
    })
}

fn subject(verb: &Verb) -> Value {
    match verb.subject {
        Subject::Socket | Subject::SocketOrNew | Subject::NewSocket | Subject::Call | Subject::Setup => {
            values::name()
        }
        Subject::Pattern => values::name(),
        Subject::Cable => json!({"const": "cable"}),
        Subject::Sockets => any([
            values::name(),
            values::map_of(reference(&format!("outcome-{}", values::set(verb.outcomes)))),
        ]),
        Subject::Count => any([json!({"type": "integer", "minimum": 0}), dollar()]),
    }
}

fn argument(arg: &Arg) -> Value {
    match arg.kind {
        ArgKind::Address => reference("address"),
        ArgKind::Bool => any([json!({"type": "boolean"}), dollar()]),
        ArgKind::Data => reference("data"),
        ArgKind::Duration => reference("duration"),
        ArgKind::Flags => values::one_or_more(reference("flag")),
        ArgKind::Expression => any([json!({"type": "integer"}), values::prose()]),
        ArgKind::Segment => values::segment(true),
        ArgKind::SegmentWant => values::segment(false),
        ArgKind::Int => any([json!({"type": "integer"}), dollar()]),
        ArgKind::NewSocket => values::name(),
        ArgKind::Option => reference("option"),
        ArgKind::OptionValue => reference("option-value"),
        ArgKind::Steps => json!({"type": "array", "items": reference("step")}),
        ArgKind::Word(words) => any([json!({"enum": words}), json!({"type": "integer"}), dollar()]),
        ArgKind::OneOf(words) => any([json!({"enum": words}), dollar()]),
    }
}

fn matrix() -> Value {
    let row = json!({
        "type": "object",
        "description": "Values of the row, each of which `$key` stands for in the case.",
        "properties": {
            "needs": described(values::one_or_more(reference("need")), "what this row needs"),
            "covers": described(values::one_or_more(json!({"type": "string"})), "what this row covers"),
        },
    });
    let families = json!(["ipv4", "ipv6"]);
    let axis = any([
        json!({"type": "array", "minItems": 1, "items": {"type": ["string", "number"]}}),
        json!({"type": "object", "minProperties": 1, "additionalProperties": row}),
    ]);
    let family = any([
        json!({"type": "array", "minItems": 1, "items": {"enum": families}}),
        json!({"type": "object", "minProperties": 1, "propertyNames": {"enum": families}, "additionalProperties": row}),
    ]);
    json!({
        "type": "object",
        "properties": {"family": described(family, "the address family of the sockets")},
        "additionalProperties": axis,
    })
}

fn step_about(key: &str) -> &'static str {
    STEP_KEYS.iter().find(|(name, _)| *name == key).map_or("", |(_, about)| *about)
}

/// A description stands beside `$ref` in a wrapper, because draft 7 ignores what stands in the same map.
fn described(schema: Value, about: &str) -> Value {
    if schema.get("$ref").is_some() {
        return json!({"description": about, "allOf": [schema]});
    }
    let mut schema = schema;
    schema["description"] = json!(about);
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_is_forgotten() {
        for (key, _) in CASE_KEYS {
            assert!(case_key(key).is_some(), "{key}");
        }
        for (key, _) in STEP_KEYS {
            assert!(step_key(key).is_some() || matches!(*key, "expect" | "os"), "{key}");
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        for schema in [case(), setup()] {
            let text = schema.to_string();
            for part in text.split("#/definitions/").skip(1) {
                let name = part.split('"').next().unwrap();
                assert!(schema["definitions"].get(name).is_some(), "{name}");
            }
        }
    }
}
