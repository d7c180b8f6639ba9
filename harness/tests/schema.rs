//! The schemas in `cases/` are current, accept every case and setup there, and refuse what is wrong.
//!
//! `SOCKSPEC_BLESS=1 cargo test -p sockspec-harness --test schema` writes them anew.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sockspec_harness::case::schema;
use sockspec_harness::judge::deviations::Deviations;

fn cases() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../cases"))
}

fn validator(schema: &Value) -> jsonschema::Validator {
    jsonschema::draft7::new(schema).expect("the schema is one")
}

fn value(yaml: &str) -> Value {
    serde_yaml::from_str(yaml).expect("YAML")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn the_schemas_are_current() {
    let bless = std::env::var_os("SOCKSPEC_BLESS").is_some();
    for (name, schema) in [
        ("case.schema.json", schema::case()),
        ("setup.schema.json", schema::setup()),
        ("deviations.schema.json", schema::deviations()),
    ] {
        let path = cases().join(name);
        if bless {
            fs::write(&path, format!("{schema:#}\n")).expect("the schema can be written");
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        // The order of keys is no matter.
        let stored: Option<Value> = serde_json::from_str(&text).ok();
        assert!(stored.as_ref() == Some(&schema), "cases/{name} is old; SOCKSPEC_BLESS=1 writes it anew");
    }
}

#[test]
fn a_schema_is_a_schema() {
    for schema in [schema::case(), schema::setup(), schema::deviations()] {
        assert!(jsonschema::meta::is_valid(&schema));
    }
}

#[test]
fn every_file_is_accepted() {
    let (case, setup) = (validator(&schema::case()), validator(&schema::setup()));
    let deviations = validator(&schema::deviations());
    let mut wrong = Vec::new();
    let mut count = 0;
    for path in files(&cases()) {
        let relative = path.strip_prefix(cases()).expect("below").to_path_buf();
        let folder = relative.parent().and_then(Path::to_str).unwrap_or_default();
        let validator = match folder {
            "" => continue,
            "deviations" => &deviations,
            "setups" => &setup,
            _ => &case,
        };
        count += 1;
        let value = value(&fs::read_to_string(&path).expect("a text"));
        for error in validator.iter_errors(&value) {
            wrong.push(format!("{}: {}: {error}", relative.display(), error.instance_path()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 5, "only {count} files");
}

#[test]
fn what_every_part_of_the_language_may_hold_is_accepted() {
    let validator = validator(&schema::case());
    for step in [
        "{close: $name}",
        "{$verb: client, how: write}",
        "{state: {$a: TIME_WAIT, b: {any_of: [CLOSED, TIME_WAIT]}}}",
        "{state: {a: {row: TIME_WAIT, else: CLOSED}}}",
        "{state: a, open: true}",
        "{bind: a, address: {family: 99}}",
        "{bind: a, address: $where, at: $end}",
        "{shutdown: a, how: 7, expect: EINVAL}",
        "{send: a, data: {size: 10}, flags: [MSG_OOB, $flag], expect: {bytes: 5}}",
        "{send: a, data: x, expect: EPIPE, signal: SIGPIPE}",
        "{recv: a, expect: {data: eof}}",
        "{recv: a, expect: 5}",
        "{recv: a, background: waiting}",
        "{recv: a, expect: EAGAIN, takes: {one: 200ms.., 'two, three': ..1s}, within: 1min}",
        "{ready: a, expect: []}",
        "{getsockopt: a, option: SO_LINGER, expect: 5s}",
        "{setsockopt: a, option: SO_LINGER, value: {linger: off}}",
        "{setsockopt: a, option: SO_LINGER, value: {bytes: 3}, expect: EINVAL}",
        "{connect: a, to: b, expect: WSAECONNREFUSED}",
        "{connect: a, to: b, os: {linux: EIO, 'macos >= 14 < 15, freebsd with x.y = 1': {expect: unknown, stop: true}}}",
        "{connect: a, to: b, os: {windows: {any_of: [EIO, ok], timer: 1s}}}",
        "{repeat: 2, do: [{close: a $n}]}",
        "{repeat: $times, do: [{close: a $n}], only: {axis: [row, 1]}}",
        "{setup: client in FIN_WAIT_2 by close}",
    ] {
        let text = format!("{{title: T, covers: T25, steps: [{step}]}}");
        let errors: Vec<_> = validator.iter_errors(&value(&text)).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{step}: {errors:?}");
    }
}

#[test]
fn what_is_wrong_is_refused() {
    let (case, setup) = (validator(&schema::case()), validator(&schema::setup()));
    for step in [
        "{cloze: a}",
        "{close: 5}",
        "{close: a, shutdown: b, how: write}",
        "{close: a, hov: write}",
        "{shutdown: a}",
        "{shutdown: a, how: wirte}",
        "{recv: a}",
        "{recv: a, expect: EAGIAN}",
        "{recv: a, expect: true}",
        "{recv: a, expect: ESTABLISHED}",
        "{connect: a, to: b, expect: eof}",
        "{connect: a, to: b, takes: 200}",
        "{connect: a, to: b, takes: 200..300ms}",
        "{connect: a, to: b, os: {lunix: EIO}}",
        "{connect: a, to: b, os: {linux: {expct: EIO}}}",
        "{connect: a, to: b, stop: true}",
        "{connect: a, to: b, now: true}",
        "{ready: a, expect: [OTU]}",
        "{state: a, expect: CLOSED, background: x}",
        "{state: {a: FIN_WAIT}}",
        "{state: {a: CLOSED}, os: {linux: CLOSED}}",
        "{state: a}",
        "{setsockopt: a, option: SO_REUSEADR}",
        "{recv: a, expect: {any_of: [eof]}}",
        "{setup: connected, expect: ok}",
        "{repeat: 2}",
    ] {
        let text = format!("{{title: T, covers: T25, steps: [{step}]}}");
        assert!(!case.is_valid(&value(&text)), "{step}");
    }
    for text in [
        "{title: T, covers: T25, steps: []}",
        "{title: T, steps: [{close: a}]}",
        "{title: true, covers: T25, steps: [{close: a}]}",
        "{title: T, covers: T25, steps: [{close: a}], true: {}}",
        "{title: T, covers: T25, steps: [{close: a}], needs: ipv5}",
        "{title: T, covers: T25, steps: [{close: a}], link: lopback}",
        "{title: T, covers: T25, steps: [{close: a}], matrix: {family: [ipv5]}}",
        "{title: T, covers: T25, steps: [{close: a}], matrix: {x: [true]}}",
        "{title: T, covers: T25, steps: [{close: a}], os: {linux: {label: EIO}}}",
        "{title: T, covers: T25, steps: [{close: a}], except: [{where: {a: b}}]}",
    ] {
        assert!(!case.is_valid(&value(&text.replace("true:", "'on':"))), "{text}");
    }
    assert!(!setup.is_valid(&value("{title: T, covers: T25, steps: [{close: a}]}")));
    assert!(setup.is_valid(&value("{title: T, steps: [{close: a}]}")));
}

#[test]
fn deviations_are_checked_as_they_are_read() {
    let validator = validator(&schema::deviations());
    let entry = "cases: [a/b], where: {family: [ipv4]}, step: s, outcome: [ok], why: w, since: v, link: l";
    let file = |entries: &str| format!("{{stack: s, about: a, deviations: [{{{entries}}}]}}");
    let is_read = |text: &str| Deviations::read(text).is_ok();
    assert!(validator.is_valid(&value(&file(entry))) && is_read(&file(entry)));
    for part in entry.split(", ") {
        let key = part.split(':').next().expect("a key");
        let text = file(&entry.replace(part, "more: 1"));
        assert!(!validator.is_valid(&value(&text)) && !is_read(&text), "more: {text}");
        let text = file(&entry.split(", ").filter(|other| *other != part).collect::<Vec<_>>().join(", "));
        assert_eq!(validator.is_valid(&value(&text)), is_read(&text), "without {key}: {text}");
    }
}

#[test]
fn every_wrong_case_that_a_schema_can_see_is_refused() {
    let validator = validator(&schema::case());
    // What a schema can see at all: the rest takes more than one value to be wrong.
    for name in [
        "any-of-one",
        "bad-time",
        "boolean-for-text",
        "missing-argument",
        "missing-keys",
        "no-verb",
        "nothing-expected",
        "now-without-look",
        "null-for-text",
        "number-for-text",
        "on-for-os",
        "outcome-of-another-verb",
        "several-sockets-with-os",
        "stop-outside-os",
        "two-verbs",
        "unknown-argument",
        "unknown-bit",
        "unknown-error",
        "unknown-key",
        "unknown-need",
        "unknown-option",
        "unknown-platform",
        "unknown-state",
        "unknown-verb",
        "wrong-type",
        "wrong-word",
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wrong").join(format!("{name}.yaml"));
        let text = fs::read_to_string(&path).expect("a wrong case");
        assert!(!validator.is_valid(&value(&text)), "{name}");
    }
}
