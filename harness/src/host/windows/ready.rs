//! Readiness by each of the calls that tell it, without folding any bit away.
//!
//! WSAPoll is only asked for bits that it knows: for POLLPRI or POLLWRBAND it fails.

use std::collections::BTreeSet;
use std::time::Duration;

use windows_sys::Win32::Networking::WinSock as ws;

use super::raw::{self, Raw, Sets};
use crate::host::HostFault;
use crate::host::local::sys::RawHandle;
use crate::outcome::Outcome;

/// Asks once for every bit.
pub(super) fn ready(
    handle: RawHandle,
    via: &str,
    timeout: Option<Option<Duration>>,
) -> Result<Raw<Outcome>, HostFault> {
    match via {
        "poll" | "WSAPoll" => Ok(raw::poll(handle, ALL, milliseconds(timeout)).map(names)),
        "select" => Ok(raw::select(handle, EVERY, timeval(timeout)).map(sets)),
        _ => Err(HostFault::new(format!("this system has no call {via}"))),
    }
}

const ALL: i16 = ws::POLLRDNORM | ws::POLLRDBAND | ws::POLLWRNORM;
const EVERY: Sets = Sets { read: true, write: true, except: true };

/// By their own names: POLLIN stands for RDNORM and RDBAND together, and POLLOUT is WRNORM.
const POLL: &[(&str, i16)] = &[
    ("RDNORM", ws::POLLRDNORM),
    ("RDBAND", ws::POLLRDBAND),
    ("PRI", ws::POLLPRI),
    ("WRNORM", ws::POLLWRNORM),
    ("WRBAND", ws::POLLWRBAND),
    ("ERR", ws::POLLERR),
    ("HUP", ws::POLLHUP),
    ("NVAL", ws::POLLNVAL),
];

fn names(bits: i16) -> Outcome {
    Outcome::Bits(
        POLL.iter().filter(|(_, bit)| bits & bit != 0).map(|(name, _)| (*name).to_owned()).collect(),
    )
}

fn sets(sets: Sets) -> Outcome {
    let named = [("read", sets.read), ("write", sets.write), ("except", sets.except)];
    Outcome::Bits(
        named
            .into_iter()
            .filter(|(_, there)| *there)
            .map(|(name, _)| name.to_owned())
            .collect::<BTreeSet<_>>(),
    )
}

/// The argument of WSAPoll; a fraction of a millisecond is rounded up, so that no wait is shorter than asked for.
fn milliseconds(timeout: Option<Option<Duration>>) -> i32 {
    match timeout {
        None => 0,
        Some(None) => -1,
        Some(Some(time)) => i32::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX),
    }
}

fn timeval(timeout: Option<Option<Duration>>) -> Option<ws::TIMEVAL> {
    let time = match timeout {
        None => Duration::ZERO,
        Some(None) => return None,
        Some(Some(time)) => time,
    };
    let micros = time.as_nanos().div_ceil(1000);
    Some(ws::TIMEVAL {
        tv_sec: i32::try_from(micros / 1_000_000).unwrap_or(i32::MAX),
        tv_usec: i32::try_from(micros % 1_000_000).unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_has_one_name() {
        assert_eq!(names(0x13).to_string(), "[ERR, HUP, WRNORM]");
        assert_eq!(names(ws::POLLIN).to_string(), "[RDBAND, RDNORM]");
        assert_eq!(sets(Sets { write: false, ..EVERY }).to_string(), "[except, read]");
    }

    #[test]
    fn no_wait_is_shorter_than_asked_for() {
        let time = Some(Some(Duration::from_nanos(1_000_001)));
        assert_eq!(milliseconds(time), 2);
        let timeval = timeval(time).unwrap();
        assert_eq!((timeval.tv_sec, timeval.tv_usec), (0, 1001));
    }
}
