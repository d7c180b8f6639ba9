//! System calls for which the arguments may be wrong on purpose, and those that no wrapper has. Errors are raw codes;
//! nothing is retried and nothing invented.
//!
//! Not here: what sends and receives (`transfer`).

#![expect(unsafe_code, reason = "wrappers refuse the arguments that cases are about")]

use std::ffi::{c_int, c_void};
use std::mem::ManuallyDrop;
use std::net::SocketAddr;
use std::ops::Deref;
use std::os::fd::{FromRawFd, IntoRawFd};

use nix::errno::Errno;
use socket2::{SockAddr, Socket};

use crate::host::local::sys::RawHandle;

/// The result of a call: its value or the raw error code.
pub(super) type Raw<T> = Result<T, i32>;

/// The descriptor of a handle.
#[expect(clippy::cast_possible_truncation, reason = "handles are made from descriptors")]
pub(super) fn fd(handle: RawHandle) -> c_int {
    handle as c_int
}

/// The handle of a descriptor.
pub(super) fn handle(fd: c_int) -> RawHandle {
    RawHandle::from(fd.unsigned_abs())
}

/// What socket2 can do with a descriptor that it does not own.
pub(super) struct Borrowed(ManuallyDrop<Socket>);

impl Borrowed {
    pub(super) fn new(handle: RawHandle) -> Self {
        // SAFETY: it is not negative, and never closed from here. That it is open is not required: the kernel says
        // EBADF then, which is an answer that cases ask for.
        Self(ManuallyDrop::new(unsafe { Socket::from_raw_fd(fd(handle)) }))
    }
}

impl Deref for Borrowed {
    type Target = Socket;
    fn deref(&self) -> &Socket {
        &self.0
    }
}

/// The raw code of an error of the standard library.
pub(super) fn code(error: &std::io::Error) -> i32 {
    error.raw_os_error().unwrap_or(0)
}

pub(super) fn socket(domain: c_int, kind: c_int, protocol: c_int) -> Raw<RawHandle> {
    // SAFETY: takes numbers only.
    let fd = result(unsafe { libc::socket(domain, kind, protocol) })?;
    close_on_exec(fd);
    Ok(handle(fd))
}

/// Children of the harness are not to hold its connections open.
pub(super) fn close_on_exec(fd: c_int) {
    // SAFETY: takes numbers only.
    let _ = unsafe { libc::ioctl(fd, libc::FIOCLEX as _) };
}

pub(super) fn bind(handle: RawHandle, address: *const libc::sockaddr, length: libc::socklen_t) -> Raw<()> {
    // SAFETY: the kernel checks the pointer, which is null or points to as many bytes as any kernel copies.
    result(unsafe { libc::bind(fd(handle), address, length) }).map(drop)
}

pub(super) fn connect(handle: RawHandle, address: *const libc::sockaddr, length: libc::socklen_t) -> Raw<()> {
    // SAFETY: as in `bind`.
    result(unsafe { libc::connect(fd(handle), address, length) }).map(drop)
}

pub(super) fn accept(listener: RawHandle) -> Raw<(RawHandle, Option<SocketAddr>)> {
    // SAFETY: the kernel writes the address up to its length, which macOS may leave 0.
    let made = unsafe {
        SockAddr::try_init(|storage, length| {
            result(libc::accept(fd(listener), storage.cast(), length))
                .map_err(std::io::Error::from_raw_os_error)
        })
    };
    let (fd, peer) = made.map_err(|error| code(&error))?;
    close_on_exec(fd);
    Ok((handle(fd), peer.as_socket()))
}

pub(super) fn shutdown(handle: RawHandle, how: c_int) -> Raw<()> {
    // SAFETY: takes numbers only.
    result(unsafe { libc::shutdown(fd(handle), how) }).map(drop)
}

/// Whether a file of the process has that number.
pub(super) fn is_open(fd: c_int) -> bool {
    // SAFETY: takes numbers only.
    result(unsafe { libc::fcntl(fd, libc::F_GETFD) }).is_ok()
}

