//! The binary `sockspec-lab`; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    sockspec_lab::app::main()
}
