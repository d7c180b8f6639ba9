use std::borrow::Cow;

use tempfile::tempdir;

use super::super::{CaseFiles, sample};
use super::*;

/// Case files in a folder.
struct Folder(PathBuf);

impl CaseFiles for Folder {
    fn text(&self, _: &str) -> Option<Cow<'_, str>> {
        Some(sample::REFUSED.into())
    }

    fn shown(&self, file: &str) -> String {
        self.0.join(file).to_string_lossy().into_owned()
    }
}

fn context(files: &dyn CaseFiles) -> Context<'_> {
    Context { files, command: "sockspec --target localhost", captures: None }
}

fn annotations(github: &Github, files: &dyn CaseFiles, trials: Vec<TrialResult>) -> String {
    let mut out = Vec::new();
    github.annotate(&sample::results(trials), &context(files), &Gate::default(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Failures of one step in several rows.
fn failures(count: usize) -> Vec<TrialResult> {
    let failure = |n| {
        let mut trial = sample::refused();
        trial.id = format!("refused/closed-port[row-{n}]");
        trial
    };
    (0..count).map(failure).collect()
}

#[test]
fn an_annotation_stands_at_the_line_for_all_its_trials() {
    let workspace = tempdir().unwrap();
    let folder = workspace.path().join("my/cases");
    std::fs::create_dir_all(folder.join("refused")).unwrap();
    std::fs::write(folder.join("refused/closed-port.yaml"), sample::REFUSED).unwrap();
    let github = Github { annotate: true, summary: None, workspace: Some(workspace.path().to_owned()) };
    let mut trials = failures(7);
    trials.push(sample::trial("refused/aaa", Kind::Deviates));
    assert_eq!(
        annotations(&github, &Folder(folder), trials),
        "::error file=my/cases/refused/closed-port.yaml,line=7,col=5,title=refused/closed-port on linux-6.18::\
         A connect to a port nobody listens on is refused%0A\
         fail: connect client: expected ECONNREFUSED, got ETIMEDOUT%0A\
         why that was expected: a reset answers a SYN to a closed port%0A\
         refused/closed-port[row-0]%0Arefused/closed-port[row-1]%0Arefused/closed-port[row-2]%0A\
         refused/closed-port[row-3]%0Arefused/closed-port[row-4]%0Aand 2 more\n"
    );
}

#[test]
fn a_case_that_the_repository_does_not_have_is_named_without_a_place() {
    let elsewhere = tempdir().unwrap();
    let workspace = Some(elsewhere.path().to_owned());
    let github = Github { annotate: true, summary: None, workspace };
    let text = annotations(&github, &sample::Files, failures(1));
    assert!(text.starts_with("::error title=refused/closed-port on linux-6.18::"), "{text}");
    assert_eq!(annotations(&Github::default(), &sample::Files, failures(1)), "", "nobody asked");
}

#[test]
fn what_means_something_to_the_reader_of_commands_is_escaped() {
    assert_eq!(data("100%\r\na:b,c"), "100%25%0D%0Aa:b,c");
    assert_eq!(property("100%\na:b,c"), "100%25%0Aa%3Ab%2Cc");
}

#[test]
fn the_summary_is_added_to_what_other_steps_have_written() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("summary.md");
    std::fs::write(&path, "before\n").unwrap();
    let github = Github { annotate: true, summary: Some(path.clone()), workspace: None };
    let mut trials = failures(DRAWN + 2);
    trials.push(sample::trial("accept/order", Kind::Pass));
    let results = sample::results(trials);
    github.summarise(&results, &context(&sample::Files), &summary::Options::default()).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("before\n## sockspec on linux-6.18\n\n23 trials: 1 pass, 22 fail; "), "{text}");
    assert!(text.contains(
        "| family | pass | fail |\n| --- | ---: | ---: |\n| accept | 1 |  |\n| refused |  | 22 |\n"
    ));
    assert_eq!(text.matches("<details>").count(), DRAWN);
    assert!(text.contains("```text\nrefused/closed-port[row-0]: fail\n"), "{text}");
    assert!(text.contains(
        "\nAnd 2 more:\n\n- fail `refused/closed-port[row-20]` cases/refused/closed-port.yaml:7:5\n"
    ));
}

#[test]
fn a_fence_is_longer_than_any_in_the_text() {
    assert_eq!((fence("plain"), fence("a ```` b")), ("```".to_owned(), "`````".to_owned()));
}
