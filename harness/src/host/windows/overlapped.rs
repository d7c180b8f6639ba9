//! Calls that go on after they have returned, and are waited for here: ConnectEx, AcceptEx, DisconnectEx, WSASend and
//! WSARecv with an OVERLAPPED. What they end with is told by WSAGetOverlappedResult, as programs ask.

#![expect(unsafe_code, reason = "overlapped calls")]

use std::net::SocketAddr;
use std::sync::OnceLock;

use socket2::SockAddr;
use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::Networking::WinSock as ws;
use windows_sys::Win32::System::IO::{GetOverlappedResult, OVERLAPPED};
use windows_sys::Win32::System::Threading::{INFINITE, WaitForSingleObject};

use super::address::Room;
use super::raw::{self, Raw, done, last_error, socket_of};
use crate::host::call::{Address, Mode};
use crate::host::local::sys::RawHandle;

/// ConnectEx, without data.
pub(super) fn connect(handle: RawHandle, to: &Address, mode: Mode) -> Raw<()> {
    let Some(connect_ex) = connect_ex() else { return Err(ws::WSAEOPNOTSUPP) };
    let to = Room::new(to);
    let null = std::ptr::null();
    run(handle, mode, |overlapped| {
        let (at, length) = (to.pointer(), to.length);
        // SAFETY: the address as in `raw::bind`; the OVERLAPPED lives until the call is over.
        yes(unsafe { connect_ex(socket_of(handle), at, length, null, 0, std::ptr::null_mut(), overlapped) })
    })
    .map(drop)
}

/// What AcceptEx gave.
pub(super) struct Accepted {
    pub(super) socket: RawHandle,
    pub(super) local: Option<SocketAddr>,
    pub(super) peer: Option<SocketAddr>,
}

/// AcceptEx into a socket that is made here, without waiting for data.
pub(super) fn accept(listener: RawHandle, mode: Mode) -> Raw<Accepted> {
    // What is no socket has no family; then the call itself tells.
    let family = raw::family(listener).unwrap_or(ws::AF_INET.into());
    let socket = raw::socket(family, ws::SOCK_STREAM, 0)?;
    let mut names = Box::new([0_u64; NAMES / 8]);
    let at = names.as_mut_ptr().cast::<core::ffi::c_void>();
    let ended = run(listener, mode, |overlapped| {
        let mut n = 0;
        // SAFETY: the buffer holds two addresses of the length that is said, and lives until the call is over, as the
        // OVERLAPPED does.
        yes(unsafe {
            ws::AcceptEx(
                socket_of(listener),
                socket_of(socket),
                at,
                0,
                NAME as u32,
                NAME as u32,
                &raw mut n,
                overlapped,
            )
        })
    });
    match ended {
        Ok(_) => {
            let (local, peer) = addresses(&names[..]);
            Ok(Accepted { socket, local, peer })
        }
        Err(ws::WSA_IO_PENDING) => {
            // It goes on, and may write here at any time.
            std::mem::forget(names);
            Err(ws::WSA_IO_PENDING)
        }
        Err(code) => {
            let _ = raw::close(socket);
            Err(code)
        }
    }
}

/// Room for an address as AcceptEx wants it: 16 bytes more than any has.
const NAME: usize = size_of::<ws::SOCKADDR_STORAGE>() + 16;
const NAMES: usize = (2 * NAME).next_multiple_of(8);

fn addresses(names: &[u64]) -> (Option<SocketAddr>, Option<SocketAddr>) {
    let (mut local, mut peer) = (std::ptr::null_mut(), std::ptr::null_mut());
    let (mut local_length, mut peer_length) = (0, 0);
    // SAFETY: the buffer is what AcceptEx has filled in, with the lengths that it was given.
    unsafe {
        ws::GetAcceptExSockaddrs(
            names.as_ptr().cast(),
            0,
            NAME as u32,
            NAME as u32,
            &raw mut local,
            &raw mut local_length,
            &raw mut peer,
            &raw mut peer_length,
        );
        (copied(local, local_length), copied(peer, peer_length))
    }
}

/// # Safety
/// The pointer is null or points to an address of that length.
unsafe fn copied(address: *const ws::SOCKADDR, length: i32) -> Option<SocketAddr> {
    let length =
        usize::try_from(length).ok().filter(|n| *n > 0 && *n <= size_of::<ws::SOCKADDR_STORAGE>())?;
    if address.is_null() {
        return None;
    }
    // SAFETY: the length was checked against the storage, and the rest is the caller's promise.
    let read = unsafe {
        SockAddr::try_init(|storage, written| {
            std::ptr::copy_nonoverlapping(address.cast::<u8>(), storage.cast::<u8>(), length);
            *written = length as i32;
            Ok(())
        })
    };
    read.ok()?.1.as_socket()
}

