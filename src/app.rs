//! The command from the process's arguments to its exit code: the only place that knows standard streams.

use std::env;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anstream::AutoStream;

use sockspec_harness::case::schema;
use sockspec_harness::host::loopback::Network;
use sockspec_harness::platform::process::{raise_descriptor_limit, watch_interrupts};

use crate::cli::{Cli, Command, FileKind};
use crate::commands::{accept, check, coverage, diff, explain, list, matrix, merge, platform, record};
use crate::error::Error;
use crate::exit::Exit;
use crate::jobs;
use crate::output::Leaving;
use crate::suite::{self, Streams};

/// Does what this process's arguments say. Also the test target's main: what test runners give is understood.
#[must_use]
pub fn main() -> ExitCode {
    run(env::args_os())
}

/// Does what a command line says; its first word is the program's name. To be called while there is one thread.
#[must_use]
pub fn run(line: impl IntoIterator<Item = OsString>) -> ExitCode {
    act(line).into()
}

fn act(line: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match Cli::read(line) {
        Ok(cli) => cli,
        Err(error) => {
            // Help whose reader has left is help enough.
            let _ = error.print();
            return if error.use_stderr() { Exit::Wrong } else { Exit::AsRecorded };
        }
    };
    // While there is one thread: threads are then simply in the network that the process has entered.
    let network = Network::enter(wants_host_network(&cli));
    let color: anstream::ColorChoice = cli.common.color.into();
    let colour = AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
        && color != anstream::ColorChoice::Never;
    let mut out = Leaving::new(AutoStream::new(io::stdout(), color));
    let mut err = AutoStream::new(io::stderr(), color);
    let wanted = io::stderr().is_terminal() && !cli.common.quiet;
    let status = wanted.then(|| Box::new(io::stderr()) as Box<dyn Write>);
    let streams = Streams { out: &mut out, err: &mut err, status };
    dispatch(&cli, &network, colour, streams).unwrap_or_else(|error| {
        let _ = writeln!(io::stderr(), "sockspec: {error}");
        error.exit()
    })
}

fn dispatch(cli: &Cli, network: &Network, colour: bool, streams: Streams<'_>) -> Result<Exit, Error> {
    let common = &cli.common;
    let Some(command) = &cli.command else {
        raise_descriptor_limit();
        let interrupted = Arc::new(AtomicBool::new(false));
        watch_interrupts(&interrupted)
            .map_err(|cause| Error::Broken(format!("cannot watch for Ctrl-C: {cause}")))?;
        return suite::run(cli, interrupted, || jobs::load(cli, network), streams);
    };
    let out = streams.out;
    let exit = match command {
        Command::Check { path, mutate: false } => check::check(path.as_deref(), common, colour, out),
        Command::Check { path, mutate: true } => check::mutate(path.as_deref(), common, network, out),
        Command::Explain { case, observed } => explain::explain(case, observed, common, network, out),
        Command::List(args) => list::list(args, common, out, streams.err),
        Command::Merge(args) => merge::merge(args, common, out, streams.err),
        Command::Platform { json, .. } => platform::platform(*json, network, out),
        Command::Schema { kind } => schema(*kind, out),
        Command::Coverage(args) => coverage::coverage(args, common, network, out),
        Command::Accept { results } => accept::accept(results, common, out),
        Command::Matrix(args) => matrix::matrix(args, common, out),
        Command::Record(args) => record::record(args, common, out),
        Command::Diff { a, b, markdown } => diff::diff(a, b, *markdown, common, out),
    }?;
    out.flush().map_err(|error| Error::Stdout(error.to_string()))?;
    Ok(exit)
}

fn schema(kind: FileKind, out: &mut dyn Write) -> Result<Exit, Error> {
    let schema = match kind {
        FileKind::Case => schema::case(),
        FileKind::Setup => schema::setup(),
        FileKind::Deviations => schema::deviations(),
    };
    writeln!(out, "{schema:#}").map_err(|error| Error::Stdout(error.to_string()))?;
    Ok(Exit::AsRecorded)
}

/// Whether the process stays in the machine's own network.
fn wants_host_network(cli: &Cli) -> bool {
    cli.run.host_network || matches!(cli.command, Some(Command::Platform { host_network: true, .. }))
}
