//! Every verb can fail, and every kind of failure says what a stranger needs to know.
//!
//! The cases below `tests/failing/` are wrong on purpose: each must fail, and at the step that is wrong.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use sockspec_harness::case::verbs::{Class, OutcomeKind, VERBS, Verb};
use sockspec_harness::judge::verdict::Kind;
use sockspec_harness::results::{Results, TrialResult};

/// The wrong cases beside the real setups.
fn cases() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("failing");
        let _ = fs::remove_dir_all(&folder);
        for (from, to) in [
            ("cases/setups", "setups"),
            ("tests/failing/blocks", "blocks"),
            ("tests/failing/kinds", "kinds"),
            ("tests/failing/verbs", "verbs"),
        ] {
            let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(from);
            let to = folder.join(to);
            fs::create_dir_all(&to).expect("a folder");
            for entry in fs::read_dir(from).expect("a folder of cases") {
                let entry = entry.expect("an entry");
                fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy");
            }
        }
        folder
    })
}

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sockspec"))
        .args(["--target", "localhost", "--no-reports", "--color", "never", "--cases"])
        .arg(cases())
        .args(args)
        // Its annotations are no part of what is compared.
        .env_remove("GITHUB_ACTIONS")
        .output()
        .expect("sockspec can be started")
}

fn results(family: &str) -> Vec<TrialResult> {
    let file: PathBuf = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("failing-{family}.json"));
    let output = run(&["--json", &file.display().to_string(), family]);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let text = fs::read_to_string(file).expect("the results were written");
    serde_json::from_str::<Results>(&text).expect("results are JSON").trials
}

#[test]
fn every_verb_can_fail() {
    let results = results("verbs");
    // Disconnecting is only there on Windows; what only ever gives `ok` cannot go wrong, and an interruption is seen
    // when its call is finished.
    let fails = |verb: &&Verb| verb.outcomes != [OutcomeKind::Ok] || verb.name == "interrupt";
    let verbs = VERBS.iter().filter(|verb| verb.class != Class::Macro && verb.name != "disconnect");
    for verb in verbs.filter(fails) {
        let id = format!("verbs/{}", verb.name);
        let result =
            results.iter().find(|result| result.id == id).unwrap_or_else(|| panic!("no case for {id}"));
        if verb.name == "path" && result.verdict.kind == Kind::Skip {
            // Few machines let their kernel be traced.
            continue;
        }
        let needs_rights = verb.class == Class::Wire || verb.name == "path";
        if needs_rights && result.verdict.kind == Kind::Skip {
            continue;
        }
        assert_eq!(result.verdict.kind, Kind::Fail, "{id}: {:?}", result.verdict);
        let verb = if verb.name == "interrupt" { "finish" } else { verb.name };
        let text = &result.verdict.findings[0].text;
        assert!(text.starts_with(&format!("{verb} ")), "{id} fails elsewhere: {text}");
    }
}

/// What a call waits for may be on the wire when it is seen asleep: before that was waited for, half of these passed.
#[test]
fn what_is_about_to_end_does_not_block() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("failing-blocks.json");
    run(&["--json", &file.display().to_string(), "--repeat", "50", "blocks"]);
    let text = fs::read_to_string(file).expect("the results were written");
    let results = serde_json::from_str::<Results>(&text).expect("results are JSON").trials;
    assert_eq!(results.len(), 2);
    for result in results.iter().filter(|result| result.verdict.kind != Kind::Skip) {
        assert_eq!(result.verdict.kind, Kind::Fail, "{}: {:?}", result.id, result.verdict);
        assert!(result.also.is_empty(), "{}: {:?}", result.id, result.also);
    }
}

#[test]
fn every_kind_of_failure_is_told() {
    let output = run(&["-j", "1", "kinds"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stdout).replace(&cases().display().to_string(), "CASES");
    insta::with_settings!({filters => vec![
        (r"\d+(\.\d+)? ?(µs|ms|s|ns)\b", "[time]"),
        (r"(\[time\]|ok|EAGAIN|EPIPE|blocks|ECONNREFUSED|eof|CLOSED|SIGPIPE) +", "$1 "),
        (r"(?m) +\[time\]", " [time]"),
        (r"127\.\d+\.\d+\.\d+:\d+", "[address]"),
        (r"(;|) ?the machine was \[time\] ?late", ""),
        (r" \(of which the machine was late for \[time\]\)", ""),
        (r"(?m) +$", ""),
        (r"linux [0-9.]+", "linux [version]"),
    ]}, { insta::assert_snapshot!(text) });
}
