use super::super::sample::{cases, parse};
use super::*;
use crate::evidence::mark::Mark;

/// The explanation, or the error.
fn explained(id: &str) -> String {
    explained_with(id, "")
}

/// The same, where this was observed on a platform.
fn explained_with(id: &str, observed: &str) -> String {
    let folder = cases(&[]);
    let evidence = folder.path().join("observed/here");
    if !observed.is_empty() {
        std::fs::create_dir_all(&evidence).unwrap();
        std::fs::write(evidence.join("results.json"), observed).unwrap();
    }
    let (_, common) = parse(&folder, &["list"]);
    let mut out = Vec::new();
    match explain(
        id,
        &folder.path().join("observed"),
        &common,
        &Network::Machine("a test".to_owned()),
        &mut out,
    ) {
        Ok(_) => String::from_utf8(out).unwrap(),
        Err(error) => error.to_string(),
    }
}

/// What stands under a heading.
fn part<'t>(text: &'t str, heading: &str) -> &'t str {
    let from = text.find(&format!("{heading}\n")).unwrap() + heading.len() + 1;
    let rest = &text[from..];
    rest.split("\n\n").next().unwrap()
}

#[test]
fn rows_are_told_where_they_decide() {
    let text = explained("a/accept");
    assert!(
        text.starts_with("a/accept\nAn accept of what was reset\n\ncovers\n  T1: The first (RFC 1)\n"),
        "{text}"
    );
    assert_eq!(
        part(&text, "steps"),
        "  1. socket listener
  2. bind listener, address any port
  3. listen listener
  4. socket client
  5. connect client, to address of listener
  6. shutdown client, how read  [how read]
     shutdown client, how write  [how write]
  7. accept listener
        specification: ECONNABORTED (POSIX accept)
        linux: ok (inet_accept)  [how read]
        linux: EINVAL (inet_accept)  [how write]
        windows: unknown
        macos, freebsd: as the specification
  8. state client
        specification: ESTABLISHED\n"
    );
}

#[test]
fn a_trial_has_no_other_rows() {
    let text = explained("a/accept[ipv4,write]");
    assert!(text.starts_with("a/accept[ipv4,write]\n"), "{text}");
    let steps = part(&text, "steps");
    assert!(steps.contains("  6. shutdown client, how write\n") && !steps.contains('['), "{steps}");
}

#[cfg(unix)]
#[test]
fn what_only_another_system_has_is_not_expected_here() {
    let text = explained("b/connect");
    assert_eq!(part(&text, "trials on this platform"), "  b/connect[connect]");
    assert_eq!(part(&text, "not on this platform"), "  b/connect[connectex]  (needs call ConnectEx)");
}

#[test]
fn what_is_not_there_is_told() {
    assert_eq!(explained("a/axcept"), "there is no case `a/axcept`; `sockspec list` shows them all");
    assert_eq!(
        explained("a/accept[ipv5]"),
        "`a/accept` has no trial `a/accept[ipv5]`; `sockspec explain a/accept` shows them"
    );
}

#[test]
fn what_was_observed_is_told_by_rows() {
    let platform = serde_json::to_value(crate::report::sample::results(Vec::new()).platform).unwrap();
    let observed = serde_json::json!({
        "observed": 1, "name": "here", "sockspec": "0.1.0", "recorded": "2026-11-25T00:00:00Z", "repeat": "sockspec",
        "platform": platform,
        "cases": [{
            "case": "a/accept", "axes": ["family", "how"],
            "steps": ["7 accept listener", "8 state client"],
            "reasons": ["needs ipv6"],
            "trials": [
                {"id": "a/accept[ipv4,read]", "verdict": "deviates", "outcomes": [[1, "ESTABLISHED"]]},
                {"id": "a/accept[ipv4,write]", "verdict": "fail", "outcomes": [[0, "EIO", "unexpected-deviates"]]},
                {"id": "a/accept[ipv6,read]", "verdict": "skip", "reason": 0},
                {"id": "a/accept[ipv6,write]", "verdict": "skip", "reason": 0},
            ],
        }],
    });
    let text = explained_with("a/accept", &observed.to_string());
    let mark = Mark::UnexpectedDeviates;
    assert_eq!(
        part(&text, "observed"),
        format!(
            "  here, recorded 2026-11-25T00:00:00Z
    deviates  [family ipv4; how read]
    fail  [family ipv4; how write]
    skip: needs ipv6  [family ipv6]
      accept listener: EIO ({mark})  [family ipv4; how write]
      state client: ESTABLISHED  [family ipv4; how read]\n"
        )
    );
    assert!(!explained_with("b/connect", &observed.to_string()).contains("observed"));
}
