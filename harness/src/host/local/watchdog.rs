//! One thread per process that ends calls whose limit is over, and that notices when the machine stood still.
//!
//! Entering a call costs no lock and wakes nobody: the watchdog naps while there are calls and looks into every slot
//! when it wakes. Only when it has parked, after a while without calls, is it woken.

use std::cell::OnceCell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

use super::clock;
use super::slot::Slot;
use super::sys::Sys;

/// How long it naps while calls are made: the most by which a limit can be overrun.
const NAP: Duration = Duration::from_millis(10);
/// How often a thread that does not come out is poked.
const AGAIN: Duration = Duration::from_millis(1);
/// After so many naps without a call it parks.
const QUIET: u32 = 10;
/// Oversleeping less than this is the ordinary slack of timers.
const SLACK: u64 = 1_000_000;

/// Starts it, in the network of the calling thread: to be called before any trial moves a thread into another.
pub fn start() {
    watchdog();
}

/// For how many ns, in all, the machine let the watchdog sleep longer than it asked to.
#[must_use]
pub fn overslept() -> u64 {
    OVERSLEPT.load(Ordering::Relaxed)
}

/// The slot of the calling thread, watched until the thread ends.
#[must_use]
pub fn slot_of_this_thread<S: Sys>() -> Arc<Slot> {
    thread_local!(static MINE: OnceCell<Watched> = const { OnceCell::new() });
    MINE.with(|mine| Arc::clone(&mine.get_or_init(|| watch(Arc::new(Slot::new(S::this_thread())))).0))
}

/// Watches a slot for as long as the result lives.
#[must_use]
pub fn watch(slot: Arc<Slot>) -> Watched {
    slots().push(Arc::clone(&slot));
    Watched(slot)
}

/// To be called when a thread has entered a call.
pub fn entered() {
    if PARKED.load(Ordering::SeqCst) {
        watchdog().unpark();
    }
}

/// A slot that is watched.
pub struct Watched(Arc<Slot>);

impl Drop for Watched {
    fn drop(&mut self) {
        slots().retain(|slot| !Arc::ptr_eq(slot, &self.0));
    }
}

static OVERSLEPT: AtomicU64 = AtomicU64::new(0);
static PARKED: AtomicBool = AtomicBool::new(false);
static SLOTS: Mutex<Vec<Arc<Slot>>> = Mutex::new(Vec::new());

fn slots() -> MutexGuard<'static, Vec<Arc<Slot>>> {
    SLOTS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn watchdog() -> &'static Thread {
    static THREAD: OnceLock<Thread> = OnceLock::new();
    THREAD.get_or_init(|| {
        match thread::Builder::new().name("watchdog".into()).spawn(watch_forever) {
            Ok(handle) => handle.thread().clone(),
            // Without it nothing ends a call that blocks; the limit of the whole run is then the only one.
            Err(_) => thread::current(),
        }
    })
}

fn watch_forever() {
    if clock::is_virtual() {
        sleep_until_needed();
    }
    let mut quiet = 0;
    loop {
        let (mut nap, any) = look();
        quiet = if any { 0 } else { quiet + 1 };
        if quiet > QUIET {
            PARKED.store(true, Ordering::SeqCst);
            // A thread that has entered before it could see the flag is seen here.
            if !look().1 {
                thread::park();
            }
            PARKED.store(false, Ordering::SeqCst);
            quiet = 0;
            nap = look().0;
        }
        let before = clock::now();
        thread::sleep(nap);
        let over = (clock::now() - before).saturating_sub(clock::nanos(nap));
        if over > SLACK {
            OVERSLEPT.fetch_add(over, Ordering::Relaxed);
        }
    }
}

/// Where idle time is skipped: every call wakes it, and it sleeps to the first limit. Nobody is late there, so nothing has
/// to be measured.
fn sleep_until_needed() -> ! {
    PARKED.store(true, Ordering::SeqCst);
    loop {
        // A call that was entered since has left its mark: the thread does not park then.
        let now = clock::now();
        let next = slots().iter().filter_map(|slot| slot.deadline()).min();
        match next {
            Some(deadline) if deadline <= now => {
                look();
                thread::sleep(AGAIN);
            }
            Some(deadline) => thread::park_timeout(Duration::from_nanos(deadline - now)),
            None => thread::park(),
        }
    }
}

/// Ends what is over; tells how long to nap, and whether anybody is in a call.
fn look() -> (Duration, bool) {
    let now = clock::now();
    let (mut nap, mut any) = (NAP, false);
    for slot in slots().iter() {
        let Some(deadline) = slot.deadline() else { continue };
        any = true;
        if deadline <= now {
            slot.end(false);
            nap = AGAIN;
        } else {
            nap = nap.min(Duration::from_nanos(deadline - now));
        }
    }
    (nap, any)
}
