//! The first process of a kernel: gives the suite what it needs of a system, runs it, and turns the machine off.
//!
//! The root is the outside's file system, read-only. The one folder that can be written to is the job's.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sys::reboot::{RebootMode, reboot};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use crate::error::Error;
use crate::job::{EXIT, Job, MARK};

/// Does what the job says. Only returns where this is no machine of our own.
#[must_use]
pub fn main(path: &Path) -> ExitCode {
    if std::process::id() != 1 {
        return Error::Usage(
            "`init` is for the first process of a kernel; see `sockspec-lab run`".to_owned(),
        )
        .tell();
    }
    if let Err(error) = act(path) {
        let _ = writeln!(io::stdout(), "{MARK}init: {error}");
    }
    // Nothing else is in memory that would have to be written.
    nix::unistd::sync();
    let _ = reboot(RebootMode::RB_POWER_OFF);
    ExitCode::FAILURE
}

fn act(path: &Path) -> Result<(), Error> {
    let job = Job::read(path)?;
    furnish();
    let out = job.out.to_str().ok_or_else(|| Error::Usage("a path that is no text".to_owned()))?;
    // Through to the folder outside, where the root is read-only.
    let through = mount(Some("none"), out, Some("hostfs"), MsFlags::empty(), Some(out));
    through.map_err(|errno| Error::Failed(format!("mount {out}: {errno}")))?;
    let own = fs::read_link("/proc/self/exe").map_err(Error::path(Path::new("/proc/self/exe")))?;
    let mut suite = Command::new(&own);
    // Its outputs are pipes and no terminal: a status line would be drawn for nobody.
    suite.arg("suite").args(&job.arguments).env_clear().envs(&job.environment);
    suite.current_dir(&job.out).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = suite.spawn().map_err(Error::path(&own))?;
    speak_for(&mut child);
    let code = exit_code(Pid::from_raw(child.id().cast_signed()))
        .map_err(|errno| Error::path(&own)(errno.into()))?;
    let file = job.out.join(EXIT);
    fs::write(&file, code.to_string()).map_err(Error::path(&file))
}

/// What is not mounted is missed by whoever needs it, and told there: not every kernel has all of it.
fn furnish() {
    for (kind, place) in
        [("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev"), ("tracefs", "/sys/kernel/tracing")]
    {
        let _ = mount(Some(kind), place, Some(kind), MsFlags::empty(), None::<&str>);
    }
}

/// Prints what a child prints, each line with the mark, until it has closed its outputs.
fn speak_for(child: &mut Child) {
    let outputs: [Option<Box<dyn Read + Send>>; 2] = [
        child.stdout.take().map(|out| Box::new(out) as _),
        child.stderr.take().map(|err| Box::new(err) as _),
    ];
    let threads: Vec<_> =
        outputs.into_iter().flatten().map(|output| thread::spawn(move || pass_on(output))).collect();
    for thread in threads {
        let _ = thread.join();
    }
}

/// Waits for the end of a child; its exit code, as a shell says it. It is not reaped: the kernel would clear up what it
/// knows of it, and where computing takes no time Linux 6.12 was seen to spin there for ever.
fn exit_code(child: Pid) -> Result<i32, Errno> {
    match waitid(Id::Pid(child), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT)? {
        WaitStatus::Exited(_, code) => Ok(code),
        WaitStatus::Signaled(_, signal, _) => Ok(128 + signal as i32),
        _ => Ok(128),
    }
}

fn pass_on(output: Box<dyn Read + Send>) {
    for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
        let mut text = MARK.to_string().into_bytes();
        text.extend(line);
        text.push(b'\n');
        // In one piece, so that lines of two outputs stay whole.
        if io::stdout().lock().write_all(&text).is_err() {
            return;
        }
    }
}
