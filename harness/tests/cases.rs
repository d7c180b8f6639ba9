//! The cases of this repository are right, and editors find the schema of each.

use std::fs;
use std::path::{Path, PathBuf};

use sockspec_harness::case::suite::{self, Origin};

fn cases() -> Origin {
    Origin::Folder(PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../cases")))
}

#[test]
fn every_case_is_right() {
    let (found, checked) = suite::check(&cases(), |_| true).expect("the cases can be read");
    let text: Vec<_> = found.iter().map(|diagnostic| diagnostic.render(false)).collect();
    assert!(text.is_empty(), "{}", text.join("\n"));
    assert!(checked.cases > 5, "only {} cases were found", checked.cases);
}

#[test]
fn every_file_names_its_schema() {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../cases"));
    let mut without = Vec::new();
    for folder in fs::read_dir(&root).expect("the cases").map(|entry| entry.expect("an entry").path()) {
        let schema = match folder.file_name().and_then(|name| name.to_str()) {
            Some("deviations") => "deviations",
            Some("setups") => "setup",
            _ => "case",
        };
        let first = format!("# yaml-language-server: $schema=../{schema}.schema.json");
        for path in yaml_files(&folder) {
            let text = fs::read_to_string(&path).expect("a text");
            if text.lines().next() != Some(first.as_str()) {
                without.push(format!("{}: the first line is not `{first}`", path.display()));
            }
        }
    }
    assert!(without.is_empty(), "{}", without.join("\n"));
}

fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect()
}
