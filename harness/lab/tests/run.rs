//! The lab's program with entries made for the purpose: this machine's own kernel, and stacks that crash, hang, or lie.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "what these helpers cannot do fails the test")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use sockspec_harness::judge::verdict::Kind;
use sockspec_harness::results::Results;
use tempfile::{TempDir, tempdir};

/// A folder with an entry, and with a cache.
struct Lab(TempDir);

impl Lab {
    fn with(start: &str, more: &str) -> Self {
        let folder = tempdir().unwrap();
        fs::create_dir(folder.path().join("entries")).unwrap();
        let text = format!("title: A stack\nproof: {{platform: linux}}\nstart: {start}\n{more}\n");
        let text = if more.contains("limit:") { text } else { format!("{text}limit: 2min\n") };
        fs::write(folder.path().join("entries/stack.yaml"), text).unwrap();
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn run(&self, suite: &[&str]) -> Output {
        self.command(suite).output().unwrap()
    }

    fn command(&self, suite: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sockspec-lab"));
        command.args(["--entries", "entries", "run", "stack", "--report-dir", "out", "--"]).args(suite);
        command.current_dir(self.path()).env("XDG_CACHE_HOME", self.path().join("cache"));
        command.stdin(Stdio::null());
        command
    }

    fn results(&self) -> Results {
        let text = fs::read(self.path().join("out/stack/results.json")).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    /// Nothing of a run may be left in the cache.
    fn is_clean(&self) -> bool {
        fs::read_dir(self.path().join("cache/sockspec/lab/runs")).unwrap().next().is_none()
    }
}

/// Whether this machine lets us have namespaces.
fn can() -> bool {
    let root = sockspec_lab::prepare::is_root();
    let works = sockspec_lab::child::contained(&["true".to_owned()], root, None).output();
    works.is_ok_and(|output| output.status.success())
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_suite_runs_and_its_reports_come_back() {
    if !can() {
        return;
    }
    let lab = Lab::with("[$suite]", "");
    let output = lab.run(&["--exact", "refused/closed-port[ipv4,connect]"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(text(&output).contains("stack: as recorded"), "{}", text(&output));
    let results = lab.results();
    assert_eq!(results.trials.len(), 1);
    assert!(results.real_duration.is_some());
    assert!(lab.path().join("out/stack/junit.xml").is_file());
    assert!(lab.is_clean());
}

#[test]
fn a_stack_that_does_not_end_after_the_suite_is_ended() {
    if !can() {
        return;
    }
    let lab = Lab::with("[sh, -c, '\"$@\"; echo $? > exit; exec sleep 1000', sh, $suite]", "limit: 10min");
    let begin = Instant::now();
    let output = lab.run(&["--exact", "refused/closed-port[ipv4,connect]"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(begin.elapsed() < Duration::from_secs(300), "it was waited for");
    assert!(lab.is_clean());
}

#[test]
fn a_stack_that_lies_is_stopped() {
    if !can() {
        return;
    }
    let lab = Lab::with("[$suite]", "environment: {A: b}");
    let entry = lab.path().join("entries/stack.yaml");
    let lie =
        fs::read_to_string(&entry).unwrap().replace("platform: linux", "platform: linux, stack: gvisor");
    fs::write(&entry, lie).unwrap();
    let output = lab.run(&["refused"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(
        text(&output).contains("this is not the stack that it should be: it claims to be"),
        "{}",
        text(&output)
    );
    assert!(lab.is_clean());
}

#[test]
fn a_crash_is_told_with_the_last_words() {
    if !can() {
        return;
    }
    // Whatever it ends with: the suite has told nothing.
    let lab = Lab::with("[sh, -c, 'echo last words', sh, $lab]", "");
    let output = lab.run(&[]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output).contains("stack: THE STACK CRASHED"), "{}", text(&output));
    assert!(text(&output).contains("| last words"), "{}", text(&output));
}

#[test]
fn a_crash_costs_the_trials_that_were_not_over() {
    if !can() {
        return;
    }
    // The suite is killed when its journal tells of the first result.
    let script = "'\"$@\" & p=$!; until grep -q finished $JOURNAL 2>/dev/null; do sleep 0.01; done; kill -KILL $p; exit 99'";
    let lab = Lab::with(
        &format!("[sh, -c, {script}, sh, $suite]"),
        "environment: {JOURNAL: journal}\nsuite: [--jobs=1, --ignored]",
    );
    let output = lab.run(&["refused", "expiry", "--include-ignored"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    let results = lab.results();
    let broken: Vec<_> = results.trials.iter().filter(|trial| trial.verdict.kind == Kind::Broken).collect();
    assert!(!broken.is_empty() && broken.len() < results.trials.len(), "{}", broken.len());
    let why = &broken[broken.len() - 1].verdict.findings[0].text;
    assert!(why.starts_with("THE STACK CRASHED (exit status: 99)"), "{why}");
    assert!(fs::read_to_string(lab.path().join("out/stack/junit.xml")).unwrap().contains("<error "));
}

#[test]
fn a_stack_that_hangs_is_killed_when_its_time_is_over() {
    if !can() {
        return;
    }
    let lab = Lab::with("[sh, -c, 'sleep 1000', $lab]", "limit: 200ms");
    let output = lab.run(&[]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output).contains("THE STACK HUNG: not over after 200ms"), "{}", text(&output));
}

#[test]
fn nothing_lives_on_when_the_lab_is_killed() {
    if !can() {
        return;
    }
    let lab = Lab::with("[sh, -c, 'echo ready; sleep 987654', $lab]", "");
    let mut child = lab.command(&[]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = [0; 6];
    std::io::Read::read_exact(&mut child.stdout.take().unwrap(), &mut line).unwrap();
    assert_eq!(&line, b"ready\n");
    wait_until(|| lives("987654"));
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until(|| !lives("987654"));
}

fn wait_until(is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < end, "it does not come");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Whether there is a process with that argument.
fn lives(argument: &str) -> bool {
    let commands = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path().join("cmdline"));
    commands
        .flat_map(fs::read)
        .any(|line| line.split(|byte| *byte == 0).any(|word| word == argument.as_bytes()))
}

#[test]
fn unknown_names_are_told_with_the_known_ones() {
    let lab = Lab::with("[$suite]", "");
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockspec-lab"));
    let output =
        command.current_dir(lab.path()).args(["--entries", "entries", "prepare", "stak"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        text(&output),
        "sockspec-lab: there is no entry `stak`; known are: stack, all; what is for the suite stands behind `--`\n"
    );
}
