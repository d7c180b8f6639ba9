//! Winsock's calls that return when they are over, with arguments that may be wrong on purpose. Errors are what
//! WSAGetLastError says; nothing is retried and nothing invented.
//!
//! Not here: calls that go on after they have returned (`overlapped`).

#![expect(unsafe_code, reason = "wrappers refuse the arguments that cases are about")]

use std::net::SocketAddr;

use socket2::SockAddr;
use windows_sys::Win32::Networking::WinSock as ws;

use crate::host::local::sys::RawHandle;

/// The result of a call: its value or the raw error code.
pub(super) type Raw<T> = Result<T, i32>;

/// The SOCKET of a handle.
pub(super) fn socket_of(handle: RawHandle) -> ws::SOCKET {
    handle as ws::SOCKET
}

/// What the calling thread's last call failed with.
pub(super) fn last_error() -> i32 {
    // SAFETY: has no conditions.
    unsafe { ws::WSAGetLastError() }
}

pub(super) fn socket(family: i32, kind: i32, protocol: i32) -> Raw<RawHandle> {
    // SAFETY: takes numbers only.
    made(unsafe { ws::socket(family, kind, protocol) })
}

/// A second descriptor of the same socket, for this process.
pub(super) fn duplicate(old: RawHandle) -> Raw<RawHandle> {
    const AS_TOLD: i32 = ws::FROM_PROTOCOL_INFO;
    let mut told = ws::WSAPROTOCOL_INFOW::default();
    // SAFETY: `told` is written to, and read by the second call, which must follow in the process that was named.
    unsafe {
        done(ws::WSADuplicateSocketW(socket_of(old), std::process::id(), &raw mut told))?;
        let flags = ws::WSA_FLAG_OVERLAPPED | ws::WSA_FLAG_NO_HANDLE_INHERIT;
        made(ws::WSASocketW(AS_TOLD, AS_TOLD, AS_TOLD, &raw const told, 0, flags))
    }
}

pub(super) fn bind(handle: RawHandle, address: *const ws::SOCKADDR, length: i32) -> Raw<()> {
    // SAFETY: the pointer is null or points to as many bytes as the length says, or more.
    done(unsafe { ws::bind(socket_of(handle), address, length) })
}

pub(super) fn listen(handle: RawHandle, backlog: i32) -> Raw<()> {
    // SAFETY: takes numbers only.
    done(unsafe { ws::listen(socket_of(handle), backlog) })
}

pub(super) fn connect(handle: RawHandle, address: *const ws::SOCKADDR, length: i32) -> Raw<()> {
    // SAFETY: as in `bind`.
    done(unsafe { ws::connect(socket_of(handle), address, length) })
}

/// `WSAConnect`, without data and without quality of service.
pub(super) fn wsa_connect(handle: RawHandle, address: *const ws::SOCKADDR, length: i32) -> Raw<()> {
    use std::ptr::{null, null_mut};
    // SAFETY: as in `bind`; the other pointers may be null.
    done(unsafe { ws::WSAConnect(socket_of(handle), address, length, null(), null_mut(), null(), null()) })
}

pub(super) fn accept(listener: RawHandle) -> Raw<(RawHandle, Option<SocketAddr>)> {
    // SAFETY: the kernel writes the address up to its length.
    unsafe { named(|storage, length| made(ws::accept(socket_of(listener), storage, length))) }
}

pub(super) fn send(handle: RawHandle, data: &[u8], flags: i32) -> Raw<usize> {
    // SAFETY: the pointer and the length are those of a slice.
    size(unsafe { ws::send(socket_of(handle), data.as_ptr(), length(data), flags) })
}

pub(super) fn send_to(
    handle: RawHandle,
    data: &[u8],
    flags: i32,
    address: *const ws::SOCKADDR,
    address_length: i32,
) -> Raw<usize> {
    // SAFETY: the data as in `send`, the address as in `bind`.
    size(unsafe {
        ws::sendto(socket_of(handle), data.as_ptr(), length(data), flags, address, address_length)
    })
}

