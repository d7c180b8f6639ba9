//! The state as a descriptor tells it: the first field of `TCP_INFO` (Linux 11, FreeBSD 32), of `TCP_CONNECTION_INFO`
//! (macOS 0x106) and of `TCP_INFO_v0` (Windows, `SIO_TCP_INFO`).
//!
//! Not for a connection that may be in TIME_WAIT: Linux then says CLOSE, FreeBSD fails with ECONNRESET, macOS with
//! EINVAL. The rest of these structs is not looked at, since it grows from version to version.

use crate::observe::numbering::Numbering;
use crate::outcome::TcpState;
use crate::platform::Os;

/// The state in what getsockopt or WSAIoctl gave; `None` if the buffer is empty or the number unknown.
#[must_use]
pub fn state(os: Os, bytes: &[u8]) -> Option<TcpState> {
    let first = u32::from(*bytes.first()?);
    match os {
        Os::Linux => Numbering::Linux.state(first),
        Os::Macos | Os::Freebsd => Numbering::Bsd.state(first),
        Os::Windows => {
            let number = i32::from_ne_bytes(*bytes.first_chunk()?); // an enum, not a byte
            Numbering::TcpInfoV0.state(u32::try_from(number).ok()?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_byte_is_another_state_elsewhere() {
        assert_eq!(state(Os::Linux, &[4, 0, 0]), Some(TcpState::FinWait1));
        assert_eq!(state(Os::Macos, &[4, 0, 0]), Some(TcpState::Established));
        assert_eq!(state(Os::Freebsd, &[10]), Some(TcpState::TimeWait));
        assert_eq!(state(Os::Windows, &5_i32.to_ne_bytes()), Some(TcpState::FinWait1));
        assert_eq!(state(Os::Windows, &[5]), None);
        assert_eq!(state(Os::Linux, &[]), None);
        assert_eq!(state(Os::Linux, &[200]), None);
    }
}
