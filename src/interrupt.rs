//! Ctrl-C. The first one is noted and the run takes no new trial; the second one ends the process at once.
//!
//! SIGINT is blocked in every thread and fetched by one that waits for it: a handler would run on any thread, and a
//! call under test there would end with EINTR. Child processes inherit the blocked signal, so the helper that makes
//! sockets lives until the trials that use it are over. On Windows Ctrl-C ends the process, as it does by default.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::error::Error;

/// Starts to watch for Ctrl-C. Call it before any other thread is started; the flag is set by the first Ctrl-C.
pub fn watch() -> Result<Arc<AtomicBool>, Error> {
    let flag = Arc::new(AtomicBool::new(false));
    #[cfg(unix)]
    unix::watch(Arc::clone(&flag))
        .map_err(|cause| Error::Broken(format!("cannot watch for Ctrl-C: {cause}")))?;
    Ok(flag)
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
        signals.thread_block()?;
        thread::Builder::new().name("ctrl-c".into()).spawn(move || {
            while signals.wait().is_ok() {
                if flag.swap(true, Ordering::SeqCst) {
                    // The default action ends the process, and a shell sees that it was the signal.
                    let _ = signals.thread_unblock();
                    let _ = kill(Pid::this(), Signal::SIGINT);
                }
            }
        })?;
        Ok(())
    }
}
