//! `cases/README.md` says what the code does: its generated parts are current, its cases and the examples of the verbs
//! are right.
//!
//! `SOCKSPEC_BLESS=1 cargo test -p sockspec-harness --test readme` writes the generated parts anew.

use std::fs;
use std::path::{Path, PathBuf};

use sockspec_harness::case::reference;
use sockspec_harness::case::suite::{self, LoadError, Origin};
use sockspec_harness::case::verbs::{Class, Subject, VERBS, Verb};

fn cases() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../cases"))
}

fn readme() -> String {
    fs::read_to_string(cases().join("README.md")).expect("cases/README.md")
}

/// The text with what stands between its markers replaced.
fn with_parts(text: &str) -> String {
    let mut text = text.to_owned();
    for (name, part) in reference::parts() {
        let (begin, end) = (format!("<!-- generated: {name} -->\n"), format!("<!-- end: {name} -->"));
        let from = text.find(&begin).unwrap_or_else(|| panic!("no marker {begin}")) + begin.len();
        let to = from + text[from..].find(&end).unwrap_or_else(|| panic!("no marker {end}"));
        text.replace_range(from..to, &format!("\n{part}\n"));
    }
    text
}

/// The blocks in that language, with the line that each begins at.
fn blocks(text: &str, language: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (line, text) in text.lines().enumerate() {
        match &mut open {
            Some(_) if text == "```" => blocks.extend(open.take()),
            Some((_, block)) => block.push_str(&format!("{text}\n")),
            None if text == format!("```{language}") => open = Some((line + 1, String::new())),
            None => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

/// What the checker says of these cases, among the real setups and requirements.
fn wrong(folder: &str, texts: &[(String, String)]) -> Vec<String> {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
    let _ = fs::remove_dir_all(&root);
    fs::create_dir_all(root.join("setups")).expect("a folder");
    fs::create_dir_all(root.join(folder)).expect("a folder");
    for entry in fs::read_dir(cases().join("setups")).expect("setups") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), root.join("setups").join(entry.file_name())).expect("a copy");
    }
    fs::copy(cases().join("requirements.yaml"), root.join("requirements.yaml")).expect("a copy");
    for (name, text) in texts {
        fs::write(root.join(folder).join(format!("{name}.yaml")), text).expect("a case");
    }
    match suite::check(&Origin::Folder(root), |_| true) {
        Ok((found, checked)) => {
            assert_eq!(checked.cases, texts.len(), "cases that were read");
            found.iter().map(|diagnostic| diagnostic.render(false)).collect()
        }
        Err(LoadError::Wrong(found)) => found.iter().map(|diagnostic| diagnostic.render(false)).collect(),
        Err(error) => vec![error.to_string()],
    }
}

#[test]
fn generated_parts_are_current() {
    let (text, path) = (readme(), cases().join("README.md"));
    let current = with_parts(&text);
    if std::env::var_os("SOCKSPEC_BLESS").is_some() {
        fs::write(&path, &current).expect("cases/README.md can be written");
    }
    assert!(readme() == current, "cases/README.md is old; SOCKSPEC_BLESS=1 writes its generated parts anew");
}

#[test]
fn cases_that_are_shown_are_right() {
    let shown: Vec<_> = blocks(&readme(), "yaml")
        .into_iter()
        .filter(|(_, text)| text.lines().any(|line| line.starts_with("title:")))
        .map(|(line, text)| (format!("line-{line}"), text))
        .collect();
    assert!(shown.len() > 10, "only {} cases are shown", shown.len());
    let wrong = wrong("readme", &shown);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn examples_of_verbs_are_right() {
    let texts: Vec<_> = VERBS.iter().map(|verb| (verb.name.to_owned(), example(verb))).collect();
    let wrong = wrong("verbs", &texts);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The example of a verb in a case that has what it needs.
fn example(verb: &Verb) -> String {
    let mut before = Vec::new();
    let fresh = matches!(verb.name, "connect" | "listen" | "bind" | "socket" | "descriptor" | "accept");
    match (verb.name, verb.class) {
        ("accept", _) => before.push("- setup: listening\n- connect: client\n  to: listener"),
        ("repeat", _) => before.push("- setup: listening"),
        (_, Class::Macro) => {}
        _ if !fresh => before.push("- setup: connected"),
        _ => {}
    }
    if verb.subject == Subject::Call {
        before.push("- recv: server\n  background: waiting");
    }
    before.push(verb.example);
    if verb.name == "interrupt" {
        before.push("- finish: waiting\n  expect: EINTR");
    }
    let link = if verb.class == Class::Wire { "link: wire\n" } else { "" };
    let steps = before.join("\n").replace('\n', "\n  ");
    format!("title: The example of {}\ncovers: [T25]\n{link}steps:\n  {steps}\n", verb.name)
}
