//! Panics of trials and of libtest-mimic: caught, with their text and place, and without the default hook's noise.
//! Panics on other threads go to the hook that was there before.

use std::cell::RefCell;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once};

/// What a panic said.
#[derive(Clone, Debug)]
pub(super) struct Caught {
    /// Its text.
    pub(super) text: String,
    /// Where it happened: `src/file.rs:10:5`.
    pub(super) place: String,
}

impl fmt::Display for Caught {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.text, self.place)
    }
}

/// What the hook finds on a thread that catches panics.
#[derive(Default)]
struct Frame {
    /// Set as soon as a panic begins, before the threads that others wait for are joined.
    stop: Option<Arc<AtomicBool>>,
    caught: Option<Caught>,
}

thread_local! {
    /// The frames of this thread, the innermost last.
    static FRAMES: RefCell<Vec<Frame>> = const { RefCell::new(Vec::new()) };
}

/// Installs the hook, once for the process.
pub(super) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let ours = FRAMES.with_borrow_mut(|frames| {
                let Some(frame) = frames.last_mut() else { return false };
                let text = info.payload_as_str().unwrap_or("without a text").to_owned();
                let place = info.location().map_or_else(|| "somewhere".to_owned(), ToString::to_string);
                frame.caught = Some(Caught { text, place });
                if let Some(stop) = &frame.stop {
                    stop.store(true, Ordering::SeqCst);
                }
                true
            });
            if !ours {
                before(info);
            }
        }));
    });
}

/// Runs `f`; a panic in it is an error, and sets `stop` when it begins.
pub(super) fn catch<T>(stop: Option<Arc<AtomicBool>>, f: impl FnOnce() -> T) -> Result<T, Caught> {
    FRAMES.with_borrow_mut(|frames| frames.push(Frame { stop, caught: None }));
    // What a panic leaves half done belongs to the trial and is dropped with it.
    let result = panic::catch_unwind(AssertUnwindSafe(f));
    let frame = FRAMES.with_borrow_mut(Vec::pop);
    result.map_err(|_| {
        let unknown = || Caught { text: "a panic without a text".into(), place: "somewhere".into() };
        frame.and_then(|frame| frame.caught).unwrap_or_else(unknown)
    })
}