pub(super) fn recv(handle: RawHandle, buffer: &mut [u8], flags: i32) -> Raw<usize> {
    // SAFETY: the pointer and the length are those of a slice.
    size(unsafe { ws::recv(socket_of(handle), buffer.as_mut_ptr(), length(buffer), flags) })
}

/// `recvfrom`, and who sent it.
pub(super) fn recv_from(
    handle: RawHandle,
    buffer: &mut [u8],
    flags: i32,
) -> Raw<(usize, Option<SocketAddr>)> {
    // SAFETY: the buffer is a slice's; the kernel writes the address up to its length.
    unsafe {
        named(|storage, address_length| {
            let (at, room) = (buffer.as_mut_ptr(), length(buffer));
            size(ws::recvfrom(socket_of(handle), at, room, flags, storage, address_length))
        })
    }
}

pub(super) fn shutdown(handle: RawHandle, how: i32) -> Raw<()> {
    // SAFETY: takes numbers only.
    done(unsafe { ws::shutdown(socket_of(handle), how) })
}

pub(super) fn close(handle: RawHandle) -> Raw<()> {
    // SAFETY: the handle was taken out of its cell, so nobody here uses the number again.
    done(unsafe { ws::closesocket(socket_of(handle)) })
}

/// FIONBIO.
pub(super) fn set_nonblocking(handle: RawHandle, on: bool) -> Raw<()> {
    let mut on = u32::from(on);
    // SAFETY: FIONBIO reads a u_long.
    done(unsafe { ws::ioctlsocket(socket_of(handle), ws::FIONBIO, &raw mut on) })
}

/// FIONREAD.
pub(super) fn bytes_to_read(handle: RawHandle) -> Raw<u64> {
    let mut value = 0_u32;
    // SAFETY: FIONREAD writes a u_long.
    done(unsafe { ws::ioctlsocket(socket_of(handle), ws::FIONREAD, &raw mut value) })?;
    Ok(value.into())
}

/// `WSAIoctl`, over when it returns; tells how many bytes came out.
pub(super) fn ioctl(handle: RawHandle, code: u32, input: &[u8], output: &mut [u8]) -> Raw<usize> {
    let mut n = 0;
    // SAFETY: pointers and lengths are those of slices, and there is no OVERLAPPED that would have to live on.
    done(unsafe {
        ws::WSAIoctl(
            socket_of(handle),
            code,
            input.as_ptr().cast(),
            length(input).unsigned_abs(),
            output.as_mut_ptr().cast(),
            length(output).unsigned_abs(),
            &raw mut n,
            std::ptr::null_mut(),
            None,
        )
    })?;
    Ok(n as usize)
}

pub(super) fn set_option(handle: RawHandle, level: i32, name: i32, value: &[u8]) -> Raw<()> {
    // No value is a null pointer, as SO_UPDATE_CONNECT_CONTEXT wants it.
    let at = if value.is_empty() { std::ptr::null() } else { value.as_ptr() };
    // SAFETY: the pointer and the length are those of a slice.
    done(unsafe { ws::setsockopt(socket_of(handle), level, name, at, length(value)) })
}

/// `getsockopt` into a buffer that is as long as the longest answer wanted.
pub(super) fn option(handle: RawHandle, level: i32, name: i32, buffer: &mut [u8]) -> Raw<usize> {
    let mut n = length(buffer);
    // SAFETY: the pointer and the length are those of a slice, and no more is written than that.
    done(unsafe { ws::getsockopt(socket_of(handle), level, name, buffer.as_mut_ptr(), &raw mut n) })?;
    Ok(usize::try_from(n).unwrap_or(0).min(buffer.len()))
}

/// The family that a socket was made with.
pub(super) fn family(handle: RawHandle) -> Raw<i32> {
    let mut info = ws::WSAPROTOCOL_INFOW::default();
    let mut n = size_of::<ws::WSAPROTOCOL_INFOW>() as i32;
    let at = (&raw mut info).cast();
    // SAFETY: a WSAPROTOCOL_INFOW of its own length.
    done(unsafe {
        ws::getsockopt(socket_of(handle), ws::SOL_SOCKET, ws::SO_PROTOCOL_INFOW, at, &raw mut n)
    })?;
    Ok(info.iAddressFamily)
}