/// `close`. The number is free afterwards, whatever the result: nothing is retried.
pub(super) fn close(handle: RawHandle) -> Raw<()> {
    // SAFETY: the handle was taken out of its cell, so nobody here uses the number again.
    result(unsafe { libc::close(fd(handle)) }).map(drop)
}

/// O_NONBLOCK, without reading it first.
pub(super) fn set_nonblocking(handle: RawHandle, on: bool) -> Raw<()> {
    let mut on = c_int::from(on);
    // SAFETY: FIONBIO reads an int.
    result(unsafe { libc::ioctl(fd(handle), libc::FIONBIO, &raw mut on) }).map(drop)
}

/// An ioctl that gives an int.
pub(super) fn ioctl_int(handle: RawHandle, request: libc::c_ulong) -> Raw<u64> {
    let mut value: c_int = 0;
    // SAFETY: the requests passed here write an int.
    result(unsafe { libc::ioctl(fd(handle), request as _, &raw mut value) })?;
    Ok(u64::from(value.unsigned_abs()))
}

pub(super) fn set_option(handle: RawHandle, level: c_int, name: c_int, value: &[u8]) -> Raw<()> {
    let length = libc::socklen_t::try_from(value.len()).unwrap_or(libc::socklen_t::MAX);
    // SAFETY: the pointer and the length are those of a slice.
    result(unsafe { libc::setsockopt(fd(handle), level, name, value.as_ptr().cast(), length) }).map(drop)
}

/// `getsockopt` into a buffer that is as long as the longest answer wanted.
pub(super) fn option(handle: RawHandle, level: c_int, name: c_int, buffer: &mut [u8]) -> Raw<usize> {
    let mut length = libc::socklen_t::try_from(buffer.len()).unwrap_or(libc::socklen_t::MAX);
    let value: *mut c_void = buffer.as_mut_ptr().cast();
    // SAFETY: the pointer and the length are those of a slice, and the kernel writes no more than that.
    result(unsafe { libc::getsockopt(fd(handle), level, name, value, &raw mut length) })?;
    Ok((length as usize).min(buffer.len()))
}

/// `SO_LINGER`.
pub(super) fn linger(handle: RawHandle, seconds: Option<c_int>) -> Raw<()> {
    let value = libc::linger { l_onoff: c_int::from(seconds.is_some()), l_linger: seconds.unwrap_or(0) };
    let length = size_of::<libc::linger>() as libc::socklen_t;
    // SAFETY: a `linger` of its own length.
    let done = unsafe {
        libc::setsockopt(fd(handle), libc::SOL_SOCKET, LINGER, (&raw const value).cast::<c_void>(), length)
    };
    result(done).map(drop)
}

/// On macOS `SO_LINGER` counts in ticks and `SO_LINGER_SEC` in seconds.
#[cfg(target_vendor = "apple")]
const LINGER: c_int = libc::SO_LINGER_SEC;
#[cfg(not(target_vendor = "apple"))]
const LINGER: c_int = libc::SO_LINGER;

pub(super) fn local_name(handle: RawHandle) -> Raw<Option<SocketAddr>> {
    Borrowed::new(handle).local_addr().map(|address| address.as_socket()).map_err(|error| code(&error))
}

pub(super) fn peer_name(handle: RawHandle) -> Raw<Option<SocketAddr>> {
    Borrowed::new(handle).peer_addr().map(|address| address.as_socket()).map_err(|error| code(&error))
}

/// A second descriptor of the same open file, closed on exec as every descriptor is here.
pub(super) fn dup(old: RawHandle) -> Raw<RawHandle> {
    let new = Borrowed::new(old).try_clone().map_err(|error| code(&error))?;
    Ok(handle(new.into_raw_fd()))
}

/// `poll` of one descriptor: the bits that came.
pub(super) fn poll(handle: RawHandle, events: i16, timeout: c_int) -> Raw<i16> {
    let mut one = libc::pollfd { fd: fd(handle), events, revents: 0 };
    // SAFETY: one pollfd.
    result(unsafe { libc::poll(&raw mut one, 1, timeout) })?;
    Ok(one.revents)
}

/// The system's result for its convention: -1 says that errno tells.
fn result(value: c_int) -> Raw<c_int> {
    if value == -1 { Err(Errno::last_raw()) } else { Ok(value) }
}
