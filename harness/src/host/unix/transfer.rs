//! The calls that send and receive, by their names, as the kernel is given them. Those that take several buffers get two
//! halves, and no room for ancillary data. Errors are raw codes.

#![expect(
    unsafe_code,
    reason = "addresses may be wrong on purpose, and wrappers hide some of the flags that are told"
)]

use std::collections::BTreeSet;
use std::ffi::c_int;
use std::io::{IoSlice, IoSliceMut};
use std::net::SocketAddr;

use nix::errno::Errno;
use socket2::SockAddr;

use super::address;
use super::raw::{Borrowed, Raw, code, fd};
use crate::host::HostFault;
use crate::host::call::Address;
use crate::host::local::sys::RawHandle;

/// A call that sends, with all that it is given but the descriptor and the data.
pub(super) struct Sending<'a> {
    via: SendCall,
    to: Option<&'a Address>,
    flags: c_int,
}

#[derive(Clone, Copy)]
enum SendCall {
    Send,
    Sendto,
    Sendmsg,
    Write,
    Writev,
}

impl<'a> Sending<'a> {
    pub(super) fn new(via: &str, to: Option<&'a Address>, flags: c_int) -> Result<Self, HostFault> {
        let via = match via {
            "send" => SendCall::Send,
            "sendto" => SendCall::Sendto,
            "sendmsg" => SendCall::Sendmsg,
            "write" => SendCall::Write,
            "writev" => SendCall::Writev,
            _ => return Err(HostFault::new(format!("this system has no call {via}"))),
        };
        Ok(Self { via, to, flags })
    }

    /// Makes the call: how many bytes were taken.
    pub(super) fn call(&self, handle: RawHandle, data: &[u8]) -> Raw<usize> {
        let (left, right) = data.split_at(data.len() / 2);
        let halves = [IoSlice::new(left), IoSlice::new(right)];
        match self.via {
            SendCall::Send => send(handle, data, self.flags),
            SendCall::Sendto => self.addressed(|at, length| send_to(handle, data, self.flags, at, length)),
            SendCall::Sendmsg => {
                self.addressed(|at, length| send_message(handle, &halves, self.flags, at, length))
            }
            SendCall::Write => nix::unistd::write(&*Borrowed::new(handle), data).map_err(raw_code),
            SendCall::Writev => nix::sys::uio::writev(&*Borrowed::new(handle), &halves).map_err(raw_code),
        }
    }

    fn addressed(
        &self,
        call: impl FnOnce(*const libc::sockaddr, libc::socklen_t) -> Raw<usize>,
    ) -> Raw<usize> {
        match self.to {
            Some(to) => address::with(to, call),
            None => call(std::ptr::null(), 0),
        }
    }
}

fn send(handle: RawHandle, data: &[u8], flags: c_int) -> Raw<usize> {
    // SAFETY: the pointer and the length are those of a slice.
    size(unsafe { libc::send(fd(handle), data.as_ptr().cast(), data.len(), flags) })
}

fn send_to(
    handle: RawHandle,
    data: &[u8],
    flags: c_int,
    address: *const libc::sockaddr,
    length: libc::socklen_t,
) -> Raw<usize> {
    // SAFETY: the data as in `send`; the kernel copies the address and refuses a pointer that is none.
    size(unsafe { libc::sendto(fd(handle), data.as_ptr().cast(), data.len(), flags, address, length) })
}