/// `SO_LINGER`.
pub(super) fn linger(handle: RawHandle, seconds: Option<u16>) -> Raw<()> {
    let value = [u16::from(seconds.is_some()), seconds.unwrap_or(0)].map(u16::to_ne_bytes).concat();
    set_option(handle, ws::SOL_SOCKET, ws::SO_LINGER, &value)
}

pub(super) fn local_name(handle: RawHandle) -> Raw<Option<SocketAddr>> {
    // SAFETY: the address is written up to its length.
    unsafe { named(|storage, length| done(ws::getsockname(socket_of(handle), storage, length))) }
        .map(|((), address)| address)
}

pub(super) fn peer_name(handle: RawHandle) -> Raw<Option<SocketAddr>> {
    // SAFETY: the address is written up to its length.
    unsafe { named(|storage, length| done(ws::getpeername(socket_of(handle), storage, length))) }
        .map(|((), address)| address)
}

/// `WSAPoll` of one socket: the bits that came.
pub(super) fn poll(handle: RawHandle, events: i16, timeout: i32) -> Raw<i16> {
    let mut one = ws::WSAPOLLFD { fd: socket_of(handle), events, revents: 0 };
    // SAFETY: one WSAPOLLFD.
    size(unsafe { ws::WSAPoll(&raw mut one, 1, timeout) })?;
    Ok(one.revents)
}

/// In which of its sets `select` left a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sets {
    pub(super) read: bool,
    pub(super) write: bool,
    pub(super) except: bool,
}

/// `select` of one socket, in the sets that are asked for.
pub(super) fn select(handle: RawHandle, asked: Sets, timeout: Option<ws::TIMEVAL>) -> Raw<Sets> {
    let set = |asked: bool| {
        let mut set = ws::FD_SET { fd_count: u32::from(asked), ..ws::FD_SET::default() };
        set.fd_array[0] = socket_of(handle);
        set
    };
    let [mut read, mut write, mut except] = [asked.read, asked.write, asked.except].map(set);
    let timeout = timeout.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: three sets and a time or none.
    size(unsafe { ws::select(0, &raw mut read, &raw mut write, &raw mut except, timeout) })?;
    Ok(Sets { read: read.fd_count > 0, write: write.fd_count > 0, except: except.fd_count > 0 })
}

/// A call that also tells an address.
///
/// # Safety
/// The call writes the address up to the length that it is given, and the length that it wrote.
pub(super) unsafe fn named<T>(
    call: impl FnOnce(*mut ws::SOCKADDR, *mut i32) -> Raw<T>,
) -> Raw<(T, Option<SocketAddr>)> {
    let mut code = 0;
    // SAFETY: the storage is initialised by zeros, and what is written to it is the caller's promise.
    let result = unsafe {
        SockAddr::try_init(|storage, length| {
            call(storage.cast(), length).map_err(|error| {
                code = error;
                std::io::Error::from_raw_os_error(error)
            })
        })
    };
    result.map(|(value, address)| (value, address.as_socket())).map_err(|_| code)
}

/// Winsock counts bytes in an int.
fn length(bytes: &[u8]) -> i32 {
    i32::try_from(bytes.len()).unwrap_or(i32::MAX)
}

/// The system's result for its convention: SOCKET_ERROR says that WSAGetLastError tells.
pub(super) fn done(value: i32) -> Raw<()> {
    if value == ws::SOCKET_ERROR { Err(last_error()) } else { Ok(()) }
}

fn size(value: i32) -> Raw<usize> {
    usize::try_from(value).map_err(|_| last_error())
}

fn made(socket: ws::SOCKET) -> Raw<RawHandle> {
    if socket == ws::INVALID_SOCKET { Err(last_error()) } else { Ok(socket as RawHandle) }
}
