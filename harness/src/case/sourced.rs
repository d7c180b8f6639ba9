//! Whether what a case says of other systems has a source.
//!
//! Linux is left out: the suite is run there, and `reports/observed/` has the run. Of a system that it was not run on, an
//! outcome without a source is a guess. What the specification says has its source in `covers`.

use super::diagnostic::Diagnostics;
use super::expected::{Expected, Layer};
use super::source::Span;
use crate::platform::Os;
use crate::platform::selector::Selector;

/// Finds fault with an outcome of a system other than Linux that has no source. `span` is where the outcome stands.
pub(super) fn demand(selector: &Selector, layer: &Layer, span: Span, diagnostics: &mut Diagnostics) {
    let systems: Vec<_> = selector.systems().filter(|os| *os != Os::Linux).map(Os::name).collect();
    if systems.is_empty()
        || !says_something(layer)
        || layer.source.as_ref().is_some_and(|source| !source.trim().is_empty())
    {
        return;
    }
    diagnostics.error_help(
        span,
        format!("an outcome of {} needs a source", systems.join(", ")),
        "write `{expect: …, source: …}`, or `source` once for the whole entry: a section, a man page, a file of the \
         system's source; where nobody knows, write `unknown`, and the run records it",
    );
}

fn says_something(layer: &Layer) -> bool {
    layer.want.as_ref().is_some_and(|want| *want != Expected::Unknown)
        || layer.takes.is_some()
        || layer.timer.is_some()
        || layer.gaps.is_some()
        || layer.signal.is_some()
}
