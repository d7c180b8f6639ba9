//! Calls that are given a null pointer where Winsock is said to answer WSAEFAULT. Wine's `connect` reads it, which would
//! be the end of the process. So such a call is made by a thread that may be lost, and what ended it is the error.

use super::raw::Raw;

/// What a thread ends with that reads what it must not.
#[cfg(target_arch = "x86_64")]
const ACCESS_VIOLATION: i32 = windows_sys::Win32::Foundation::EXCEPTION_ACCESS_VIOLATION;

/// Makes a call that may fault.
#[cfg(target_arch = "x86_64")]
pub(super) fn survive<T: Send + 'static>(call: impl FnOnce() -> Raw<T> + Send + 'static) -> Raw<T> {
    use std::os::windows::io::AsRawHandle;
    use std::sync::{Arc, Mutex, PoisonError};

    guard::install();
    let result = Arc::new(Mutex::new(None));
    let theirs = Arc::clone(&result);
    let spawned = std::thread::Builder::new().name("fault".into()).spawn(move || {
        guard::begin();
        let done = call();
        guard::end();
        *theirs.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
    });
    let Ok(thread) = spawned else { return Err(windows_sys::Win32::Networking::WinSock::WSAENOBUFS) };
    // Not joined: that would look for a result which a lost thread has not left.
    guard::wait(thread.as_raw_handle());
    let done = result.lock().unwrap_or_else(PoisonError::into_inner).take();
    done.unwrap_or(Err(ACCESS_VIOLATION))
}

/// Elsewhere nobody was seen to fault.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn survive<T: Send + 'static>(call: impl FnOnce() -> Raw<T> + Send + 'static) -> Raw<T> {
    call()
}

#[cfg(target_arch = "x86_64")]
mod guard {
    //! Ending the thread that faults, and no other.

    #![expect(unsafe_code, reason = "an exception filter that has the thread go on elsewhere")]

    use std::cell::Cell;
    use std::sync::Once;

    use windows_sys::Win32::Foundation::{EXCEPTION_ACCESS_VIOLATION, HANDLE};
    use windows_sys::Win32::System::Diagnostics::Debug::{
        EXCEPTION_CONTINUE_EXECUTION, EXCEPTION_CONTINUE_SEARCH, EXCEPTION_POINTERS,
        SetUnhandledExceptionFilter,
    };
    use windows_sys::Win32::System::Threading::{ExitThread, INFINITE, WaitForSingleObject};

    thread_local! {
        static GUARDED: Cell<bool> = const { Cell::new(false) };
    }

    pub(super) fn install() {
        static DONE: Once = Once::new();
        DONE.call_once(|| {
            // SAFETY: the filter lives as long as the process.
            let _ = unsafe { SetUnhandledExceptionFilter(Some(filter)) };
        });
    }

    pub(super) fn begin() {
        GUARDED.set(true);
    }

    pub(super) fn end() {
        GUARDED.set(false);
    }

    pub(super) fn wait(thread: HANDLE) {
        // SAFETY: the handle of a thread that its owner still has.
        unsafe { WaitForSingleObject(thread, INFINITE) };
    }

    /// Asked last, so that Winsock's own handlers come first: on Windows they make WSAEFAULT of it.
    unsafe extern "system" fn filter(exception: *const EXCEPTION_POINTERS) -> i32 {
        // SAFETY: the system passes pointers that are valid during the call.
        let (code, context) = unsafe {
            let exception = &*exception;
            ((*exception.ExceptionRecord).ExceptionCode, &mut *exception.ContextRecord)
        };
        if code != EXCEPTION_ACCESS_VIOLATION || !GUARDED.replace(false) {
            return EXCEPTION_CONTINUE_SEARCH;
        }
        // As if `leave` had been called there: the stack is aligned but for the address to return to.
        context.Rip = leave as extern "system" fn() -> ! as usize as u64;
        context.Rsp = (context.Rsp & !15) - 8;
        EXCEPTION_CONTINUE_EXECUTION
    }

    /// Ends the thread. What it owned is lost.
    extern "system" fn leave() -> ! {
        // SAFETY: nothing of the thread is used afterwards.
        unsafe { ExitThread(EXCEPTION_ACCESS_VIOLATION.cast_unsigned()) }
    }
}
