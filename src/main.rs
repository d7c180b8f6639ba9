//! The binary `sockspec`; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    sockspec::app::main()
}
