//! How late the machine's timers are, for steps that must not take longer than they should: threads that only nap, one
//! for each of the system's own timers ([`Sys::timers`]), add up by how much they overslept.
//!
//! A stall of one processor delays the timers of that one alone, and the thread that waits for the result may not
//! notice, so it cannot be measured where the step is carried out.

use std::sync::{Condvar, Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::clock;
use super::sys::Sys;

/// How long a nap is.
pub const NAP: Duration = Duration::from_millis(20);

/// Something that naps by the timers of one processor.
pub struct Timer {
    /// Sleeps for [`NAP`], called on a thread of its own.
    pub nap: Box<dyn FnMut() + Send>,
    /// By how much every nap may be too long.
    pub slack: Duration,
}

/// While there is one, the machine is watched.
pub struct Watch {
    late_before: u64,
}

impl Watch {
    /// Begins to watch.
    #[must_use]
    pub fn begin<S: Sys>() -> Self {
        static START: Once = Once::new();
        START.call_once(|| {
            for timer in S::timers() {
                let index = {
                    let mut watched = watched();
                    watched.naps.push(0);
                    watched.naps.len() - 1
                };
                let spawned =
                    thread::Builder::new().name("lateness".into()).spawn(move || measure(timer, index));
                if spawned.is_err() {
                    // Nothing is measured there, and nobody waits for it.
                    watched().naps[index] = NEVER;
                }
            }
        });
        let mut watched = watched();
        watched.users += 1;
        CHANGED.notify_all();
        Self { late_before: watched.late }
    }

    /// By how many ns timers were late since the beginning, in all. Waits for the end of the naps that are under way,
    /// since whatever delayed the caller until now delays them as well.
    #[must_use]
    pub fn late(&self) -> u64 {
        let mut watched = watched();
        let before = watched.naps.clone();
        while watched.naps.iter().zip(&before).any(|(now, before)| *now != NEVER && now == before) {
            watched = CHANGED.wait(watched).unwrap_or_else(PoisonError::into_inner);
        }
        watched.late - self.late_before
    }

    /// The same, of the naps that are over.
    #[must_use]
    pub fn so_far(&self) -> u64 {
        watched().late - self.late_before
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        watched().users -= 1;
    }
}

struct Watched {
    users: usize,
    /// In ns, since the process began.
    late: u64,
    /// How many naps each thread has had.
    naps: Vec<u64>,
}

/// The naps of a thread that could not be had.
const NEVER: u64 = u64::MAX;

static WATCHED: Mutex<Watched> = Mutex::new(Watched { users: 0, late: 0, naps: Vec::new() });
static CHANGED: Condvar = Condvar::new();

fn watched() -> MutexGuard<'static, Watched> {
    WATCHED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn measure(mut timer: Timer, index: usize) {
    loop {
        let mut guard = watched();
        while guard.users == 0 {
            guard = CHANGED.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
        drop(guard);
        let begin = Instant::now();
        (timer.nap)();
        let over = begin.elapsed().saturating_sub(NAP);
        let mut guard = watched();
        if over > timer.slack {
            guard.late += clock::nanos(over);
        }
        guard.naps[index] += 1;
        drop(guard);
        CHANGED.notify_all();
    }
}
