//! A thread that makes calls: getting it out of one.
//!
//! What is cancelled is all that goes on at a socket, since Winsock keeps to itself by what a single blocking call could be
//! named. So a poke also hits the calls that other threads make on that socket; those find out here and begin again.

#![expect(unsafe_code, reason = "CancelIoEx")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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
    mine: Arc<Mine>,
}

/// What a thread tells those who poke it.
#[derive(Default)]
struct Mine {
    /// Whether it was poked during its call.
    poked: AtomicBool,
    /// How often the number of its handle had been closed when its call began.
    closed: AtomicU64,
}

impl Thread {
    pub(super) fn current() -> Self {
        let mine = Arc::<Mine>::default();
        MINE.replace(Some(Arc::clone(&mine)));
        Self { mine }
    }
}

impl Target for Thread {
    /// The call then fails with WSA_OPERATION_ABORTED. Where the handle was closed, its number may be another trial's by
    /// now, so nothing is cancelled: on Windows the closing has done it, and Wine has no other way.
    fn poke(&self, handle: RawHandle, how: Poke) -> bool {
        // There are no signals, and cases that need some do not come here.
        if how != Poke::End {
            return true;
        }
        // Locked until it is done, so that nobody closes the handle in between.
        let mut handles = handles();
        let known = handles.entry(handle).or_default();
        if known.closed != self.mine.closed.load(Ordering::SeqCst) {
            return false;
        }
        self.mine.poked.store(true, Ordering::SeqCst);
        known.poked = clock::now();
        // SAFETY: takes a number; one that is no handle is refused.
        let _ = unsafe { CancelIoEx(raw::socket_of(handle) as HANDLE, std::ptr::null()) };
        true
    }

    fn asleep(&self, _: &Action, _: Mode) -> Option<bool> {
        None
    }

    fn settle(&self) {
        // Nothing is left over: only what goes on at that moment is cancelled.
    }
}

/// To be called when a call begins.
pub(super) fn begin(handle: RawHandle) {
    MINE.with_borrow(|mine| {
        if let Some(mine) = mine {
            mine.closed.store(handles().entry(handle).or_default().closed, Ordering::SeqCst);
            // A poke is repeated, so that one which was between the announcement of the call and this is not missed.
            mine.poked.store(false, Ordering::SeqCst);
        }
    });
}

/// A call that begins again when it was ended by a poke that was for another thread. For calls that have done nothing
/// when they are cancelled.
pub(super) fn unless_mistaken<T>(cell: &Cell, mut call: impl FnMut(RawHandle) -> Raw<T>) -> Raw<T> {
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
    let mut handles = handles();
    let known = handles.entry(handle).or_default();
    *known = Known { closed: known.closed + 1, poked: 0 };
}

fn hit_by_mistake(handle: RawHandle, since: u64) -> bool {
    let mine = MINE.with_borrow(|mine| mine.as_ref().is_some_and(|mine| mine.poked.load(Ordering::SeqCst)));
    !mine && handles().get(&handle).is_some_and(|known| known.poked != 0 && known.poked >= since)
}

thread_local! {
    static MINE: RefCell<Option<Arc<Mine>>> = const { RefCell::new(None) };
}

/// What has become of the number of a handle.
#[derive(Clone, Copy, Default)]
struct Known {
    /// How often it was closed: afterwards it is another handle.
    closed: u64,
    /// When something at it was cancelled last; 0 for never.
    poked: u64,
}

fn handles() -> MutexGuard<'static, BTreeMap<RawHandle, Known>> {
    static HANDLES: Mutex<BTreeMap<RawHandle, Known>> = Mutex::new(BTreeMap::new());
    HANDLES.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poke_for_another_thread_is_not_ours() {
        let cell = Cell::new(0x3fff_fff8);
        let _mine = Thread::current();
        let other = Thread { mine: Arc::default() };
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

    #[test]
    fn a_handle_that_was_closed_under_the_call_is_left_alone() {
        let mine = Thread::current();
        begin(0x3fff_fff0);
        assert!(mine.poke(0x3fff_fff0, Poke::End));
        forget(0x3fff_fff0);
        assert!(!mine.poke(0x3fff_fff0, Poke::End), "the number may be another socket's");
        begin(0x3fff_fff0);
        assert!(mine.poke(0x3fff_fff0, Poke::End));
    }
}
