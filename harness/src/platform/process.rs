//! What differs between systems for the program around the trials: Ctrl-C, how many descriptors it may have, a place where
//! output is thrown away, how an argument is quoted, what the machine is called.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// An argument as the system's usual shell wants it.
#[must_use]
pub fn quoted(text: &str) -> String {
    if cfg!(windows) { format!("\"{text}\"") } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// The machine's name.
#[must_use]
pub fn host_name() -> String {
    #[cfg(unix)]
    if let Ok(names) = nix::sys::utsname::uname() {
        return names.nodename().to_string_lossy().into_owned();
    }
    std::env::var("COMPUTERNAME").unwrap_or_else(|_| "localhost".to_owned())
}

/// Lets this process have as many descriptors as its trials need, as far as the system lets it. What it may have at first
/// can be few: 256 on macOS, 1,024 on most Linux systems.
pub fn raise_descriptor_limit() {
    #[cfg(unix)]
    {
        use nix::sys::resource::{Resource, getrlimit, setrlimit};
        if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
            // macOS refuses more than OPEN_MAX, which is this, whatever its hard limit says.
            // Where it cannot be raised, calls tell of EMFILE.
            let _ = setrlimit(Resource::RLIMIT_NOFILE, soft.max(hard.min(10_240)), hard);
        }
    }
}

/// One of the processors that this process may run on; another one for another process, where there are several. None
/// where the system has no way to keep a process on one.
#[must_use]
pub fn a_processor() -> Option<usize> {
    #[cfg(target_os = "linux")]
    {
        use nix::sched::{CpuSet, sched_getaffinity};
        let allowed = sched_getaffinity(nix::unistd::Pid::from_raw(0)).ok()?;
        let processors: Vec<_> =
            (0..CpuSet::count()).filter(|processor| allowed.is_set(*processor).unwrap_or(false)).collect();
        let process = usize::try_from(std::process::id()).ok()?;
        processors.get(process % processors.len().max(1)).copied()
    }
    #[cfg(not(target_os = "linux"))]
    None
}

/// A file that takes what nobody wants to read.
#[derive(Debug)]
pub struct Nowhere(PathBuf);

impl Nowhere {
    /// The null device; on Windows a temporary file, as NUL cannot be truncated under Wine, which creating a file does.
    #[must_use]
    pub fn new() -> Self {
        if cfg!(windows) {
            let file = format!("sockspec-{}.log", std::process::id());
            return Self(std::env::temp_dir().join(file));
        }
        Self(PathBuf::from("/dev/null"))
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Default for Nowhere {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Nowhere {
    fn drop(&mut self) {
        if cfg!(windows) {
            // A file that is left behind in the folder for such files is no fault of the run.
            let _ = std::fs::remove_file(&self.0);
        }
    }
}

/// Sets the flag at the first Ctrl-C or SIGTERM; the second one ends the process at once. To be called before any other
/// thread is started. On Windows Ctrl-C ends the process, as it does by default.
///
/// The signals are blocked in every thread and fetched by one that waits for them: a handler would run on any thread, and a
/// call under test there would end with EINTR.
pub fn watch_interrupts(flag: &Arc<AtomicBool>) -> std::io::Result<()> {
    #[cfg(unix)]
    unix::watch(Arc::clone(flag))?;
    #[cfg(not(unix))]
    let _ = flag;
    Ok(())
}

#[cfg(unix)]
mod unix {
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use nix::sys::signal::{SigSet, Signal, kill};
    use nix::unistd::Pid;

    pub(super) fn watch(flag: Arc<AtomicBool>) -> io::Result<()> {
        let mut signals = SigSet::empty();
        signals.add(Signal::SIGINT);
        signals.add(Signal::SIGTERM);
        signals.thread_block()?;
        thread::Builder::new().name("ctrl-c".into()).spawn(move || {
            while let Ok(signal) = signals.wait() {
                if flag.swap(true, Ordering::SeqCst) {
                    // The default action ends the process, and a shell sees that it was the signal.
                    let _ = signals.thread_unblock();
                    let _ = kill(Pid::this(), signal);
                }
            }
        })?;
        Ok(())
    }
}
