//! Child processes: those that are waited for, and those that run in namespaces of their own and end with the lab.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::Error;

/// Runs a command whose output matters only where it fails.
pub fn check(command: &mut Command) -> Result<(), Error> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|error| cannot_start(&name, &error))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let shown: Vec<_> = text.lines().rev().take(5).collect();
    let shown: Vec<_> = shown.into_iter().rev().map(without_addresses).collect();
    Err(Error::Failed(format!("{name}: {}: {}", output.status, shown.join("; "))))
}

/// Where a mirror is is nobody's business.
fn without_addresses(line: &str) -> String {
    let is_address = |word: &&str| word.contains("://");
    line.split(' ').map(|word| if is_address(&word) { "…" } else { word }).collect::<Vec<_>>().join(" ")
}

/// Whether the machine has a command.
#[must_use]
pub fn has_command(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Where administrators' commands are, which users do not always search.
    let more = ["/usr/sbin", "/sbin"].map(Into::into);
    std::env::split_paths(&path).chain(more).any(|folder| folder.join(name).is_file())
}

/// A command in namespaces of its own, so that all of it ends with its first process, which ends with the lab: nothing
/// goes on, no mount is left, and no packet leaves.
#[must_use]
pub fn contained(words: &[String], root: bool, processor: Option<usize>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    if let Some(processor) = processor {
        command.args(["taskset", "--cpu-list", &processor.to_string()]);
    }
    command.arg("unshare");
    if !root {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--mount", "--net", "--ipc", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "--"]);
    command.args(words);
    command
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself.
    With(ExitStatus),
    /// Its time was over, and it was killed.
    TimedOut,
    /// Whoever follows it did not want it to go on.
    Stopped,
}

/// Something that happens while a child runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A line that it has printed.
    Line(String),
    /// Some time has gone by.
    Tick,
}

/// Runs a command to its end or until a time is over. `follow` is told what happens, and whether to go on is its
/// decision.
pub fn follow(
    mut command: Command,
    limit: Duration,
    tick: Duration,
    mut follow: impl FnMut(Event) -> bool,
) -> Result<Ended, Error> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let end = Instant::now() + limit;
    let mut child = command.spawn().map_err(|error| cannot_start(&name, &error))?;
    let lines = lines(&mut child);
    let ended = loop {
        let left = end.saturating_duration_since(Instant::now());
        let event = match lines.recv_timeout(left.min(tick)) {
            Ok(line) => Event::Line(line),
            Err(RecvTimeoutError::Timeout) if left.is_zero() => break Ended::TimedOut,
            Err(RecvTimeoutError::Timeout) => Event::Tick,
            // It has closed its output, and is about to end.
            Err(RecvTimeoutError::Disconnected) => match child.try_wait() {
                Ok(Some(status)) => return Ok(Ended::With(status)),
                _ if left.is_zero() => break Ended::TimedOut,
                _ => {
                    thread::sleep(Duration::from_millis(10));
                    continue;
                }
            },
        };
        if !follow(event) {
            break Ended::Stopped;
        }
    };
    // One that has ended meanwhile cannot be killed any more.
    let _ = child.kill();
    let _ = child.wait();
    Ok(ended)
}

/// The lines of both outputs. The channel is closed when both are.
fn lines(child: &mut Child) -> Receiver<String> {
    let (send, receive) = channel();
    let outputs: [Option<Box<dyn Read + Send>>; 2] = [
        child.stdout.take().map(|out| Box::new(out) as _),
        child.stderr.take().map(|err| Box::new(err) as _),
    ];
    for output in outputs.into_iter().flatten() {
        let send = send.clone();
        thread::spawn(move || read_lines(output, &send));
    }
    receive
}

fn read_lines(output: Box<dyn Read + Send>, send: &Sender<String>) {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    while output.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
        // A console ends lines as terminals do.
        let text = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
        if send.send(text).is_err() {
            return;
        }
        line.clear();
    }
}

fn cannot_start(name: &str, error: &std::io::Error) -> Error {
    if error.kind() == std::io::ErrorKind::NotFound && !Path::new(name).is_absolute() {
        return Error::Unavailable(format!("there is no command {name}"));
    }
    Error::Failed(format!("{name}: {error}"))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    const TICK: Duration = Duration::from_millis(20);

    #[test]
    fn lines_of_both_outputs_are_told() {
        let mut seen = Vec::new();
        let ended = follow(sh("echo one; echo two >&2; exit 3"), Duration::from_secs(20), TICK, |event| {
            if let Event::Line(line) = event {
                seen.push(line);
            }
            true
        });
        seen.sort();
        assert_eq!(seen, ["one", "two"]);
        let Ok(Ended::With(status)) = ended else { panic!("{ended:?}") };
        assert_eq!(status.code(), Some(3));
    }

    #[test]
    fn one_that_hangs_is_killed() {
        let ended = follow(sh("exec sleep 1000"), Duration::from_millis(50), TICK, |_| true);
        assert_eq!(ended.unwrap(), Ended::TimedOut);
        let ended = follow(sh("exec sleep 1000"), Duration::from_secs(1000), TICK, |_| false);
        assert_eq!(ended.unwrap(), Ended::Stopped);
    }

    #[test]
    fn a_failure_is_told_without_addresses() {
        let error = check(&mut sh("echo from https://example.org/x it came >&2; exit 4")).unwrap_err();
        assert_eq!(error.to_string(), "sh: exit status: 4: from … it came");
        assert!(matches!(check(&mut Command::new("no-such-command-here")), Err(Error::Unavailable(_))));
    }
}
