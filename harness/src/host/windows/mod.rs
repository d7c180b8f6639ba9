//! Sockets of Windows, for a [`LocalHost`](super::local::LocalHost): Winsock's own calls, without a wrapper between them
//! and a case.
//!
//! Three things are unlike Unix. A thread that is in a call cannot be seen asleep. There are no signals: what gets a
//! thread out of a call is the cancelling of what goes on at its socket. And a socket has no state that outlives it but
//! in the table of connections, which belongs to [`observe`](crate::observe).

mod address;
mod calls;
mod context;
mod descriptor;
mod fault;
mod flags;
mod look;
mod options;
mod overlapped;
mod raw;
mod ready;
mod table;
mod thread;
pub mod winsock;

use std::net::SocketAddr;

use super::call::{Action, Kind, Mode};
use super::local::lateness::{NAP, Timer};
use super::local::sys::{Answer, Cell, RawHandle, Sys, Target};
use super::{HostFault, Look, Seen};
use crate::platform::Os;
pub use options::has as has_option;
pub use overlapped::has_extensions;
pub use table::ORACLE;

/// The handle of a socket.
#[must_use]
pub fn handle(socket: std::os::windows::io::RawSocket) -> RawHandle {
    socket
}

/// The MSG_ flags that Windows has.
pub fn flags() -> impl Iterator<Item = &'static str> {
    flags::FLAGS.iter().map(|(name, _)| *name)
}

/// Windows.
pub struct Native;

/// Which system this is.
pub const OS: Os = Os::Windows;

impl Sys for Native {
    const OS: Os = OS;
    // A multiple of 4, as handles are, and far above what a process has of them.
    const NOTHING: RawHandle = 0x3fff_fffc;
    type Observer = look::Observer;

    fn call(cell: &Cell, kind: Kind, action: &Action, mode: Mode) -> Result<Answer, HostFault> {
        calls::call(cell, kind, action, mode)
    }

    fn local_name(handle: RawHandle) -> Option<SocketAddr> {
        // What AcceptEx gave has no name of its own before SO_UPDATE_ACCEPT_CONTEXT.
        raw::local_name(handle).ok().flatten().or_else(|| context::of(handle)?.local)
    }

    fn this_thread() -> Box<dyn Target> {
        Box::new(thread::Thread::current())
    }

    fn kept_waiting() -> u64 {
        // Windows counts how long a thread ran, not how long it was ready to.
        0
    }

    fn timers() -> Vec<Timer> {
        vec![Timer { nap: Box::new(|| std::thread::sleep(NAP)), slack: std::time::Duration::from_millis(32) }]
    }

    fn behind() -> u64 {
        // The usual tick of Windows is 1/64 s.
        15_625_000
    }

    fn look(
        observer: &mut look::Observer,
        socket: Option<(RawHandle, Kind)>,
        look: &Look,
    ) -> Result<Seen, HostFault> {
        observer.look(socket, look)
    }

    fn close(handle: RawHandle, abort: bool) {
        if abort {
            // Fails for what is no socket, which leaves nothing behind anyway.
            let _ = raw::linger(handle, Some(0));
        }
        let _ = descriptor::close(handle);
    }
}