/// DisconnectEx. A blocking one is given no OVERLAPPED and returns when it is over.
pub(super) fn disconnect(handle: RawHandle, reuse: bool, mode: Mode) -> Raw<()> {
    let Some(disconnect_ex) = disconnect_ex() else { return Err(ws::WSAEOPNOTSUPP) };
    let flags = if reuse { ws::TF_REUSE_SOCKET } else { 0 };
    let socket = socket_of(handle);
    if mode == Mode::Blocking {
        // SAFETY: there may be no OVERLAPPED.
        return yes(unsafe { disconnect_ex(socket, std::ptr::null_mut(), flags, 0) });
    }
    // SAFETY: the OVERLAPPED lives until the call is over.
    run(handle, mode, |overlapped| yes(unsafe { disconnect_ex(socket, overlapped, flags, 0) })).map(drop)
}

/// WSASend, or WSASendTo if it is `addressed`.
pub(super) fn send(
    handle: RawHandle,
    data: &[u8],
    flags: i32,
    to: Option<&Address>,
    addressed: bool,
    mode: Mode,
) -> Raw<usize> {
    let buffer = buffer(data.as_ptr().cast_mut(), data.len());
    let flags = flags.cast_unsigned();
    let to = to.map(Room::new);
    moved(handle, mode, |overlapped| {
        let mut n = 0;
        let (socket, buffer) = (socket_of(handle), &raw const buffer);
        let (at, length) = to.as_ref().map_or((std::ptr::null(), 0), |to| (to.pointer(), to.length));
        // SAFETY: the buffer is a slice's and is only read; the address as in `raw::bind`. All of it and the
        // OVERLAPPED live until the call is over.
        let sent = done(unsafe {
            if addressed {
                ws::WSASendTo(socket, buffer, 1, &raw mut n, flags, at, length, overlapped, None)
            } else {
                ws::WSASend(socket, buffer, 1, &raw mut n, flags, overlapped, None)
            }
        });
        sent.map(|()| n)
    })
}

/// WSARecv.
pub(super) fn recv(handle: RawHandle, room: &mut [u8], flags: i32, mode: Mode) -> Raw<usize> {
    let buffer = buffer(room.as_mut_ptr(), room.len());
    let mut flags = flags.cast_unsigned();
    let flags = &raw mut flags;
    moved(handle, mode, |overlapped| {
        let mut n = 0;
        // SAFETY: the buffer is a slice's. It, the flags and the OVERLAPPED live until the call is over.
        let received = done(unsafe {
            ws::WSARecv(socket_of(handle), &raw const buffer, 1, &raw mut n, flags, overlapped, None)
        });
        received.map(|()| n)
    })
}

/// WSARecvFrom, and who sent it.
pub(super) fn recv_from(
    handle: RawHandle,
    room: &mut [u8],
    flags: i32,
    mode: Mode,
) -> Raw<(usize, Option<SocketAddr>)> {
    let buffer = buffer(room.as_mut_ptr(), room.len());
    let mut flags = flags.cast_unsigned();
    let flags = &raw mut flags;
    // SAFETY: what is written to the address is written before `moved` returns.
    unsafe {
        raw::named(|from, length| {
            moved(handle, mode, |overlapped| {
                let mut n = 0;
                let socket = socket_of(handle);
                // SAFETY: the buffer is a slice's. It, the address, the flags and the OVERLAPPED live until the call
                // is over.
                let received = done(ws::WSARecvFrom(
                    socket,
                    &raw const buffer,
                    1,
                    &raw mut n,
                    flags,
                    from,
                    length,
                    overlapped,
                    None,
                ));
                received.map(|()| n)
            })
        })
    }
}

/// Makes a call that moves bytes: overlapped if its end is waited for, else without an OVERLAPPED, so that it tells by
/// itself how many they were.
fn moved(handle: RawHandle, mode: Mode, issue: impl FnOnce(*mut OVERLAPPED) -> Raw<u32>) -> Raw<usize> {
    match mode {
        Mode::Waiting => run(handle, mode, |overlapped| issue(overlapped).map(drop)),
        _ => issue(std::ptr::null_mut()).map(|n| n as usize),
    }
}

fn buffer(at: *mut u8, length: usize) -> ws::WSABUF {
    ws::WSABUF { len: u32::try_from(length).unwrap_or(u32::MAX), buf: at }
}

/// Whether ConnectEx and DisconnectEx are there, which have no name in a library.
#[must_use]
pub fn has_extensions() -> (bool, bool) {
    (connect_ex().is_some(), disconnect_ex().is_some())
}