fn send_message(
    handle: RawHandle,
    data: &[IoSlice<'_>; 2],
    flags: c_int,
    address: *const libc::sockaddr,
    length: libc::socklen_t,
) -> Raw<usize> {
    let mut message = no_message();
    message.msg_name = address.cast_mut().cast();
    message.msg_namelen = length;
    // An IoSlice is an iovec; the kernel only reads what it is told to send.
    message.msg_iov = data.as_ptr().cast_mut().cast();
    message.msg_iovlen = data.len() as _;
    // SAFETY: the buffers are slices', the address as in `send_to`, and there is no ancillary data.
    size(unsafe { libc::sendmsg(fd(handle), &raw const message, flags) })
}

/// What a call has received.
pub(super) struct Received {
    pub(super) size: usize,
    /// Who sent it, where the call and the protocol tell.
    pub(super) from: Option<SocketAddr>,
    /// The flags that the call told.
    pub(super) flags: BTreeSet<String>,
}

/// A call that receives.
#[derive(Clone, Copy)]
pub(super) enum Receiving {
    Recv,
    Recvfrom,
    Recvmsg,
    Read,
    Readv,
}

impl Receiving {
    pub(super) fn new(via: &str) -> Result<Self, HostFault> {
        Ok(match via {
            "recv" => Self::Recv,
            "recvfrom" => Self::Recvfrom,
            "recvmsg" => Self::Recvmsg,
            "read" => Self::Read,
            "readv" => Self::Readv,
            _ => return Err(HostFault::new(format!("this system has no call {via}"))),
        })
    }

    /// Makes the call.
    pub(super) fn call(self, handle: RawHandle, buffer: &mut [u8], flags: c_int) -> Raw<Received> {
        let plain = |size| Received { size, from: None, flags: BTreeSet::new() };
        match self {
            Self::Recv => recv(handle, buffer, flags).map(plain),
            Self::Recvfrom => recv_from(handle, buffer, flags),
            Self::Recvmsg => recv_message(handle, &mut halves(buffer), flags),
            Self::Read => nix::unistd::read(&*Borrowed::new(handle), buffer).map(plain).map_err(raw_code),
            Self::Readv => nix::sys::uio::readv(&*Borrowed::new(handle), &mut halves(buffer))
                .map(plain)
                .map_err(raw_code),
        }
    }
}

fn recv(handle: RawHandle, buffer: &mut [u8], flags: c_int) -> Raw<usize> {
    // SAFETY: the pointer and the length are those of a slice.
    size(unsafe { libc::recv(fd(handle), buffer.as_mut_ptr().cast(), buffer.len(), flags) })
}

fn recv_from(handle: RawHandle, buffer: &mut [u8], flags: c_int) -> Raw<Received> {
    let (at, room) = (buffer.as_mut_ptr().cast(), buffer.len());
    // SAFETY: the buffer is a slice's; the address is written up to its length.
    let got = named(|from, length| unsafe { libc::recvfrom(fd(handle), at, room, flags, from, length) });
    got.map(|(size, from)| Received { size, from, flags: BTreeSet::new() })
}

fn recv_message(handle: RawHandle, room: &mut [IoSliceMut<'_>; 2], flags: c_int) -> Raw<Received> {
    let mut message = no_message();
    // An IoSliceMut is an iovec.
    message.msg_iov = room.as_mut_ptr().cast();
    message.msg_iovlen = room.len() as _;
    let (size, from) = named(|from, length| {
        message.msg_name = from.cast();
        // SAFETY: what was written before the call is the room that there is.
        message.msg_namelen = unsafe { *length };
        // SAFETY: the buffers are slices', the address is written up to its length, and there is no ancillary data.
        let size = unsafe { libc::recvmsg(fd(handle), &raw mut message, flags) };
        // SAFETY: as above.
        unsafe { *length = message.msg_namelen };
        size
    })?;
    Ok(Received { size, from, flags: told(message.msg_flags) })
}

/// The flags that POSIX lets recvmsg tell, and Linux's own. What a BSD gives back of those that were passed is not told.
fn told(flags: c_int) -> BTreeSet<String> {
    const TOLD: &[(&str, c_int)] = &[
        ("MSG_CTRUNC", libc::MSG_CTRUNC),
        ("MSG_EOR", libc::MSG_EOR),
        ("MSG_OOB", libc::MSG_OOB),
        ("MSG_TRUNC", libc::MSG_TRUNC),
        #[cfg(target_os = "linux")]
        ("MSG_ERRQUEUE", libc::MSG_ERRQUEUE),
    ];
    TOLD.iter().filter(|(_, bit)| flags & bit != 0).map(|(name, _)| (*name).to_owned()).collect()
}

fn halves(buffer: &mut [u8]) -> [IoSliceMut<'_>; 2] {
    let (left, right) = buffer.split_at_mut(buffer.len() / 2);
    [IoSliceMut::new(left), IoSliceMut::new(right)]
}

fn no_message() -> libc::msghdr {
    // SAFETY: null pointers and zeros: a message of nothing.
    unsafe { std::mem::zeroed() }
}

/// A call that also tells an address, which it writes up to the length that it is given.
fn named(
    call: impl FnOnce(*mut libc::sockaddr, *mut libc::socklen_t) -> isize,
) -> Raw<(usize, Option<SocketAddr>)> {
    // SAFETY: the storage is initialised by zeros, and no more of it is written than its length.
    let got = unsafe {
        SockAddr::try_init(|storage, length| {
            size(call(storage.cast(), length)).map_err(std::io::Error::from_raw_os_error)
        })
    };
    got.map(|(n, from)| (n, from.as_socket())).map_err(|error| code(&error))
}

fn size(value: isize) -> Raw<usize> {
    usize::try_from(value).map_err(|_| Errno::last_raw())
}

fn raw_code(error: Errno) -> i32 {
    error as i32
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::os::fd::AsRawFd;

    use super::*;
    use crate::host::unix::raw::handle;

    fn pair() -> (UdpSocket, UdpSocket) {
        let [one, other] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        one.connect(other.local_addr().unwrap()).unwrap();
        (one, other)
    }

    #[test]
    fn every_call_moves_the_data() {
        let (sender, receiver) = pair();
        for to_send in ["send", "sendto", "sendmsg", "write", "writev"] {
            for to_receive in ["recv", "recvfrom", "recvmsg", "read", "readv"] {
                let sending = Sending::new(to_send, None, 0).unwrap();
                assert_eq!(sending.call(handle(sender.as_raw_fd()), b"hello"), Ok(5), "{to_send}");
                let mut buffer = [0; 16];
                let receiving = Receiving::new(to_receive).unwrap();
                let got = receiving.call(handle(receiver.as_raw_fd()), &mut buffer, 0).unwrap();
                assert_eq!((got.size, got.flags.len()), (5, 0), "{to_send}, {to_receive}");
                assert_eq!(&buffer[..6], b"hello\0", "{to_send}, {to_receive}");
                let told = matches!(to_receive, "recvfrom" | "recvmsg");
                assert_eq!(got.from.is_some(), told, "{to_receive}");
            }
        }
        assert!(Sending::new("WSASend", None, 0).is_err());
        assert!(Receiving::new("WSARecv").is_err());
    }

    #[test]
    fn a_message_tells_that_it_was_longer() {
        let (sender, receiver) = pair();
        sender.send(b"hello").unwrap();
        let got = Receiving::Recvmsg.call(handle(receiver.as_raw_fd()), &mut [0; 3], 0).unwrap();
        assert_eq!(got.size, 3);
        assert_eq!(got.flags.into_iter().collect::<Vec<_>>(), ["MSG_TRUNC"]);
    }

    #[test]
    fn a_descriptor_that_is_none_is_told_by_every_call() {
        let none = 0x3fff_ffff;
        for via in ["send", "sendto", "sendmsg", "write", "writev"] {
            assert_eq!(Sending::new(via, None, 0).unwrap().call(none, b"x"), Err(libc::EBADF), "{via}");
        }
        for via in ["recv", "recvfrom", "recvmsg", "read", "readv"] {
            let got = Receiving::new(via).unwrap().call(none, &mut [0; 1], 0);
            assert_eq!(got.err(), Some(libc::EBADF), "{via}");
        }
    }
}
