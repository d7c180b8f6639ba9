//! A thread that makes calls: waking it by a signal, seeing it asleep, how long it was kept off the processor.

#![expect(unsafe_code, reason = "pthread_kill of a thread that is known to live")]

use std::time::{Duration, Instant};

use super::signals;
use crate::host::call::{Action, Mode};
#[cfg(target_os = "linux")]
use crate::host::linux::thread as os;
use crate::host::local::sys::{Poke, RawHandle, Target};
#[cfg(not(target_os = "linux"))]
use unknown as os;

/// How long the handler of an interrupted thread is waited for, at most.
const DELIVERED: Duration = Duration::from_secs(1);

/// A thread of this process.
pub(super) struct Thread {
    pthread: libc::pthread_t,
    /// Where the signals that it handles are counted.
    place: usize,
    task: os::Task,
}

// SAFETY: pthread_t is a number or an opaque pointer that any thread may pass to pthread_kill.
unsafe impl Send for Thread {}
// SAFETY: as above.
unsafe impl Sync for Thread {}

impl Thread {
    pub(super) fn current() -> Self {
        // SAFETY: has no conditions.
        let pthread = unsafe { libc::pthread_self() };
        Self { pthread, place: signals::place(), task: os::Task::current() }
    }
}

impl Target for Thread {
    fn poke(&self, _: RawHandle, how: Poke) -> bool {
        let before = signals::handled(self.place);
        // SAFETY: whoever pokes knows that the thread is inside a call, so it lives.
        unsafe { libc::pthread_kill(self.pthread, signals::signal(how)) };
        if how != Poke::End {
            // Else the next look would find the thread asleep in the call that is about to be interrupted.
            let end = Instant::now() + DELIVERED;
            while signals::handled(self.place) == before && Instant::now() < end {
                std::thread::sleep(Duration::from_micros(50));
            }
        }
        true
    }

    fn asleep(&self, action: &Action, mode: Mode) -> Option<bool> {
        self.task.asleep(action, mode)
    }

    fn settle(&self) {
        // A signal is delivered at the latest when the thread leaves the kernel the next time.
        let _ = nix::unistd::getppid();
    }
}

#[cfg(target_os = "linux")]
pub(super) use crate::host::linux::timers::timers;
pub(super) use os::{behind, kept_waiting};
#[cfg(not(target_os = "linux"))]
pub(super) use unknown::timers;

/// A system that tells neither.
#[cfg(not(target_os = "linux"))]
mod unknown {
    use crate::host::call::{Action, Mode};
    use std::time::Duration;

    use crate::host::local::lateness::{NAP, Timer};

    pub(crate) struct Task;

    impl Task {
        pub(crate) fn current() -> Self {
            Self
        }

        pub(crate) fn asleep(&self, _: &Action, _: Mode) -> Option<bool> {
            None
        }
    }

    pub(crate) fn kept_waiting() -> u64 {
        0
    }

    pub(crate) fn timers() -> Vec<Timer> {
        vec![Timer { nap: Box::new(|| std::thread::sleep(NAP)), slack: Duration::from_millis(20) }]
    }

    /// The longest usual tick, of 100 Hz.
    pub(crate) fn behind() -> u64 {
        10_000_000
    }
}
