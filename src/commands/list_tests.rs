use super::super::sample::{cases, parse};
use super::*;
use crate::cli::Command;

/// What is listed, or the error.
fn listed(args: &[&str]) -> String {
    let folder = cases(&[]);
    let (cli, common) = parse(&folder, &[&["list"], args].concat());
    let Some(Command::List(args)) = &cli.command else { panic!("another command") };
    let mut out = Vec::new();
    match list(args, &common, &mut out, &mut Vec::new()) {
        Ok(_) => String::from_utf8(out).unwrap(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn without_a_question_there_are_titles() {
    assert_eq!(
        listed(&[]),
        "a/accept   An accept of what was reset\nb/connect  A connect by a call of another system\n"
    );
    assert_eq!(listed(&["--family", "b"]), "b/connect  A connect by a call of another system\n");
    assert_eq!(listed(&["--covers", "T1"]), "a/accept  An accept of what was reset\n");
    assert_eq!(listed(&["--covers", "T*"]).lines().count(), 2);
}

#[test]
fn an_error_is_found_with_its_step_and_who_gives_it() {
    assert_eq!(
        listed(&["--error", "econnaborted"]),
        "a/accept  An accept of what was reset\n    \
         accept listener: ECONNABORTED by the specification, expected of macos, freebsd (POSIX accept)\n"
    );
    assert_eq!(
        listed(&["--error", "EINVAL"]),
        "a/accept  An accept of what was reset\n    accept listener: EINVAL on linux (inet_accept)  [how write]\n"
    );
    assert_eq!(
        listed(&["--error", "WSAECONNREFUSED", "--platform", "windows"]),
        "b/connect  A connect by a call of another system\n    \
         connect client, to closed port, via connect | ConnectEx: ECONNREFUSED on windows, takes 1.5s..4s (KB175523)\n"
    );
}

#[test]
fn questions_are_about_one_step() {
    assert!(
        listed(&["--state", "established"]).contains("    state client: ESTABLISHED by the specification")
    );
    assert!(listed(&["--call", "shutdown"]).contains("    shutdown client, how read | write: ok\n"));
    assert!(listed(&["--call", "ConnectEx"]).contains("via ConnectEx: ECONNREFUSED  [via ConnectEx]\n"));
    assert_eq!(listed(&["--platform", "linux"]).lines().count(), 3, "two rows, two answers");
    // Windows has one answer of its own: that nobody knows is none.
    assert_eq!(listed(&["--platform", "windows"]).lines().count(), 2);
    assert!(listed(&["--call", "accept", "--error", "ECONNREFUSED"]).starts_with("no case matches"));
}

#[test]
fn what_is_not_known_is_told() {
    for (args, told) in [
        (["--error", "ECONABORTED"], "there is no error `ECONABORTED`; did you mean `ECONNABORTED`?"),
        (["--state", "TIMEWAIT"], "there is no TCP state `TIMEWAIT`; did you mean `TIME_WAIT`?"),
        (["--call", "shutdwn"], "there is no call `shutdwn`; did you mean `shutdown`?"),
        (["--family", "c"], "there is no family `c`"),
        (["--covers", "T9"], "there is no requirement `T9`; did you mean `T1`?"),
        (
            ["--platform", "lunix"],
            "--platform: `lunix` is no operating system that cases know; did you mean `linux`?",
        ),
    ] {
        assert_eq!(listed(&args), told);
    }
}

#[test]
fn a_wrong_case_is_told_beside_the_others() {
    let folder = cases(&[("c/wrong.yaml", "title: [\n")]);
    let (cli, common) = parse(&folder, &["list"]);
    let Some(Command::List(args)) = &cli.command else { panic!("another command") };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    assert_eq!(list(args, &common, &mut out, &mut err).unwrap(), Exit::Wrong);
    assert_eq!(String::from_utf8(out).unwrap().lines().count(), 2);
    assert!(
        String::from_utf8(err)
            .unwrap()
            .starts_with("sockspec: c/wrong is wrong: c/wrong.yaml:2:1: this is not")
    );
}
