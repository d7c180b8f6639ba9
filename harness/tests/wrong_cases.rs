//! What `sockspec check` says of wrong cases: one file for each kind of mistake, with the golden text beside it.
//!
//! `SOCKSPEC_BLESS=1 cargo test -p sockspec-harness --test wrong_cases` writes the golden texts anew; read the
//! difference before it is committed.

use std::fs;
use std::path::{Path, PathBuf};

use sockspec_harness::case::suite::{self, LoadError, Origin};

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wrong"))
}

fn said_of(path: &Path) -> String {
    // The mistake is looked at among the real setups, so that only it is wrong.
    let cases = concat!(env!("CARGO_MANIFEST_DIR"), "/../cases");
    let name = path.file_name().expect("a file").to_string_lossy().into_owned();
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wrong").join(&name);
    let _ = fs::remove_dir_all(&root);
    fs::create_dir_all(root.join("setups")).expect("a folder");
    fs::create_dir_all(root.join("wrong")).expect("a folder");
    for entry in fs::read_dir(Path::new(cases).join("setups")).expect("setups") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), root.join("setups").join(entry.file_name())).expect("a copy");
    }
    fs::copy(Path::new(cases).join("requirements.yaml"), root.join("requirements.yaml")).expect("a copy");
    fs::copy(path, root.join("wrong").join(&name)).expect("a copy");
    let found = match suite::check(&Origin::Folder(root), |_| true) {
        Ok((found, _)) => found,
        Err(LoadError::Wrong(found)) => found,
        Err(error) => return format!("{error}\n"),
    };
    found.iter().map(|diagnostic| diagnostic.render(false) + "\n").collect::<Vec<_>>().join("\n")
}

#[test]
fn every_mistake_is_told_as_it_should_be() {
    let bless = std::env::var_os("SOCKSPEC_BLESS").is_some();
    let mut wrong = Vec::new();
    let mut count = 0;
    let mut paths: Vec<_> =
        fs::read_dir(folder()).expect("the folder").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "yaml")) {
        count += 1;
        let golden = path.with_extension("txt");
        let said = said_of(path);
        if bless {
            fs::write(&golden, &said).expect("the golden text can be written");
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if said.trim().is_empty() {
            wrong.push(format!("{}: nothing is found wrong", path.display()));
        } else if said != expected {
            wrong.push(format!("{}:\n--- expected\n{expected}--- said\n{said}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(count > 30, "only {count} wrong cases");
}
