//! Sockets of a Unix system, for a [`LocalHost`](super::local::LocalHost). The differences between Linux, macOS and
//! FreeBSD are in small files of their own.
//!
//! Not here: namespaces (`linux`), and what the kernel's tables look like ([`observe`](crate::observe)).

mod address;
mod calls;
mod flags;
mod look;
mod options;
mod raw;
mod ready;
#[cfg(target_os = "linux")]
pub mod shown;
pub mod signals;
mod thread;
mod transfer;

#[cfg_attr(target_os = "linux", path = "state_linux.rs")]
#[cfg_attr(target_os = "macos", path = "state_macos.rs")]
#[cfg_attr(target_os = "freebsd", path = "state_freebsd.rs")]
mod state;

use std::net::SocketAddr;
use std::time::Duration;

use super::call::{Action, Kind, Mode};
use super::local::lateness::Timer;
use super::local::sys::{Answer, Cell, RawHandle, Sys, TAKEN_FOR_FULL, Target};
use super::{HostFault, Look, Seen};
use crate::outcome::TcpState;
use crate::platform::Os;
pub use options::has as has_option;
pub use state::ORACLE;

/// The handle of a descriptor.
#[must_use]
pub fn handle(fd: std::os::fd::RawFd) -> RawHandle {
    raw::handle(fd)
}

/// The MSG_ flags that this system has.
pub fn flags() -> impl Iterator<Item = &'static str> {
    flags::FLAGS.iter().map(|(name, _)| *name)
}

/// A Unix system.
pub struct Native;

/// Which one this is.
pub const OS: Os = if cfg!(target_os = "macos") {
    Os::Macos
} else if cfg!(target_os = "freebsd") {
    Os::Freebsd
} else {
    Os::Linux
};

impl Sys for Native {
    const OS: Os = OS;
    // Far above what a process may open.
    const NOTHING: RawHandle = 0x3fff_ffff;
    type Observer = look::Observer;

    fn call(cell: &Cell, kind: Kind, action: &Action, mode: Mode) -> Result<Answer, HostFault> {
        calls::call(cell, kind, action, mode)
    }

    fn local_name(handle: RawHandle) -> Option<SocketAddr> {
        raw::local_name(handle).ok().flatten()
    }

    fn this_thread() -> Box<dyn Target> {
        Box::new(thread::Thread::current())
    }

    fn kept_waiting() -> u64 {
        thread::kept_waiting()
    }

    fn timers() -> Vec<Timer> {
        thread::timers()
    }

    fn behind() -> u64 {
        thread::behind()
    }

    fn look(
        observer: &mut look::Observer,
        socket: Option<(RawHandle, Kind)>,
        look: &Look,
    ) -> Result<Seen, HostFault> {
        observer.look(socket, look)
    }

    fn is_full(handle: RawHandle, refused_for: Duration) -> bool {
        state::is_full(handle).unwrap_or_else(|| refused_for >= TAKEN_FOR_FULL)
    }

    fn forget(observer: &mut look::Observer, connections: &[[SocketAddr; 2]]) {
        observer.forget(connections);
    }

    fn close(handle: RawHandle, abort: bool) {
        // Not in SYN_RECEIVED, where it takes gVisor's kernel down; what a plain close leaves there, the wire's reset ends.
        if abort && state::info(handle) != Ok(TcpState::SynReceived) {
            // Fails for what is no socket, which leaves nothing behind anyway.
            let _ = raw::linger(handle, Some(0));
        }
        let _ = raw::close(handle);
    }
}
