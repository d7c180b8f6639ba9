//! System calls for which the arguments may be wrong on purpose, and those that no wrapper has: the one unsafe file of
//! the calls. Errors are raw codes; nothing is retried and nothing invented.

#![expect(unsafe_code, reason = "wrappers refuse the arguments that cases are about")]

use std::ffi::{c_int, c_void};
use std::mem::ManuallyDrop;
use std::net::SocketAddr;
use std::ops::Deref;
use std::os::fd::FromRawFd;

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

pub(super) fn send(handle: RawHandle, data: &[u8], flags: c_int) -> Raw<usize> {
    // SAFETY: the pointer and the length are those of a slice.
    size(unsafe { libc::send(fd(handle), data.as_ptr().cast(), data.len(), flags) })
}

pub(super) fn send_to(
    handle: RawHandle,
    data: &[u8],
    flags: c_int,
    address: *const libc::sockaddr,
    length: libc::socklen_t,
) -> Raw<usize> {
    // SAFETY: the data as in `send`, the address as in `bind`.
    size(unsafe { libc::sendto(fd(handle), data.as_ptr().cast(), data.len(), flags, address, length) })
}

/// `recvfrom`, and who sent it where the protocol tells.
pub(super) fn recv_from(
    handle: RawHandle,
    buffer: &mut [u8],
    flags: c_int,
) -> Raw<(usize, Option<SocketAddr>)> {
    // SAFETY: the buffer is a slice's; the address is initialised by zeros and written by the kernel up to its length.
    let got = unsafe {
        SockAddr::try_init(|storage, length| {
            let n = libc::recvfrom(
                fd(handle),
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                flags,
                storage.cast(),
                length,
            );
            size(n).map_err(std::io::Error::from_raw_os_error)
        })
    };
    got.map(|(n, from)| (n, from.as_socket())).map_err(|error| code(&error))
}

/// `sendmsg`, the data in two pieces.
pub(super) fn send_message(
    handle: RawHandle,
    data: &[u8],
    flags: c_int,
    address: *const libc::sockaddr,
    length: libc::socklen_t,
) -> Raw<usize> {
    let mut pieces = pieces(data.as_ptr().cast_mut(), data.len());
    let mut message = message(&mut pieces);
    message.msg_name = address.cast_mut().cast();
    message.msg_namelen = length;
    // SAFETY: the message points to pieces of a slice, which are only read, and to an address as in `bind`.
    size(unsafe { libc::sendmsg(fd(handle), &raw const message, flags) })
}

/// `recvmsg` into two pieces, and who sent it where the protocol tells.
pub(super) fn receive_message(
    handle: RawHandle,
    buffer: &mut [u8],
    flags: c_int,
) -> Raw<(usize, Option<SocketAddr>)> {
    let mut pieces = pieces(buffer.as_mut_ptr(), buffer.len());
    // SAFETY: the message points to pieces of a slice, and to the address, which is initialised by zeros and written by
    // the kernel up to its length.
    let got = unsafe {
        SockAddr::try_init(|storage, length| {
            let mut message = message(&mut pieces);
            message.msg_name = storage.cast();
            message.msg_namelen = *length;
            let n = libc::recvmsg(fd(handle), &raw mut message, flags);
            *length = message.msg_namelen;
            size(n).map_err(std::io::Error::from_raw_os_error)
        })
    };
    got.map(|(n, from)| (n, from.as_socket())).map_err(|error| code(&error))
}

pub(super) fn write(handle: RawHandle, data: &[u8]) -> Raw<usize> {
    // SAFETY: the pointer and the length are those of a slice.
    size(unsafe { libc::write(fd(handle), data.as_ptr().cast(), data.len()) })
}

/// `writev` of two pieces.
pub(super) fn write_vectored(handle: RawHandle, data: &[u8]) -> Raw<usize> {
    let pieces = pieces(data.as_ptr().cast_mut(), data.len());
    // SAFETY: pieces of a slice, which are only read.
    size(unsafe { libc::writev(fd(handle), pieces.as_ptr(), PIECES) })
}

pub(super) fn read(handle: RawHandle, buffer: &mut [u8]) -> Raw<usize> {
    // SAFETY: the pointer and the length are those of a slice.
    size(unsafe { libc::read(fd(handle), buffer.as_mut_ptr().cast(), buffer.len()) })
}

/// `readv` into two pieces.
pub(super) fn read_vectored(handle: RawHandle, buffer: &mut [u8]) -> Raw<usize> {
    let pieces = pieces(buffer.as_mut_ptr(), buffer.len());
    // SAFETY: pieces of a slice.
    size(unsafe { libc::readv(fd(handle), pieces.as_ptr(), PIECES) })
}

/// How many pieces a buffer is passed in where a call takes several: one alone would test nothing of that.
const PIECES: c_int = 2;

/// A buffer in two.
fn pieces(start: *mut u8, length: usize) -> [libc::iovec; PIECES as usize] {
    let half = length / 2;
    [
        libc::iovec { iov_base: start.cast(), iov_len: half },
        libc::iovec { iov_base: start.wrapping_add(half).cast(), iov_len: length - half },
    ]
}

/// A message of these pieces, without an address and without control data.
fn message(pieces: &mut [libc::iovec]) -> libc::msghdr {
    // SAFETY: a structure of numbers and pointers, for which zeros and null are values.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = pieces.as_mut_ptr();
    message.msg_iovlen = PIECES as _;
    message
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

fn size(value: isize) -> Raw<usize> {
    usize::try_from(value).map_err(|_| Errno::last_raw())
}
