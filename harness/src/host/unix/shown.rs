//! What a kernel without sock_diag shows of its connections through their descriptors: found by trying, on a connection
//! of our own. gVisor fills little of TCP_INFO in but the state, which it tells of TIME_WAIT as well, unlike Linux.

use std::io::{self, Read};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};

use super::{handle, raw, state};
use crate::outcome::TcpState;

/// What was seen. What could not be tried counts as not shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// How many connections wait at a listener.
    pub waiting: bool,
    /// How many bytes are not acknowledged.
    pub unsent: bool,
    /// TIME_WAIT, of a socket that is still open.
    pub time_wait: bool,
}

/// Tries it.
#[must_use]
pub fn shown() -> Shown {
    let mut shown = Shown::default();
    // What broke is not shown.
    let _ = attempt(&mut shown);
    shown
}

/// Nothing here takes longer than a turn through the kernel, unless something is broken.
const LIMIT: Duration = Duration::from_secs(1);

fn attempt(shown: &mut Shown) -> io::Result<()> {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    listener.bind(&SockAddr::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))))?;
    listener.listen(2)?;
    let client = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    client.connect(&listener.local_addr()?)?;
    let listens = handle(listener.as_raw_fd());
    raw::poll(listens, libc::POLLIN, LIMIT.as_millis() as libc::c_int)
        .map_err(io::Error::from_raw_os_error)?;
    shown.waiting = state::waiting(listens).is_ok_and(|count| count == 1);

    let (mut server, mut client) = (TcpStream::from(listener.accept()?.0), TcpStream::from(client));
    shown.unsent = raw::ioctl_int(handle(client.as_raw_fd()), libc::TIOCOUTQ).is_ok();

    client.shutdown(Shutdown::Write)?;
    at_end(&mut server)?;
    server.shutdown(Shutdown::Write)?;
    at_end(&mut client)?;
    shown.time_wait = state::info(handle(client.as_raw_fd())) == Ok(TcpState::TimeWait);
    Ok(())
}

fn at_end(stream: &mut TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(LIMIT))?;
    stream.read(&mut [0; 1]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::sock_diag::SockDiag;

    #[test]
    fn linux_shows_all_but_time_wait() {
        if SockDiag::open().is_ok() {
            assert_eq!(shown(), Shown { waiting: true, unsent: true, time_wait: false });
        }
    }
}
