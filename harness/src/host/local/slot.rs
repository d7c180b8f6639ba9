//! The place where a thread says that it is in a call, and where others get it out.
//!
//! A poke is a signal: sent too late it would hit the thread's *next* call. So a poke is announced in the slot's word
//! first, and a thread that finds the announcement on its way out waits until the poke has been sent and received.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::clock;
use super::sys::{Poke, RawHandle, Target};
use crate::host::call::{Action, Mode};

/// A thread that makes calls.
pub struct Slot {
    /// 0 outside a call; inside, the deadline in ns, made even; odd once the call is being ended.
    word: AtomicU64,
    handle: AtomicU64,
    begun: AtomicU64,
    /// Held while poking.
    poking: Mutex<()>,
    thread: Box<dyn Target>,
}

const ENDING: u64 = 1;

impl Slot {
    /// The slot of that thread.
    #[must_use]
    pub fn new(thread: Box<dyn Target>) -> Self {
        Self {
            word: AtomicU64::new(0),
            handle: AtomicU64::new(0),
            begun: AtomicU64::new(0),
            poking: Mutex::new(()),
            thread,
        }
    }

    /// The thread enters a call.
    pub fn enter(&self, handle: RawHandle, now: u64, deadline: u64) {
        self.handle.store(handle, Ordering::Relaxed);
        self.begun.store(now, Ordering::Relaxed);
        self.word.store(deadline.max(2) & !ENDING, Ordering::SeqCst);
    }

    /// Whether the call that the thread is in is being ended.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.word.load(Ordering::SeqCst) & ENDING != 0
    }

    /// The thread leaves the call. Tells whether it was being ended.
    pub fn leave(&self) -> bool {
        let ended = self.word.swap(0, Ordering::SeqCst) & ENDING != 0;
        if ended {
            drop(self.lock());
            self.thread.settle();
        }
        ended
    }

    /// Since when the thread is in a call.
    #[must_use]
    pub fn inside_since(&self) -> Option<u64> {
        (self.word.load(Ordering::SeqCst) != 0).then(|| self.begun.load(Ordering::Relaxed))
    }

    /// When the call that the thread is in must be over; `Some(0)` if it is already being ended.
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        match self.word.load(Ordering::SeqCst) {
            0 => None,
            word if word & ENDING != 0 => Some(0),
            word => Some(word),
        }
    }

    /// Pokes the thread if its deadline is over or `always`; to be repeated until the thread is out. Tells whether a
    /// poke can reach it.
    pub fn end(&self, always: bool) -> bool {
        let _guard = self.lock();
        let word = self.word.load(Ordering::SeqCst);
        if word == 0 || (!always && word & ENDING == 0 && word > clock::now()) {
            return true;
        }
        // Fails if the thread has just left, or is in its next call.
        let marked = word & ENDING != 0
            || self.word.compare_exchange(word, word | ENDING, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        !marked || self.thread.poke(self.handle.load(Ordering::Relaxed), Poke::End)
    }

    /// Interrupts the call as a program's signal would, once.
    pub fn interrupt(&self, restart: bool) {
        let _guard = self.lock();
        if self.word.load(Ordering::SeqCst) != 0 {
            let how = if restart { Poke::Restart } else { Poke::Interrupt };
            self.thread.poke(self.handle.load(Ordering::Relaxed), how);
        }
    }

    /// Whether the thread sleeps in the kernel in that call; `None` where the system cannot tell.
    #[must_use]
    pub fn asleep(&self, action: &Action, mode: Mode) -> Option<bool> {
        match self.inside_since() {
            None => Some(false),
            Some(_) => self.thread.asleep(action, mode),
        }
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.poking.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    struct Counting(Arc<AtomicUsize>);

    impl Target for Counting {
        fn poke(&self, _: RawHandle, _: Poke) -> bool {
            self.0.fetch_add(1, Ordering::SeqCst);
            true
        }
        fn asleep(&self, _: &Action, _: Mode) -> Option<bool> {
            None
        }
        fn settle(&self) {}
    }

    #[test]
    fn a_thread_outside_a_call_is_never_poked() {
        let pokes = Arc::new(AtomicUsize::new(0));
        let slot = Slot::new(Box::new(Counting(Arc::clone(&pokes))));
        slot.end(true);
        slot.interrupt(false);
        assert_eq!(pokes.load(Ordering::SeqCst), 0);
        slot.enter(7, 0, u64::MAX);
        slot.end(false);
        assert_eq!(pokes.load(Ordering::SeqCst), 0, "the deadline is not over");
        slot.end(true);
        assert!(slot.is_ending());
        slot.end(false);
        assert_eq!(pokes.load(Ordering::SeqCst), 2, "it is repeated until the thread is out");
        assert!(slot.leave());
        slot.end(true);
        assert_eq!(pokes.load(Ordering::SeqCst), 2);
    }
}
