//! How late the machine is while something is waited for that no call measures: a thread that only sleeps, and adds up
//! by how much it oversleeps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long it sleeps at a time.
const NAP: Duration = Duration::from_millis(10);
/// Every sleep is a little too long.
const USUAL: Duration = Duration::from_millis(1);

/// A thread that sleeps.
pub(super) struct Sleeper {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Duration>>,
}

impl Sleeper {
    /// Begins to measure. Where no thread can be had, nothing is measured.
    pub(super) fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::Builder::new().name("sleeper".to_owned()).spawn(move || {
            let mut late = Duration::ZERO;
            while !stopped.load(Ordering::Relaxed) {
                let before = Instant::now();
                thread::sleep(NAP);
                let over = before.elapsed().saturating_sub(NAP);
                late += if over > USUAL { over } else { Duration::ZERO };
            }
            late
        });
        Self { stop, thread: thread.ok() }
    }

    /// How late the machine was meanwhile.
    pub(super) fn stop(mut self) -> Duration {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or_default()
    }
}
