//! A folder of cases for the tests of commands.

use std::fs;

use tempfile::TempDir;

use crate::cli::{Cli, Common};

/// A case with rows, an error that one system gives otherwise, and one that nobody knows.
const ACCEPT: &str = "\
title: An accept of what was reset
covers: [T1]
matrix:
  family: [ipv4, ipv6]
  how: [read, write]
steps:
  - listen: listener
  - connect: client
    to: listener
  - shutdown: client
    how: $how
  - accept: listener
    expect: ECONNABORTED
    source: POSIX accept
    os:
      linux: {expect: {read: ok, write: EINVAL}, source: inet_accept}
      windows: unknown
  - state: client
    expect: ESTABLISHED
";

const CONNECT: &str = "\
title: A connect by a call of another system
covers: [T2]
matrix:
  via:
    connect: {}
    ConnectEx: {needs: call ConnectEx}
steps:
  - connect: client
    to: closed port
    via: $via
    expect: ECONNREFUSED
    os:
      windows: {takes: 1500ms..4s, source: KB175523}
";

const REQUIREMENTS: &str = "\
- {id: T1, source: RFC 1, title: 'The first'}
- {id: T2, source: RFC 2, title: 'The second'}
- {id: T3, source: RFC 3, title: 'The third'}
";

/// The folder; it is gone when it is dropped.
pub(super) fn cases(more: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let files = [("a/accept.yaml", ACCEPT), ("b/connect.yaml", CONNECT), ("requirements.yaml", REQUIREMENTS)];
    for (path, text) in files.iter().chain(more) {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// The options of a command line about those cases.
pub(super) fn parse(folder: &TempDir, args: &[&str]) -> (Cli, Common) {
    let cases = folder.path().to_str().unwrap();
    let cli = Cli::read(["sockspec"].iter().chain(args).chain(&["--cases", cases])).unwrap();
    let common = cli.common.clone();
    (cli, common)
}
