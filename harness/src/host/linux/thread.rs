//! What /proc tells of a thread: whether it sleeps in a certain system call, and how long it was ready without running.

use std::cell::RefCell;
use std::ffi::c_long;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use crate::host::call::{Action, Mode};
use crate::host::local::clock;

/// A thread of this process.
pub(crate) struct Task {
    /// The folder of the thread, by its number, in the /proc of this process.
    folder: String,
    /// Since when every look has found it asleep, where that is all that can be seen; 0 if the last one did not.
    asleep_since: AtomicU64,
}

/// Where a thread that sleeps in a call cannot be told from one that a call keeps waiting for a moment, it must have
/// slept for so long. No shorter than that also because a peer that we play answers a SYN only then: from the time of
/// that answer a stack takes how long it waits before it sends again, which must be longer than what a trial does.
const STEADY: Duration = Duration::from_millis(200);
/// Where time only goes on while everybody sleeps, any time at all suffices: who plays a peer there is not late.
const STEADY_WHEN_VIRTUAL: Duration = Duration::from_micros(20);

impl Task {
    pub(crate) fn current() -> Self {
        Self { folder: format!("/proc/self/task/{}", nix::unistd::gettid()), asleep_since: AtomicU64::new(0) }
    }

    /// Whether it sleeps in the kernel in that call. `None` where neither file is there.
    pub(crate) fn asleep(&self, action: &Action, mode: Mode) -> Option<bool> {
        self.asleep_in_call(action, mode).or_else(|| self.asleep_somewhere())
    }

    /// gVisor does not tell in which call a thread sleeps. It is inside ours, which may wait for a moment for one of the
    /// kernel's own threads.
    fn asleep_somewhere(&self) -> Option<bool> {
        let mut line = [0; 256];
        let n = File::open(format!("{}/stat", self.folder)).and_then(|mut file| file.read(&mut line)).ok()?;
        // The state stands behind the name, which may have blanks and brackets.
        let behind = line[..n].iter().rposition(|byte| *byte == b')')?;
        if line.get(behind + 2) != Some(&b'S') {
            self.asleep_since.store(0, Ordering::Relaxed);
            return Some(false);
        }
        let now = clock::now();
        let since = self.asleep_since.load(Ordering::Relaxed);
        if since == 0 {
            self.asleep_since.store(now, Ordering::Relaxed);
        }
        let steady = if clock::is_virtual() { STEADY_WHEN_VIRTUAL } else { STEADY };
        Some(since != 0 && now - since >= clock::nanos(steady))
    }

    fn asleep_in_call(&self, action: &Action, mode: Mode) -> Option<bool> {
        let mut line = [0; 128];
        let path = format!("{}/syscall", self.folder);
        let n = File::open(path).and_then(|mut file| file.read(&mut line)).ok()?;
        // `running`, or the number of the call that it sleeps in and what it was given.
        let number = line[..n].split(|byte| *byte == b' ').next()?;
        let number: Option<c_long> =
            std::str::from_utf8(number).ok().and_then(|text| text.trim().parse().ok());
        Some(number.is_some_and(|number| sleeps_in(action, mode).contains(&number)))
    }
}

/// For how many ns the calling thread was ready and did not run.
pub(crate) fn kept_waiting() -> u64 {
    thread_local!(static SCHEDSTAT: RefCell<Option<Option<File>>> = const { RefCell::new(None) });
    SCHEDSTAT
        .with_borrow_mut(|file| {
            let file = file.get_or_insert_with(|| File::open("/proc/thread-self/schedstat").ok()).as_ref()?;
            let mut line = [0; 64];
            let n = file.read_at(&mut line, 0).ok()?;
            // Time on the processor, time waiting for it, number of slices.
            std::str::from_utf8(&line[..n]).ok()?.split_ascii_whitespace().nth(1)?.parse().ok()
        })
        .unwrap_or(0)
}

/// By how many ns the clock of the timer wheel is behind: the coarse clock is set at the ticks that advance jiffies.
pub(crate) fn behind() -> u64 {
    let read = |clock| clock_gettime(clock).map(Duration::from).unwrap_or_default();
    // Read first, since it may be set in between.
    let ticks = read(ClockId::CLOCK_MONOTONIC_COARSE);
    let now = read(ClockId::CLOCK_MONOTONIC);
    u64::try_from(now.saturating_sub(ticks).as_nanos()).unwrap_or(0)
}

/// The system calls by which an action is made where it can sleep, so that a thread that sleeps elsewhere (in our own
/// hand-over, say) is not taken for one that sleeps in the call.
fn sleeps_in(action: &Action, mode: Mode) -> &'static [c_long] {
    match (action, mode) {
        (Action::Ready { via, .. }, _) if via == "select" => SELECT,
        (Action::Ready { via, .. }, _) if via == "epoll" => EPOLL,
        (Action::Ready { .. }, _) | (_, Mode::Waiting) => POLL,
        (Action::Connect { .. }, _) => &[libc::SYS_connect],
        (Action::Accept { .. }, _) => ACCEPT,
        (Action::Send { via, .. } | Action::Recv { via, .. }, _) => transfers_by(via),
        (Action::Fill, _) => SENDTO,
        (Action::Read { .. }, _) => RECVFROM,
        (Action::Close | Action::Abort, _) => &[libc::SYS_close],
        (Action::Shutdown { .. }, _) => &[libc::SYS_shutdown],
        (Action::SetOption { .. }, _) => &[libc::SYS_setsockopt],
        _ => &[],
    }
}

/// Linux has no `send` and no `recv`: they are `sendto` and `recvfrom` without an address.
fn transfers_by(via: &str) -> &'static [c_long] {
    match via {
        "send" | "sendto" => SENDTO,
        "sendmsg" => &[libc::SYS_sendmsg],
        "write" => &[libc::SYS_write],
        "writev" => &[libc::SYS_writev],
        "recv" | "recvfrom" => RECVFROM,
        "recvmsg" => &[libc::SYS_recvmsg],
        "read" => &[libc::SYS_read],
        "readv" => &[libc::SYS_readv],
        _ => &[],
    }
}

const SENDTO: &[c_long] = &[libc::SYS_sendto];
const RECVFROM: &[c_long] = &[libc::SYS_recvfrom];
// Newer architectures lack the older calls, and C libraries use either.
#[cfg(target_arch = "x86_64")]
const POLL: &[c_long] = &[libc::SYS_poll, libc::SYS_ppoll];
#[cfg(target_arch = "x86_64")]
const SELECT: &[c_long] = &[libc::SYS_select, libc::SYS_pselect6];
#[cfg(target_arch = "x86_64")]
const EPOLL: &[c_long] = &[libc::SYS_epoll_wait, libc::SYS_epoll_pwait];
#[cfg(not(target_arch = "x86_64"))]
const POLL: &[c_long] = &[libc::SYS_ppoll];
#[cfg(not(target_arch = "x86_64"))]
const SELECT: &[c_long] = &[libc::SYS_pselect6];
#[cfg(not(target_arch = "x86_64"))]
const EPOLL: &[c_long] = &[libc::SYS_epoll_pwait];
const ACCEPT: &[c_long] = &[libc::SYS_accept, libc::SYS_accept4];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_thread_is_not_asleep() {
        assert_eq!(Task::current().asleep(&Action::Close, Mode::Blocking), Some(false));
    }
}
