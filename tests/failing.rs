//! Every verb can fail, and every kind of failure says what a stranger needs to know.
//!
//! The cases below `tests/failing/` are wrong on purpose: each must fail, and at the step that is wrong.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sockspec_harness::case::verbs::{Class, VERBS};
use sockspec_harness::judge::verdict::Kind;
use sockspec_harness::results::{Results, TrialResult};

fn run(args: &[&str]) -> Output {
    let cases = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/failing");
    Command::new(env!("CARGO_BIN_EXE_sockspec"))
        .args(["--target", "localhost", "--cases", cases, "--no-reports", "--color", "never"])
        .args(args)
        .output()
        .expect("sockspec can be started")
}

fn results(family: &str) -> Vec<TrialResult> {
    let file: PathBuf = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("failing-{family}.json"));
    let output = run(&["--json", &file.display().to_string(), family]);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(file).expect("the results were written");
    serde_json::from_str::<Results>(&text).expect("results are JSON").trials
}

#[test]
fn every_verb_can_fail() {
    let results = results("verbs");
    // Making a wrong descriptor cannot go wrong, disconnecting is only there on Windows.
    let verbs = VERBS.iter().filter(|verb| verb.class != Class::Macro);
    for verb in verbs.filter(|verb| !matches!(verb.name, "descriptor" | "disconnect")) {
        let id = format!("verbs/{}", verb.name);
        let result =
            results.iter().find(|result| result.id == id).unwrap_or_else(|| panic!("no case for {id}"));
        if verb.name == "path" && result.verdict.kind == Kind::Skip {
            // Few machines let their kernel be traced.
            continue;
        }
        assert_eq!(result.verdict.kind, Kind::Fail, "{id}: {:?}", result.verdict);
        // What an interruption does is only seen when the call is finished.
        let verb = if verb.name == "interrupt" { "finish" } else { verb.name };
        let text = &result.verdict.findings[0].text;
        assert!(text.starts_with(&format!("{verb} ")), "{id} fails elsewhere: {text}");
    }
}

#[test]
fn every_kind_of_failure_is_told() {
    let output = run(&["-j", "1", "kinds"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stdout).replace(env!("CARGO_MANIFEST_DIR"), "");
    insta::with_settings!({filters => vec![
        (r"\d+(\.\d+)? ?(µs|ms|s|ns)\b", "[time]"),
        (r"(\[time\]|ok|EAGAIN|EPIPE|blocks|ECONNREFUSED|eof|CLOSED|SIGPIPE) +", "$1 "),
        (r"(?m) +\[time\]", " [time]"),
        (r"127\.\d+\.\d+\.\d+:\d+", "[address]"),
        (r"; the machine was \[time\]late", ""),
        (r"linux [0-9.]+", "linux [version]"),
    ]}, { insta::assert_snapshot!(text) });
}
