//! The cases of this repository are right, and the examples of every verb are what they say.

use std::path::PathBuf;

use sockspec_harness::case::suite::{self, Origin};

fn cases() -> Origin {
    Origin::Folder(PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../cases")))
}

#[test]
fn every_case_is_right() {
    let (found, files) = suite::check(&cases(), |_| true).expect("the cases can be read");
    let text: Vec<_> = found.iter().map(|diagnostic| diagnostic.render(false)).collect();
    assert!(text.is_empty(), "{}", text.join("\n"));
    assert!(files > 5, "only {files} files were found");
}
