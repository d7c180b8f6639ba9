//! Handles that are no sockets, for wrong calls. They have to be closed in another way, so they are remembered.

#![expect(unsafe_code, reason = "CloseHandle")]

use std::os::windows::io::IntoRawHandle;
use std::sync::{Mutex, PoisonError};

use windows_sys::Win32::Foundation::{CloseHandle, HANDLE};

use super::raw::{self, Raw};
use super::{Native, context, thread};
use crate::host::HostFault;
use crate::host::call::DescriptorKind;
use crate::host::local::sys::{RawHandle, Sys};

/// Makes one.
pub(super) fn make(what: DescriptorKind) -> Result<RawHandle, HostFault> {
    let fault = |error: std::io::Error| HostFault::new(format!("no such descriptor: {error}"));
    let handle = match what {
        DescriptorKind::Closed => return Ok(Native::NOTHING),
        // Our own program is a file that is always there.
        DescriptorKind::File => {
            let path = std::env::current_exe().map_err(fault)?;
            std::fs::File::open(path).map_err(fault)?.into_raw_handle()
        }
        DescriptorKind::Pipe => std::io::pipe().map_err(fault)?.0.into_raw_handle(),
    };
    let handle = handle.expose_provenance() as RawHandle;
    others().push(handle);
    Ok(handle)
}

/// Calls closesocket. What is no socket is closed as well, after that call has said so.
pub(super) fn close(handle: RawHandle) -> Raw<()> {
    context::forget(handle);
    thread::forget(handle);
    let closed = raw::close(handle);
    let mut others = others();
    let other = others.iter().position(|other| *other == handle).map(|at| others.swap_remove(at));
    // Not where it was closed all the same: Wine's closesocket takes a number for a socket's that once was one, and the
    // number may be somebody else's by now.
    if other.is_some() && closed.is_err() {
        // SAFETY: it was made here and is closed only here, once.
        unsafe { CloseHandle(std::ptr::with_exposed_provenance_mut::<()>(handle as usize) as HANDLE) };
    }
    closed
}

fn others() -> std::sync::MutexGuard<'static, Vec<RawHandle>> {
    static OTHERS: Mutex<Vec<RawHandle>> = Mutex::new(Vec::new());
    OTHERS.lock().unwrap_or_else(PoisonError::into_inner)
}
