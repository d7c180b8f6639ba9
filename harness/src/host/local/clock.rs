//! The clock of the process: monotonic, in ns since its first use.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

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
