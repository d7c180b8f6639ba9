//! The timers whose lateness matters to TCP: those of the timer wheel, of which each processor has its own. A receive
//! with a time-out uses it; a sleep would not.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::time::{ClockId, clock_getres};
use nix::unistd::Pid;

use crate::host::local::lateness::{NAP, Timer};

/// One for each processor that this process may use.
pub(crate) fn timers() -> Vec<Timer> {
    let ours = sched_getaffinity(Pid::from_raw(0)).unwrap_or_default();
    (0..CpuSet::count()).filter(|cpu| ours.is_set(*cpu).unwrap_or(false)).filter_map(timer).collect()
}

fn timer(cpu: usize) -> Option<Timer> {
    let (socket, other) = UnixDatagram::pair().ok()?;
    socket.set_read_timeout(Some(NAP)).ok()?;
    let mut pinned = false;
    let nap = move || {
        if !pinned {
            let mut here = CpuSet::new();
            // Without it the thread measures some processor, which is better than none.
            let _ = here.set(cpu).and_then(|()| sched_setaffinity(Pid::from_raw(0), &here));
            pinned = true;
        }
        // Nobody sends: `other` is there so that the socket is not told that its peer is gone.
        let _ = (socket.recv(&mut []), &other);
    };
    // The tick in which it begins, and the one in which it ends.
    let tick =
        clock_getres(ClockId::CLOCK_MONOTONIC_COARSE).map_or(Duration::from_millis(10), Duration::from);
    Some(Timer { nap: Box::new(nap), slack: 2 * tick + Duration::from_millis(1) })
}
