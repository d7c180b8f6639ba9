use super::super::sample::{cases, parse};
use super::*;

/// The explanation, or the error.
fn explained(id: &str) -> String {
    let folder = cases(&[]);
    let (_, common) = parse(&folder, &["list"]);
    let mut out = Vec::new();
    match explain(id, &common, &Network::Machine("a test".to_owned()), &mut out) {
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
