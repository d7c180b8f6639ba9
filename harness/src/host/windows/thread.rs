//! A thread that makes calls: getting it out of one.
//!
//! What is cancelled is all that goes on at a socket, since Winsock keeps to itself by what a single blocking call could be
//! named. So a poke also hits the calls that other threads make on that socket; those find out here and begin again.

#![expect(unsafe_code, reason = "CancelIoEx")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::Networking::WinSock::WSA_OPERATION_ABORTED;
use windows_sys::Win32::System::IO::CancelIoEx;

use super::raw::{self, Raw};
use crate::host::call::{Action, Mode};
use crate::host::local::clock;
use crate::host::local::sys::{Cell, Poke, RawHandle, Target};

/// A thread of this process.
pub(super) struct Thread {
    /// Whether it was poked during its call.
    poked: Arc<AtomicBool>,
}

impl Thread {
    pub(super) fn current() -> Self {
        let poked = Arc::new(AtomicBool::new(false));
        MINE.replace(Some(Arc::clone(&poked)));
        Self { poked }
    }
}

impl Target for Thread {
    /// The call then fails with WSA_OPERATION_ABORTED.
    fn poke(&self, handle: RawHandle, how: Poke) {
        // There are no signals, and cases that need some do not come here.
        if how == Poke::End {
            self.poked.store(true, Ordering::SeqCst);
            pokes().insert(handle, clock::now());
            // SAFETY: takes a number; one that is no handle is refused.
            let _ = unsafe { CancelIoEx(raw::socket_of(handle) as HANDLE, std::ptr::null()) };
        }
    }

    fn asleep(&self, _: &Action, _: Mode) -> Option<bool> {
        None
    }

    fn settle(&self) {
        // Nothing is left over: only what goes on at that moment is cancelled.
    }
}

/// A call that begins again when it was ended by a poke that was for another thread. For calls that have done nothing
/// when they are cancelled.
pub(super) fn unless_mistaken<T>(cell: &Cell, mut call: impl FnMut(RawHandle) -> Raw<T>) -> Raw<T> {
    MINE.with_borrow(|mine| {
        if let Some(poked) = mine {
            // A poke is repeated, so that one which was between the announcement of the call and this is not missed.
            poked.store(false, Ordering::SeqCst);
        }
    });
    loop {
        let (handle, begin) = (cell.get(), clock::now());
        match call(handle) {
            Err(WSA_OPERATION_ABORTED) if cell.get() == handle && hit_by_mistake(handle, begin) => {}
            other => return other,
        }
    }
}

/// To be called before the number becomes free.
pub(super) fn forget(handle: RawHandle) {
    pokes().remove(&handle);
}

fn hit_by_mistake(handle: RawHandle, since: u64) -> bool {
    let mine = MINE.with_borrow(|mine| mine.as_ref().is_some_and(|poked| poked.load(Ordering::SeqCst)));
    !mine && pokes().get(&handle).is_some_and(|at| *at >= since)
}

thread_local! {
    static MINE: RefCell<Option<Arc<AtomicBool>>> = const { RefCell::new(None) };
}

/// When something at a socket was cancelled last.
fn pokes() -> MutexGuard<'static, BTreeMap<RawHandle, u64>> {
    static POKES: Mutex<BTreeMap<RawHandle, u64>> = Mutex::new(BTreeMap::new());
    POKES.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poke_for_another_thread_is_not_ours() {
        let cell = Cell::new(0x3fff_fff8);
        let _mine = Thread::current();
        let other = Thread { poked: Arc::default() };
        let mut calls = 0;
        let result = unless_mistaken(&cell, |handle| {
            calls += 1;
            if calls == 1 {
                other.poke(handle, Poke::End);
            }
            if calls < 3 { Err::<(), _>(WSA_OPERATION_ABORTED) } else { Ok(()) }
        });
        // The second end has no poke that it could be mistaken for.
        assert_eq!((result, calls), (Err(WSA_OPERATION_ABORTED), 2));
        forget(cell.get());
    }

    #[test]
    fn a_poke_of_this_thread_ends_its_call() {
        let cell = Cell::new(0x3fff_fff4);
        let mine = Thread::current();
        let result = unless_mistaken(&cell, |handle| {
            mine.poke(handle, Poke::End);
            Err::<(), _>(WSA_OPERATION_ABORTED)
        });
        assert_eq!(result, Err(WSA_OPERATION_ABORTED));
        forget(cell.get());
    }
}