type ConnectEx = unsafe extern "system" fn(
    ws::SOCKET,
    *const ws::SOCKADDR,
    i32,
    *const core::ffi::c_void,
    u32,
    *mut u32,
    *mut OVERLAPPED,
) -> i32;
type DisconnectEx = unsafe extern "system" fn(ws::SOCKET, *mut OVERLAPPED, u32, u32) -> i32;

fn connect_ex() -> Option<ConnectEx> {
    static FOUND: OnceLock<Option<ConnectEx>> = OnceLock::new();
    // SAFETY: the pointer is one to a function of that type, since the id says so.
    *FOUND.get_or_init(|| unsafe { extension::<ws::LPFN_CONNECTEX>(ws::WSAID_CONNECTEX) }.flatten())
}

fn disconnect_ex() -> Option<DisconnectEx> {
    static FOUND: OnceLock<Option<DisconnectEx>> = OnceLock::new();
    // SAFETY: as above.
    *FOUND.get_or_init(|| unsafe { extension::<ws::LPFN_DISCONNECTEX>(ws::WSAID_DISCONNECTEX) }.flatten())
}

/// Asks a socket for a function of its provider, which is the same for both families.
///
/// # Safety
/// `F` is the type that functions of that id have: a pointer that may be null.
unsafe fn extension<F: Copy>(id: windows_sys::core::GUID) -> Option<F> {
    const { assert!(size_of::<F>() == size_of::<usize>()) };
    let socket = raw::socket(ws::AF_INET.into(), ws::SOCK_STREAM, 0).ok()?;
    // SAFETY: a GUID is plain bytes.
    let id = unsafe { std::slice::from_raw_parts((&raw const id).cast::<u8>(), size_of_val(&id)) };
    let mut found = [0; size_of::<usize>()];
    let got = raw::ioctl(socket, ws::SIO_GET_EXTENSION_FUNCTION_POINTER, id, &mut found);
    let _ = raw::close(socket);
    got.ok().filter(|n| *n == found.len())?;
    // SAFETY: by the caller's promise these are the bytes of such a pointer.
    Some(unsafe { std::mem::transmute_copy(&found) })
}

/// Issues a call and waits for its end, unless only the raw answer is wanted. Tells how many bytes were moved.
///
/// What the call was given need only live until this returns, but for a [`Mode::Nonblocking`] one that answers
/// WSA_IO_PENDING.
fn run(handle: RawHandle, mode: Mode, issue: impl FnOnce(*mut OVERLAPPED) -> Raw<()>) -> Raw<usize> {
    let event = Event::new()?;
    let overlapped = Box::into_raw(Box::new(OVERLAPPED { hEvent: event.handle(), ..OVERLAPPED::default() }));
    let issued = issue(overlapped);
    let result = match issued {
        Err(ws::WSA_IO_PENDING) if mode == Mode::Nonblocking => {
            // The call goes on with both.
            std::mem::forget(event);
            return Err(ws::WSA_IO_PENDING);
        }
        Ok(()) | Err(ws::WSA_IO_PENDING) => {
            // SAFETY: an event of ours, so this cannot fail. It is set when the call is over, also by a cancellation
            // or the closing of the socket.
            unsafe { WaitForSingleObject(event.handle(), INFINITE) };
            let (mut n, mut flags) = (0, 0);
            let (n, flags) = (&raw mut n, &raw mut flags);
            // SAFETY: the OVERLAPPED of a call that is over.
            let told = unsafe { ws::WSAGetOverlappedResult(socket_of(handle), overlapped, n, 0, flags) };
            let told = match yes(told) {
                // The socket was closed under the call. That asks what has become of the socket, this only of the call.
                Err(ws::WSAENOTSOCK) => {
                    // SAFETY: as above; the handle is not looked at where nothing is waited for.
                    yes(unsafe { GetOverlappedResult(handle as HANDLE, overlapped, n, 0) })
                }
                told => told,
            };
            // SAFETY: it was written above.
            told.map(|()| unsafe { *n } as usize)
        }
        Err(code) => Err(code),
    };
    // SAFETY: made above, and the call is over, so that nobody else has it.
    drop(unsafe { Box::from_raw(overlapped) });
    result
}

/// An event that stays set.
struct Event(ws::WSAEVENT);

impl Event {
    fn new() -> Raw<Self> {
        // SAFETY: has no conditions.
        let event = unsafe { ws::WSACreateEvent() };
        if event == ws::WSA_INVALID_EVENT { Err(last_error()) } else { Ok(Self(event)) }
    }

    fn handle(&self) -> HANDLE {
        self.0 as HANDLE
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: it is ours, and closed only here.
        unsafe { ws::WSACloseEvent(self.0) };
    }
}

/// The convention of these calls: FALSE says that WSAGetLastError tells.
fn yes(value: i32) -> Raw<()> {
    if value == 0 { Err(last_error()) } else { Ok(()) }
}
