//! Reading numbers and addresses at fixed places of a buffer. `None` where the buffer is too short, never a panic: the
//! buffers come from the system, and some layouts are only known from reading other people's headers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A buffer.
#[derive(Clone, Copy)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    /// So many bytes at a place.
    pub(super) fn array<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        self.0.get(at..)?.first_chunk().copied()
    }

    /// A number in the byte order of the machine.
    pub(super) fn u32(self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_ne_bytes)
    }

    /// A number in the byte order of the machine.
    pub(super) fn i32(self, at: usize) -> Option<i32> {
        self.array(at).map(i32::from_ne_bytes)
    }

    /// A number in the byte order of the machine.
    pub(super) fn u64(self, at: usize) -> Option<u64> {
        self.array(at).map(u64::from_ne_bytes)
    }

    /// A port: two bytes in network order.
    pub(super) fn port(self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_be_bytes)
    }

    /// Four bytes in network order.
    pub(super) fn ipv4(self, at: usize) -> Option<IpAddr> {
        self.array::<4>(at).map(|octets| Ipv4Addr::from(octets).into())
    }

    /// Sixteen bytes in network order.
    pub(super) fn ipv6(self, at: usize) -> Option<IpAddr> {
        self.array::<16>(at).map(|octets| Ipv6Addr::from(octets).into())
    }

    /// A part of the buffer.
    pub(super) fn part(self, at: usize, len: usize) -> Option<Self> {
        self.0.get(at..at.checked_add(len)?).map(Self)
    }
}
