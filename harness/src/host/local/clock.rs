//! The clock of the process: monotonic, in ns since its first use.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

static VIRTUAL: AtomicBool = AtomicBool::new(false);

/// Says that idle time is skipped: the offer `virtual clock`.
pub fn is_virtual_from_now_on() {
    VIRTUAL.store(true, Ordering::Relaxed);
}

/// Whether idle time is skipped. Computing then takes no time, so nobody is ever late; and each time that a thread wakes
/// costs real time, so nobody may wake without a reason.
#[must_use]
pub fn is_virtual() -> bool {
    VIRTUAL.load(Ordering::Relaxed)
}

/// Now.
#[must_use]
pub fn now() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    nanos(START.get_or_init(Instant::now).elapsed())
}

/// That long from now.
#[must_use]
pub fn after(time: Duration) -> u64 {
    now().saturating_add(nanos(time))
}

/// A duration in ns; one of more than 584 years is cut.
#[must_use]
pub fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
