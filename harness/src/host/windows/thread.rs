//! A thread that makes calls: getting it out of one.

#![expect(unsafe_code, reason = "CancelIoEx")]

use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::System::IO::CancelIoEx;

use super::raw;
use crate::host::call::{Action, Mode};
use crate::host::local::sys::{Poke, RawHandle, Target};

/// A thread of this process. It needs no name: what is cancelled is found by the socket.
pub(super) struct Thread;

impl Target for Thread {
    /// Cancels everything that goes on at the socket; the call then fails with WSA_OPERATION_ABORTED. Winsock keeps to
    /// itself by what a single blocking call could be named, so another thread's call on the same socket ends too.
    fn poke(&self, handle: RawHandle, how: Poke) {
        // There are no signals; the host does not come here with those.
        if how == Poke::End {
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
