//! The parts of a run that was split are, merged, the run that was not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sockspec_harness::results::{Part, Results};

fn folder(name: &str) -> PathBuf {
    let folder = folder_of(name);
    let _ = fs::remove_dir_all(&folder);
    folder
}

fn folder_of(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("merge").join(name)
}

fn sockspec(args: &[&str], reports: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockspec"));
    command
        .args(args)
        .arg("--report-dir")
        .arg(reports)
        .args(["--color", "never"])
        .env_remove("GITHUB_ACTIONS");
    command.output().expect("sockspec can be started")
}

fn run(selection: &[&str], reports: &Path) -> Output {
    // Something passes, something is strictly a failure, and something is skipped where there is no wire.
    sockspec(&[&["--strict", "refused", "simultaneous-close"], selection].concat(), reports)
}

fn merge(parts: &[&Path], reports: &Path) -> Output {
    let parts: Vec<_> = parts.iter().map(|part| part.to_str().expect("a text")).collect();
    sockspec(&[&["merge", "--strict"], parts.as_slice()].concat(), reports)
}

fn text(path: PathBuf) -> String {
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn results(reports: &Path) -> Results {
    serde_json::from_str(&text(reports.join("results.json"))).expect("results")
}

/// What a report says, wherever it lies.
fn report(reports: &Path, name: &str) -> String {
    text(reports.join(name)).replace(&reports.display().to_string(), "REPORTS")
}

/// A part of what was run, as if the run had been split.
fn divide(whole: &Path, part: Part) -> PathBuf {
    let folder = folder(&format!("divided-{}", part.number));
    fs::create_dir_all(&folder).expect("a folder");
    let mut results = results(whole);
    results.trials.retain(|trial| part.has(&trial.id));
    // The times of the parts are added.
    results.duration = if part.number == 1 { results.duration } else { 0 };
    results.part = Some(part);
    fs::write(folder.join("results.json"), serde_json::to_string(&results).expect("JSON")).expect("a file");
    let captures = whole.join("captures");
    if captures.is_dir() {
        fs::create_dir_all(folder.join("captures")).expect("a folder");
        for capture in fs::read_dir(captures).expect("captures") {
            let capture = capture.expect("an entry");
            fs::copy(capture.path(), folder.join("captures").join(capture.file_name())).expect("a copy");
        }
    }
    folder
}

#[test]
fn reports_of_merged_parts_are_those_of_the_whole() {
    let whole = folder("whole");
    let unsplit = run(&[], &whole);
    assert_eq!(unsplit.status.code(), Some(1), "{}", String::from_utf8_lossy(&unsplit.stderr));
    let parts: Vec<_> = (1..=3).map(|number| divide(&whole, Part { number, of: 3 })).collect();
    let merged = folder("merged");
    // In any order.
    let output = merge(&[&parts[2], &parts[0], &parts[1]], &merged);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    for name in ["junit.xml", "results.json"] {
        let (merged, whole) = (report(&merged, name), report(&whole, name));
        let differs = merged.lines().zip(whole.lines()).find(|(merged, whole)| merged != whole);
        assert!(merged == whole, "{name}: {differs:?}");
    }
}

#[test]
fn split_runs_are_merged_when_all_of_them_are_there() {
    let parts: Vec<_> = (1..=3)
        .map(|number| {
            let part = folder(&format!("part-{number}"));
            let status = run(&["--partition", &format!("{number}/3")], &part).status;
            assert!(matches!(status.code(), Some(0 | 1)), "{status}");
            part
        })
        .collect();
    let (all, merged) = (folder("all"), folder("split-and-merged"));
    run(&[], &all);
    merge(&parts.iter().map(PathBuf::as_path).collect::<Vec<_>>(), &merged);
    let verdicts = |reports: &Path| {
        let trials = results(reports).trials.into_iter();
        trials.map(|trial| (trial.id, trial.verdict.kind)).collect::<Vec<_>>()
    };
    assert_eq!(verdicts(&merged), verdicts(&all));

    let output = merge(&[&parts[0], &parts[2]], &folder("incomplete"));
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(told, "sockspec: not the whole run: part 2/3 missing\n");
    let output = merge(&[&parts[0], &all], &folder("mixed"));
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is a whole run, and another one is part 1/3"));
}

#[test]
fn a_run_that_was_cut_short_is_not_whole() {
    let whole = folder("cut-short");
    run(&[], &whole);
    let mut cut = results(&whole);
    cut.trials.truncate(3);
    cut.not_run = 7;
    fs::write(whole.join("results.json"), serde_json::to_string(&cut).expect("JSON")).expect("a file");
    let output = sockspec(&["merge", &whole.display().to_string()], &folder("cut-short-merged"));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("not the whole run: 7 of the trials of"), "{told}");
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(results(&folder_of("cut-short-merged")).not_run, 7);
}

#[cfg(unix)]
#[test]
fn a_run_whose_reader_leaves_is_not_good() {
    use std::io::Read;
    use std::process::Stdio;

    let mut child = Command::new(env!("CARGO_BIN_EXE_sockspec"))
        .args(["--no-reports", "--format", "pretty", "-j", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("sockspec can be started");
    let mut out = child.stdout.take().expect("its output");
    out.read_exact(&mut [0; 200]).expect("some of it");
    drop(out);
    let output = child.wait_with_output().expect("its end");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("nobody reads the output any more"), "{told}");
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn a_part_may_have_nothing_to_do() {
    // One trial, which is in one of the parts.
    let codes = |selection: &str| {
        let code = |number| {
            let args = ["--exact", selection, "--partition", &format!("{number}/4")];
            sockspec(&args, &folder(&format!("few-{number}"))).status.code()
        };
        (1..=4).map(code).collect::<Vec<_>>()
    };
    assert_eq!(codes("refused/closed-port[ipv4,connect]"), [Some(0); 4]);
    assert_eq!(codes("refused/no-such-case"), [Some(3); 4]);
}
