//! The numbers by which systems call the states. They differ everywhere, so that a raw number never leaves `observe`.
//!
//! Sources: Linux include/net/tcp_states.h; FreeBSD and macOS netinet/tcp_fsm.h; Windows `MIB_TCP_STATE` (tcpmib.h)
//! and `TCPSTATE` (mstcpip.h), both as windows-sys has them.

use crate::outcome::TcpState;

/// A numbering of the states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbering {
    /// Linux: TCP_INFO, sock_diag, /proc/net/tcp, tracepoints.
    Linux,
    /// macOS and FreeBSD: `t_state`, `tcpi_state`.
    Bsd,
    /// Windows: the tables.
    Mib,
    /// Windows: `SIO_TCP_INFO`.
    TcpInfoV0,
}

impl Numbering {
    /// The state of that number.
    #[must_use]
    pub fn state(self, number: u32) -> Option<TcpState> {
        match (self, number) {
            // NEW_SYN_RECV: how Linux keeps a request before there is a socket for it.
            (Self::Linux, 12) => Some(TcpState::SynReceived),
            // DELETE_TCB: Windows is about to remove the row.
            (Self::Mib, 12) => Some(TcpState::Closed),
            _ => TcpState::ALL.into_iter().find(|state| self.number(*state) == number),
        }
    }

    /// The number of that state.
    #[must_use]
    pub fn number(self, state: TcpState) -> u32 {
        let [linux, bsd, mib, info] = row(state);
        match self {
            Self::Linux => linux,
            Self::Bsd => bsd,
            Self::Mib => mib,
            Self::TcpInfoV0 => info,
        }
    }
}

/// The numbers of a state: Linux, BSD, MIB, TCPSTATE.
fn row(state: TcpState) -> [u32; 4] {
    match state {
        TcpState::Closed => [7, 0, 1, 0],
        TcpState::Listen => [10, 1, 2, 1],
        TcpState::SynSent => [2, 2, 3, 2],
        TcpState::SynReceived => [3, 3, 4, 3],
        TcpState::Established => [1, 4, 5, 4],
        TcpState::FinWait1 => [4, 6, 6, 5],
        TcpState::FinWait2 => [5, 9, 7, 6],
        TcpState::CloseWait => [8, 5, 8, 7],
        TcpState::Closing => [11, 7, 9, 8],
        TcpState::LastAck => [9, 8, 10, 9],
        TcpState::TimeWait => [6, 10, 11, 10],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_states_belong_together() {
        for numbering in [Numbering::Linux, Numbering::Bsd, Numbering::Mib, Numbering::TcpInfoV0] {
            for state in TcpState::ALL {
                assert_eq!(numbering.state(numbering.number(state)), Some(state));
            }
            assert_eq!(numbering.state(13), None);
        }
        assert_eq!(Numbering::Linux.state(12), Some(TcpState::SynReceived));
        assert_eq!(Numbering::Linux.state(0), None);
        assert_eq!(Numbering::Mib.state(12), Some(TcpState::Closed));
        assert_eq!(Numbering::Bsd.state(11), None);
    }
}
