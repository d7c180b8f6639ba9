//! Addresses as the kernel is given them, right or wrong.

#![expect(unsafe_code, reason = "wrong addresses are bytes that no wrapper makes")]

use std::net::SocketAddr;

use socket2::SockAddr;

use super::raw::Raw;
use crate::host::call::Address;

/// More bytes than any kernel copies of an address, so that a length that is too long reads nothing of ours.
const ROOM: usize = 512;

/// Passes an address to a call as a pointer and a length.
pub(super) fn with<T>(
    address: &Address,
    call: impl FnOnce(*const libc::sockaddr, libc::socklen_t) -> Raw<T>,
) -> Raw<T> {
    match address {
        Address::Is(address) => {
            let address = SockAddr::from(*address);
            call(address.as_ptr().cast(), address.len())
        }
        Address::Family(family, address) => {
            let mut room = Room::new(*address);
            room.set_family(*family);
            call(room.pointer(), room.length)
        }
        Address::Length(length, address) => {
            let room = Room::new(*address);
            call(room.pointer(), *length)
        }
        Address::Unspecified => {
            let mut room = Room { bytes: Bytes([0; ROOM]), length: size_of::<libc::sockaddr_in>() as u32 };
            room.set_family(libc::AF_UNSPEC);
            call(room.pointer(), room.length)
        }
        Address::Null => call(std::ptr::null(), size_of::<libc::sockaddr_in>() as u32),
    }
}

/// An address with room behind it.
struct Room {
    bytes: Bytes,
    length: libc::socklen_t,
}

#[repr(align(8))]
struct Bytes([u8; ROOM]);

impl Room {
    fn new(address: SocketAddr) -> Self {
        let address = SockAddr::from(address);
        let mut bytes = Bytes([0; ROOM]);
        let length = address.len() as usize;
        // SAFETY: a SockAddr has as many initialised bytes as its length says.
        let from = unsafe { std::slice::from_raw_parts(address.as_ptr().cast::<u8>(), length) };
        bytes.0[..length].copy_from_slice(from);
        Self { bytes, length: address.len() }
    }

    fn set_family(&mut self, family: i32) {
        let at = std::mem::offset_of!(libc::sockaddr, sa_family);
        // A family number wider than the field is cut, as a program's assignment would cut it.
        let family = family as libc::sa_family_t;
        let bytes = family.to_ne_bytes();
        self.bytes.0[at..at + bytes.len()].copy_from_slice(&bytes);
    }

    fn pointer(&self) -> *const libc::sockaddr {
        self.bytes.0.as_ptr().cast()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_family_changes_nothing_else() {
        let address: SocketAddr = "127.0.0.1:80".parse().unwrap();
        let (right, wrong) = (Room::new(address), {
            let mut room = Room::new(address);
            room.set_family(99);
            room
        });
        let at = std::mem::offset_of!(libc::sockaddr, sa_family);
        let width = size_of::<libc::sa_family_t>();
        assert_ne!(right.bytes.0[at..at + width], wrong.bytes.0[at..at + width]);
        assert_eq!(right.bytes.0[at + width..], wrong.bytes.0[at + width..]);
    }
}
