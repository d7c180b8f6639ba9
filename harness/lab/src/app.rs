//! The command from the process's arguments to its exit code: the only place that knows standard streams.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::cache::Cache;
use crate::cli::{Cli, Command};
use crate::entry::{all, named};
use crate::error::Error;
use crate::list::list;
use crate::prepare::prepare;
use crate::run::{self, Screen};

/// Does what this process's arguments say.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help whose reader has left is help enough.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    act(cli).unwrap_or_else(|error| error.tell())
}

fn act(cli: Cli) -> Result<ExitCode, Error> {
    match cli.command {
        // First, while the process has one thread.
        Command::Suite { arguments } => Ok(suite(arguments)),
        Command::Init { job, .. } => Ok(init(&job)),
        Command::List => {
            list(&all(&cli.entries)?, &Cache::find()?, &mut io::stdout())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Prepare(arguments) => {
            let cache = Cache::find()?;
            for entry in named(&cli.entries, &arguments.names)? {
                prepare(&entry, &cache, arguments.again, &mut io::stderr())?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Run(arguments) => {
            let (mut out, mut err) = (io::stdout(), io::stderr());
            let status = err.is_terminal();
            let colour = out.is_terminal();
            let mut screen = Screen::new(&mut out, &mut err, status, colour);
            run::run(&named(&cli.entries, &arguments.names)?, &Cache::find()?, &arguments, &mut screen)
        }
    }
}

fn suite(arguments: Vec<OsString>) -> ExitCode {
    sockspec::app::run(std::iter::once("sockspec".into()).chain(arguments))
}

#[cfg(target_os = "linux")]
fn init(job: &std::path::Path) -> ExitCode {
    crate::init::main(job)
}

#[cfg(not(target_os = "linux"))]
fn init(_: &std::path::Path) -> ExitCode {
    Error::Unavailable("`init` is for Linux".to_owned()).tell()
}

impl Error {
    /// Says it to the user; gives the exit code.
    pub(crate) fn tell(&self) -> ExitCode {
        let _ = writeln!(io::stderr(), "sockspec-lab: {self}");
        self.exit()
    }
}
