//! What an operating system has to give to a [`LocalHost`](super::LocalHost): calls on raw handles, looks, and a way to
//! get a thread out of the kernel.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::lateness::Timer;
use crate::host::call::{Action, Kind, Mode};
use crate::host::{HostFault, Look, Seen};
use crate::outcome::Outcome;
use crate::platform::Os;

/// A descriptor or a SOCKET, as a number.
pub type RawHandle = u64;

/// Longer than an acknowledgement is held back where it need not go at once.
pub const TAKEN_FOR_FULL: Duration = Duration::from_millis(100);

/// One operating system. Has no state of its own; what a host needs for its looks is its [`Observer`](Self::Observer).
pub trait Sys: 'static {
    /// Which one.
    const OS: Os;

    /// A handle that no file of the process has: what is left of a socket once it is closed, so that a later call gets
    /// the kernel's own answer and never another trial's socket.
    const NOTHING: RawHandle;

    /// What looks need, made lazily in the network of the host.
    type Observer: Default;

    /// Makes one call on this thread. `Read` and `Fill` never come here: they are made of `Recv` and `Send`.
    /// A call that ends the handle ([`Action::Close`], [`Action::Abort`]) takes it out of the cell itself.
    fn call(cell: &Cell, kind: Kind, action: &Action, mode: Mode) -> Result<Answer, HostFault>;

    /// The local address of a socket, if it has one.
    fn local_name(handle: RawHandle) -> Option<SocketAddr>;

    /// The calling thread, for others.
    fn this_thread() -> Box<dyn Target>;

    /// For how many ns the calling thread has been ready in its life without getting a processor; 0 where the system
    /// does not count it.
    fn kept_waiting() -> u64;

    /// The timers of this system, for measuring how late they are.
    fn timers() -> Vec<Timer>;

    /// By how many ns the clock that kernel timers count is behind now, or the most by which it can be.
    fn behind() -> u64;

    /// Looks without changing anything. The handle is absent where the name was never made or the socket is closed.
    fn look(
        observer: &mut Self::Observer,
        socket: Option<(RawHandle, Kind)>,
        look: &Look,
    ) -> Result<Seen, HostFault>;

    /// Whether a socket that has taken no more data for so long stays so until the peer reads: nothing is under way, and
    /// the peer's window is closed. Where a system does not tell, no more than a time can be gone by.
    fn is_full(_handle: RawHandle, refused_for: Duration) -> bool {
        refused_for >= TAKEN_FOR_FULL
    }

    /// Takes connections that are over from the kernel's table, where that can be done.
    fn forget(_observer: &mut Self::Observer, _connections: &[[SocketAddr; 2]]) {}

    /// Closes without waiting; with `abort`, connections leave nothing behind.
    fn close(handle: RawHandle, abort: bool);
}

/// What a call gave.
#[derive(Debug)]
pub struct Answer {
    /// The outcome, or the raw error code.
    pub result: Result<Outcome, i32>,
    /// The handle that was made.
    pub made: Option<RawHandle>,
    /// The remote address that the call told.
    pub peer: Option<SocketAddr>,
    /// A signal that the call raised on its thread.
    pub signal: Option<&'static str>,
    /// The call looks as if a [`Poke::End`] had cut it short: it counts as blocked if there was one.
    pub cut: bool,
}

impl Answer {
    /// An answer that is only a result.
    #[must_use]
    pub fn new(result: Result<Outcome, i32>) -> Self {
        Self { result, made: None, peer: None, signal: None, cut: false }
    }
}

/// A thread that makes calls, seen from others.
pub trait Target: Send + Sync {
    /// Gets it out of a blocking call on that handle. The thread is alive and inside a call, or just about to be: a
    /// poke that comes too early is lost, so it is repeated. Tells whether there is a way to reach the call at all: on
    /// Windows what cancels it needs the handle, and that may have been closed under it.
    fn poke(&self, handle: RawHandle, how: Poke) -> bool;

    /// Whether it sleeps in the kernel in that very call; `None` where the system cannot tell.
    fn asleep(&self, action: &Action, mode: Mode) -> Option<bool>;

    /// Called on the thread itself after a poke that may have come too late: when it returns, the poke cannot hit
    /// anything later.
    fn settle(&self);
}

/// Why a thread is got out of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poke {
    /// The harness ends the call.
    End,
    /// A case interrupts it: a handler without SA_RESTART.
    Interrupt,
    /// A case interrupts it: a handler with SA_RESTART.
    Restart,
}

/// The handle of a socket, shared with the threads of its background calls. After a close it holds
/// [`Sys::NOTHING`]. A number is loaded before each system call, so a call of several (a `Read`, a waiting one) does not
/// go on with a number that the kernel has given to somebody else; only between the load and the call itself, some
/// nanoseconds, could that happen.
#[derive(Debug)]
pub struct Cell(AtomicU64);

impl Cell {
    /// A cell with that handle.
    #[must_use]
    pub fn new(handle: RawHandle) -> Self {
        Self(AtomicU64::new(handle))
    }

    /// The handle as it is now.
    pub fn get(&self) -> RawHandle {
        self.0.load(Ordering::Acquire)
    }

    /// Takes the handle out, for closing it.
    pub fn take(&self, nothing: RawHandle) -> RawHandle {
        self.0.swap(nothing, Ordering::AcqRel)
    }
}
