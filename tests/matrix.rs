//! `reports/matrix.md` is what `reports/observed/` and the cases make of it.

use std::path::Path;

use sockspec::matrix::{markdown, rows};
use sockspec_harness::case::suite::{Origin, Suite};

#[test]
fn the_committed_matrix_is_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let suite = Suite::load(&Origin::Folder(root.join("cases")), |_| true).unwrap();
    let observed = sockspec::evidence::read::all(&root.join("reports/observed")).unwrap();
    assert!(!observed.is_empty(), "reports/observed/ has the evidence");
    let mut made = Vec::new();
    markdown::write(&rows::matrix(&suite, &observed).unwrap(), &mut made).unwrap();
    let kept = std::fs::read(root.join("reports/matrix.md")).unwrap();
    assert!(
        made == kept,
        "reports/matrix.md is not current; make it anew: cargo run -- matrix --markdown > reports/matrix.md"
    );
}

#[test]
fn what_is_kept_reads_as_it_was_written() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/observed");
    for observed in sockspec::evidence::read::all(&root).unwrap() {
        let mut out = Vec::new();
        observed.write(&mut out).unwrap();
        let kept = std::fs::read(root.join(&observed.name).join("results.json")).unwrap();
        assert!(out == kept, "{} was edited by hand", observed.name);
    }
}
