//! Puts the cases into the program, so that an installed one needs no checkout.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("cases");
    let mut files = Vec::new();
    list(&root, &root, &mut files);
    files.sort();
    let mut code = String::from("&[\n");
    for (name, path) in files {
        writeln!(code, "    ({name:?}, include_str!({path:?})),").expect("a string takes all");
    }
    code.push_str("]\n");
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets it")).join("cases.rs");
    fs::write(out, code).expect("the build folder can be written");
}

/// Every YAML file below a folder, and the folders to watch for new ones.
fn list(root: &Path, folder: &Path, files: &mut Vec<(String, String)>) {
    println!("cargo:rerun-if-changed={}", folder.display());
    for entry in fs::read_dir(folder).expect("the folder of cases can be read") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            list(root, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            let relative = path.strip_prefix(root).expect("it is below");
            let name: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
            files.push((name.join("/"), path.display().to_string()));
        }
    }
}
