//! The signals that the harness handles: SIGPIPE, so that a send that raises it is seen to have done so, and those by
//! which a thread is got out of a call.
//!
//! Handlers are of the process, so this takes SIGPIPE, SIGUSR1 and SIGUSR2 for good. A send to a broken pipe goes on to
//! fail with EPIPE as if the signal were ignored.

#![expect(unsafe_code, reason = "signal handlers")]

use std::ffi::c_int;
use std::sync::OnceLock;
#[cfg(target_vendor = "apple")]
use std::sync::atomic::AtomicBool;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

use crate::host::HostFault;
use crate::host::local::sys::Poke;

/// Installs the handlers, once.
pub fn install() -> Result<(), HostFault> {
    static DONE: OnceLock<Result<(), Errno>> = OnceLock::new();
    DONE.get_or_init(|| {
        handle(Signal::SIGPIPE, broken_pipe, SaFlags::SA_RESTART)?;
        handle(Signal::SIGUSR1, woken, SaFlags::empty())?;
        handle(Signal::SIGUSR2, woken, SaFlags::SA_RESTART)
    })
    .map_err(|error| HostFault::new(format!("no signal handlers: {error}")))
}

/// The signal for a poke.
pub(super) fn signal(how: Poke) -> c_int {
    match how {
        Poke::End | Poke::Interrupt => libc::SIGUSR1,
        Poke::Restart => libc::SIGUSR2,
    }
}

fn handle(signal: Signal, handler: extern "C" fn(c_int), flags: SaFlags) -> Result<(), Errno> {
    let action = SigAction::new(SigHandler::Handler(handler), flags, SigSet::empty());
    // SAFETY: the handlers only change a counter or a flag, which need no initialisation.
    unsafe { sigaction(signal, &action) }.map(drop)
}

extern "C" fn woken(_: c_int) {
    HANDLED[PLACE.get()].fetch_add(1, Ordering::SeqCst);
}

/// How many signals each thread has handled, by its place: more places than there are ever threads at once.
static HANDLED: [AtomicU32; 4096] = [const { AtomicU32::new(0) }; 4096];

thread_local! {
    // Without a destructor and with a constant for its beginning, so that a handler can use it.
    static PLACE: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Gives the calling thread a place of its own at which the signals that it handles are counted.
pub(super) fn place() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let place = NEXT.fetch_add(1, Ordering::Relaxed) % HANDLED.len();
    PLACE.set(place);
    place
}

/// How many signals were handled at that place.
pub(super) fn handled(place: usize) -> u32 {
    HANDLED[place].load(Ordering::SeqCst)
}

extern "C" fn broken_pipe(_: c_int) {
    set(true);
}

/// Forgets an earlier SIGPIPE.
pub(super) fn forget() {
    set(false);
}

/// Whether SIGPIPE was raised since then on this thread.
#[cfg(not(target_vendor = "apple"))]
pub(super) fn raised() -> bool {
    RAISED.get()
}

#[cfg(not(target_vendor = "apple"))]
fn set(value: bool) {
    RAISED.set(value);
}

#[cfg(not(target_vendor = "apple"))]
thread_local! {
    // Without a destructor and with a constant for its beginning, so that a handler can use it.
    static RAISED: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Whether SIGPIPE was raised since then. On macOS the signal goes to the process, so with several trials at once it
/// may have been another's.
#[cfg(target_vendor = "apple")]
pub(super) fn raised() -> bool {
    RAISED.load(Ordering::SeqCst)
}

#[cfg(target_vendor = "apple")]
fn set(value: bool) {
    RAISED.store(value, Ordering::SeqCst);
}

#[cfg(target_vendor = "apple")]
static RAISED: AtomicBool = AtomicBool::new(false);
