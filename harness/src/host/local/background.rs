//! A call on a thread of its own.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::perform::{Done, Subject, perform};
use super::slot::Slot;
use super::sys::Sys;
use super::{clock, watchdog};
use crate::host::call::{Call, Completion};
use crate::host::{HostFault, Progress, Until};
use crate::outcome::Outcome;

/// Where the system cannot show that a thread sleeps, a call that has gone on for so long counts as asleep: much longer
/// than a thread waits for a processor. The platform then does not offer `sleep of a call`.
pub const TAKEN_FOR_ASLEEP: Duration = Duration::from_millis(200);

/// What the machine was late meanwhile does not count, and by how much one thread overslept is not the most by which
/// any did.
const TIMES_LATE: u64 = 4;
/// On a machine that is late all the time, no more than this.
const AT_MOST: Duration = Duration::from_secs(3);

/// The first pause between two looks at a thread; it doubles up to the last.
const FIRST_PAUSE: Duration = Duration::from_micros(20);
const LAST_PAUSE: Duration = Duration::from_millis(1);

/// A thread that does not come out of its call for so long is stuck in the kernel.
const STUCK: Duration = Duration::from_secs(5);

/// After so long a call whose handle was closed under it, so that nothing reaches it any more, is left to itself. What
/// goes on there ends with the connection at the latest.
const OUT_OF_REACH: Duration = Duration::from_millis(300);

/// Calls are made of few frames.
const STACK: usize = 256 * 1024;

/// A started call.
pub(super) struct Background {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// By how much the machine had been late when the call was started.
    overslept: u64,
}

struct Shared {
    call: Call,
    /// The thread's slot, once it runs.
    slot: OnceLock<Arc<Slot>>,
    end: Mutex<Option<End>>,
    ended: Condvar,
}

/// How it ended; [`Collected`](End::Collected) once its socket has been taken over.
enum End {
    Done(Result<Done, HostFault>),
    Collected(Completion),
}

impl Background {
    pub(super) fn start<S: Sys>(subject: Subject, call: Call) -> Result<Self, HostFault> {
        let shared =
            Arc::new(Shared { call, slot: OnceLock::new(), end: Mutex::new(None), ended: Condvar::new() });
        let theirs = Arc::clone(&shared);
        let overslept = watchdog::overslept();
        let thread = thread::Builder::new()
            .name("call".into())
            .stack_size(STACK)
            .spawn(move || {
                let slot = Arc::new(Slot::new(S::this_thread()));
                // Watched without a deadline, so that the watchdog notices when the machine stands still.
                let watched = watchdog::watch(Arc::clone(&slot));
                let _ = theirs.slot.set(Arc::clone(&slot));
                let done = perform::<S>(&subject, &theirs.call, &slot, u64::MAX);
                drop(watched);
                *theirs.lock() = Some(End::Done(done));
                theirs.ended.notify_all();
            })
            .map_err(|error| HostFault::new(format!("no thread for a background call: {error}")))?;
        Ok(Self { shared, thread: Some(thread), overslept })
    }

    pub(super) fn call(&self) -> &Call {
        &self.shared.call
    }

    /// The end of the call if it is over. The socket that it made is told only once.
    pub(super) fn take_done(&mut self) -> Result<Option<Done>, HostFault> {
        let mut end = self.shared.lock();
        let done = match end.take() {
            None => return Ok(None),
            Some(End::Collected(completion)) => Done { completion, made: None },
            Some(End::Done(Ok(done))) => done,
            Some(End::Done(Err(fault))) => {
                *end = Some(End::Done(Err(fault.clone())));
                return Err(fault);
            }
        };
        *end = Some(End::Collected(done.completion.clone()));
        drop(end);
        self.join();
        Ok(Some(done))
    }

    /// Sleeps until the call is where it is wanted, or until the limit. Never tells [`Progress::Done`]: the caller asks
    /// for that.
    pub(super) fn wait(&self, until: Until, limit: Duration) -> Progress {
        let deadline = clock::after(limit);
        let mut pause = FIRST_PAUSE;
        let mut end = self.shared.lock();
        while end.is_none() {
            let mut left = Duration::from_nanos(deadline.saturating_sub(clock::now()));
            if until == Until::Asleep || left.is_zero() {
                // The thread needs the lock for its end, and a look takes longer than that.
                drop(end);
                if self.is_asleep() {
                    return Progress::Asleep;
                }
                if left.is_zero() {
                    return Progress::Running;
                }
                end = self.shared.lock();
                if end.is_some() {
                    break;
                }
                left = left.min(pause);
                pause = (pause * 2).min(LAST_PAUSE);
            }
            end = self.shared.ended.wait_timeout(end, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        Progress::Running
    }

    fn is_asleep(&self) -> bool {
        let Some(slot) = self.shared.slot.get() else { return false };
        slot.asleep(&self.shared.call.action, self.shared.call.mode).unwrap_or_else(|| {
            let late = watchdog::overslept() - self.overslept;
            // Where time only goes on while everybody sleeps, the shortest pause of ours suffices.
            let enough = match clock::is_virtual() {
                true => clock::nanos(FIRST_PAUSE),
                false => (clock::nanos(TAKEN_FOR_ASLEEP) + TIMES_LATE * late).min(clock::nanos(AT_MOST)),
            };
            slot.inside_since().is_some_and(|since| clock::now().saturating_sub(since) >= enough)
        })
    }

    pub(super) fn interrupt(&self, restart: bool) {
        if let Some(slot) = self.shared.slot.get() {
            slot.interrupt(restart);
        }
    }

    /// Gets the thread out of its call and waits for that; where nothing reaches it, the call counts as blocked.
    pub(super) fn cancel(&mut self) -> Result<(), HostFault> {
        let deadline = clock::after(STUCK);
        let mut pause = FIRST_PAUSE;
        let mut out_of_reach_since = None;
        let mut end = self.shared.lock();
        while end.is_none() {
            if clock::now() > deadline {
                return Err(HostFault::new(format!("a call does not end: {:?}", self.shared.call)));
            }
            if let Some(slot) = self.shared.slot.get() {
                let now = clock::now();
                if slot.end(true) {
                    out_of_reach_since = None;
                } else if now - *out_of_reach_since.get_or_insert(now) > clock::nanos(OUT_OF_REACH) {
                    *end = Some(End::Collected(blocked(slot)));
                    // Not joined: it goes on.
                    self.thread = None;
                    return Ok(());
                }
            }
            end = self.shared.ended.wait_timeout(end, pause).unwrap_or_else(PoisonError::into_inner).0;
            pause = (pause * 2).min(LAST_PAUSE);
        }
        drop(end);
        self.join();
        Ok(())
    }

    /// The thread has told its end, so this takes no longer than the thread's own clearing up.
    fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What is told of a call that is left to itself.
fn blocked(slot: &Slot) -> Completion {
    let now = clock::now();
    Completion {
        outcome: Outcome::Blocks,
        code: None,
        native: None,
        signal: None,
        begin: slot.inside_since().unwrap_or(now),
        end: now,
        late: 0,
        local: None,
        peer: None,
        moved: None,
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Option<End>> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
