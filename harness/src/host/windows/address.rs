//! Addresses as a call is given them, right or wrong.

#![expect(unsafe_code, reason = "wrong addresses are bytes that no wrapper makes")]

use std::net::SocketAddr;

use socket2::SockAddr;
use windows_sys::Win32::Networking::WinSock as ws;

use super::fault;
use super::raw::Raw;
use crate::host::call::Address;

/// Passes an address to a call as a pointer and a length.
pub(super) fn with<T>(address: &Address, call: impl FnOnce(*const ws::SOCKADDR, i32) -> Raw<T>) -> Raw<T> {
    let room = Room::new(address);
    call(room.pointer(), room.length)
}

/// Passes an address to a call that may fault for a null pointer.
pub(super) fn with_any<T: Send + 'static>(
    address: &Address,
    call: impl FnOnce(*const ws::SOCKADDR, i32) -> Raw<T> + Send + 'static,
) -> Raw<T> {
    if *address == Address::Null {
        let length = Room::new(address).length;
        return fault::survive(move || call(std::ptr::null(), length));
    }
    with(address, call)
}

/// An address with room behind it.
pub(super) struct Room {
    /// 8-byte words for the alignment; none for a null pointer.
    words: Vec<u64>,
    /// The length to be passed.
    pub(super) length: i32,
}

/// More bytes than an address has. Winsock copies as many as it is told to, so a wrong length has room of its own.
const ROOM: usize = 512;
/// Nobody copies more than that.
const MOST: usize = 1 << 20;

/// The bytes of `sa_family`, which an address begins with.
const FAMILY: usize = size_of::<ws::ADDRESS_FAMILY>();

impl Room {
    pub(super) fn new(address: &Address) -> Self {
        let nothing = size_of::<ws::SOCKADDR_IN>() as i32;
        match address {
            Address::Is(address) => Self::whole(*address, None, None),
            Address::Family(family, address) => Self::whole(*address, Some(*family), None),
            Address::Length(length, address) => Self::whole(*address, None, Some(*length)),
            Address::Unspecified => Self { words: vec![0; ROOM / 8], length: nothing },
            Address::Null => Self { words: Vec::new(), length: nothing },
        }
    }

    fn whole(address: SocketAddr, family: Option<i32>, length: Option<u32>) -> Self {
        let address = SockAddr::from(address);
        let len = address.len() as usize;
        // SAFETY: a SockAddr has as many initialised bytes as its length says.
        let from = unsafe { std::slice::from_raw_parts(address.as_ptr().cast::<u8>(), len) };
        let length = length.unwrap_or(address.len() as u32);
        let mut bytes = from.to_vec();
        if let Some(family) = family {
            // A family number wider than the field is cut, as a program's assignment would cut it.
            bytes[..FAMILY].copy_from_slice(&(family as ws::ADDRESS_FAMILY).to_ne_bytes());
        }
        bytes.resize((length as usize).clamp(ROOM, MOST).next_multiple_of(8), 0);
        let words = bytes.chunks_exact(8).map(|word| u64::from_ne_bytes(word.try_into().unwrap_or_default()));
        // A length that an int cannot hold is passed as a negative one, as a program's conversion would.
        Self { words: words.collect(), length: length as i32 }
    }

    pub(super) fn pointer(&self) -> *const ws::SOCKADDR {
        if self.words.is_empty() { std::ptr::null() } else { self.words.as_ptr().cast() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_family_changes_nothing_else() {
        let address: SocketAddr = "127.0.0.1:80".parse().unwrap();
        let right = Room::new(&Address::Is(address));
        let wrong = Room::new(&Address::Family(99, address));
        assert_eq!(right.words[0] & 0xffff, u64::from(ws::AF_INET));
        assert_eq!(wrong.words[0] & 0xffff, 99);
        assert_eq!((right.words[0] >> 16, right.length), (wrong.words[0] >> 16, wrong.length));
        assert_eq!(right.words[1..], wrong.words[1..]);
    }

    #[test]
    fn a_wrong_length_has_room() {
        let address: SocketAddr = "[::1]:80".parse().unwrap();
        let long = Room::new(&Address::Length(4000, address));
        assert!(long.words.len() * 8 >= 4000 && long.length == 4000);
        assert_eq!(Room::new(&Address::Length(u32::MAX, address)).length, -1);
        assert!(Room::new(&Address::Null).pointer().is_null());
    }
}
