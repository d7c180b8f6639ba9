//! Readiness by each of the calls that tell it, without folding any bit away.

use std::collections::BTreeSet;
use std::ffi::c_int;
use std::time::Duration;

use super::raw::{self, Raw};
use crate::host::HostFault;
use crate::host::local::sys::{RawHandle, Sys};
use crate::outcome::Outcome;

/// Asks once for every bit.
pub(super) fn ready(
    handle: RawHandle,
    via: &str,
    timeout: Option<Option<Duration>>,
) -> Result<Raw<Outcome>, HostFault> {
    match via {
        "poll" => Ok(raw::poll(handle, ALL, milliseconds(timeout)).map(|bits| names(POLL, bits.into()))),
        "select" => select(handle, timeout),
        #[cfg(target_os = "linux")]
        "epoll" => Ok(epoll(handle, milliseconds(timeout))),
        _ => Err(HostFault::new(format!("this system has no call {via}"))),
    }
}

/// Every bit that poll can be asked for, without the synonyms that XSI adds.
const ALL: i16 = libc::POLLIN | libc::POLLPRI | libc::POLLOUT | RDHUP;

#[cfg(any(target_os = "linux", target_os = "freebsd"))]
const RDHUP: i16 = libc::POLLRDHUP;
#[cfg(target_os = "macos")]
const RDHUP: i16 = 0;

const POLL: &[(&str, i32)] = &[
    ("IN", libc::POLLIN as i32),
    ("PRI", libc::POLLPRI as i32),
    ("OUT", libc::POLLOUT as i32),
    ("RDHUP", RDHUP as i32),
    ("ERR", libc::POLLERR as i32),
    ("HUP", libc::POLLHUP as i32),
    ("NVAL", libc::POLLNVAL as i32),
];

fn names(table: &[(&str, i32)], bits: i32) -> Outcome {
    Outcome::Bits(
        table.iter().filter(|(_, bit)| bits & bit != 0).map(|(name, _)| (*name).to_owned()).collect(),
    )
}

/// The argument of poll; a fraction of a millisecond is rounded up, so that no wait is shorter than asked for.
fn milliseconds(timeout: Option<Option<Duration>>) -> c_int {
    match timeout {
        None => 0,
        Some(None) => -1,
        Some(Some(time)) => c_int::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(c_int::MAX),
    }
}

fn select(handle: RawHandle, timeout: Option<Option<Duration>>) -> Result<Raw<Outcome>, HostFault> {
    use nix::sys::select::FdSet;
    use nix::sys::time::{TimeVal, TimeValLike};

    let handle = if handle == super::Native::NOTHING { closed_for_select()? } else { handle };
    let fd = raw::fd(handle);
    if usize::try_from(fd).is_ok_and(|fd| fd >= nix::sys::select::FD_SETSIZE) {
        return Err(HostFault::new(format!(
            "descriptor {fd} is too large for select: fewer trials at once (--jobs) have fewer files open"
        )));
    }
    let borrowed = raw::Borrowed::new(handle);
    let fd = std::os::fd::AsFd::as_fd(&*borrowed);
    let set = || {
        let mut set = FdSet::new();
        set.insert(fd);
        set
    };
    let (mut read, mut write, mut except) = (set(), set(), set());
    let mut timeout = match timeout {
        None => Some(TimeVal::zero()),
        Some(None) => None,
        Some(Some(time)) => {
            Some(TimeVal::microseconds(i64::try_from(time.as_nanos().div_ceil(1000)).unwrap_or(i64::MAX)))
        }
    };
    let n = nix::sys::select::select(None, &mut read, &mut write, &mut except, timeout.as_mut());
    Ok(n.map_err(|error| error as i32).map(|n| {
        let mut bits = BTreeSet::new();
        // The sets are only written when something is ready.
        for (set, name) in [(&read, "read"), (&write, "write"), (&except, "except")] {
            if n > 0 && set.contains(fd) {
                bits.insert(name.to_owned());
            }
        }
        Outcome::Bits(bits)
    }))
}

/// A number that select can take and no file of the process has. select overlooks numbers behind the process's table of
/// files, so the table is made as long first.
fn closed_for_select() -> Result<RawHandle, HostFault> {
    const HIGHEST: std::os::fd::RawFd = nix::sys::select::FD_SETSIZE as std::os::fd::RawFd - 1;
    if let Ok(null) = std::fs::File::open("/dev/null") {
        let high = nix::fcntl::fcntl(&null, nix::fcntl::FcntlArg::F_DUPFD_CLOEXEC(HIGHEST - 23));
        // A table that is as long already needs nothing.
        let _ = high.map(|fd| raw::close(raw::handle(fd)));
    }
    if raw::is_open(HIGHEST) {
        return Err(HostFault::new(format!(
            "descriptor {HIGHEST} is in use: fewer trials at once (--jobs) have fewer files open"
        )));
    }
    Ok(raw::handle(HIGHEST))
}

#[cfg(target_os = "linux")]
fn epoll(handle: RawHandle, timeout: c_int) -> Raw<Outcome> {
    use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

    let code = |error: nix::errno::Errno| error as i32;
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(code)?;
    let asked = EpollFlags::EPOLLIN | EpollFlags::EPOLLPRI | EpollFlags::EPOLLOUT | EpollFlags::EPOLLRDHUP;
    epoll.add(&*raw::Borrowed::new(handle), EpollEvent::new(asked, 0)).map_err(code)?;
    let mut events = [EpollEvent::empty()];
    let timeout = EpollTimeout::try_from(timeout).unwrap_or(EpollTimeout::NONE);
    let n = epoll.wait(&mut events, timeout).map_err(code)?;
    // The bits have the numbers of poll's.
    Ok(names(POLL, if n == 0 { 0 } else { events[0].events().bits() }))
}
