//! The suite as a test target: `cargo test` runs it, and so does `cargo nextest run`, a process for each trial.

use std::process::ExitCode;

fn main() -> ExitCode {
    sockspec::app::main()
}
