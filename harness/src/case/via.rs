//! `via`: by which call a step is made, what that asks of the platform, and what the call cannot be given.
//!
//! Which calls there are is in the table of [`verbs`](super::verbs); which of them a system has, in `platform`.

use super::args::ArgValue;
use super::diagnostic::Diagnostics;
use super::expected::{Expected, Want};
use super::matrix::Cell;
use super::read as value;
use super::step::{self, Step};
use super::verbs::{Class, Verb};
use super::yaml::Node;

/// The call that a step is made by: the one that is written, or the default.
#[must_use]
pub fn call(step: &Step) -> &str {
    step.word("via").unwrap_or_else(|| default(step))
}

fn default(step: &Step) -> &'static str {
    match step.verb.name {
        "send" if step.arg("to").is_some() => "sendto",
        _ => step.verb.calls().first().copied().unwrap_or_default(),
    }
}

/// What is needed for a call that is written. Defaults are there on every system, and a look says by itself which of its
/// calls stands for which.
#[must_use]
pub fn need(step: &Step) -> Option<String> {
    let via = step.word("via").filter(|_| step.verb.class == Class::Call)?;
    Some(format!("call {via}"))
}

/// Arguments of a verb that some of its calls do not have.
const WITHOUT: [(&str, &[&str]); 2] =
    [("to", &["send", "write", "writev", "WSASend"]), ("flags", &["write", "writev", "read", "readv"])];

/// Whether a call has an argument that others of its verb have.
#[must_use]
pub fn takes(call: &str, arg: &str) -> bool {
    !WITHOUT.iter().any(|(name, calls)| *name == arg && calls.contains(&call))
}

/// Reads the argument. Where the value is that of a row, the row says how the call is issued too: a row that is not
/// named like a call carries a `mode`, and may name the call with `call`.
pub(super) fn read(step: &mut Step, node: &Node, cell: &Cell<'_>, diagnostics: &mut Diagnostics) {
    let Some(word) = value::text(node, "a call", diagnostics) else { return };
    let calls = step.verb.calls();
    if calls.contains(&word.as_str()) {
        step.args.push(("via", ArgValue::Word(word), node.span));
        return;
    }
    let row = cell.row("via").filter(|row| row.name == word);
    let carried = |name: &str| row?.values.iter().find(|(key, _)| key.text == name).map(|(_, node)| node);
    let Some(mode_node) = carried("mode") else {
        diagnostics.unknown(node.span, "call", &word, calls.iter().copied());
        return;
    };
    cell.mark_used("mode");
    if let Some(mode) = step::mode(mode_node, diagnostics) {
        step.mode = mode;
    }
    if let Some(call) = carried("call").and_then(Node::text) {
        cell.mark_used("call");
        if !calls.contains(&call) {
            diagnostics.unknown(node.span, "call", call, calls.iter().copied());
            return;
        }
        step.args.push(("via", ArgValue::Word(call.to_owned()), node.span));
    }
}

/// What does not go with the call.
pub(super) fn check(step: &Step, diagnostics: &mut Diagnostics) {
    let call = call(step);
    for (name, value, span) in &step.args {
        // An empty list of flags is what a call without flags has.
        if takes(call, name) || matches!(value, ArgValue::Flags(flags) if flags.is_empty()) {
            continue;
        }
        let message = format!("`{call}` takes no `{name}`");
        diagnostics.error_help(
            *span,
            message,
            format!("`via` may be one that does: {}", takers(step.verb, name)),
        );
    }
    let layers = std::iter::once((&step.layer, step.expect_span))
        .chain(step.os.iter().map(|entry| (&entry.layer, entry.span)));
    for (layer, span) in layers {
        let told = layer.want.as_ref().is_some_and(is_told);
        // At `finish` nobody sees which call it was that went on.
        if told && step.verb.class == Class::Call && call != TELLS_FLAGS {
            let called = if call.is_empty() { step.verb.name } else { call };
            let help = format!("write `via: {TELLS_FLAGS}` at a `recv`");
            diagnostics.error_help(span, format!("`{called}` tells no flags"), help);
        }
    }
}

/// The one call that tells flags with what it receives.
const TELLS_FLAGS: &str = "recvmsg";

fn is_told(want: &Expected) -> bool {
    want.wants().iter().any(|want| matches!(want, Want::Message { .. }))
}

fn takers(verb: &Verb, arg: &str) -> String {
    let takers: Vec<_> = verb.calls().iter().copied().filter(|call| takes(call, arg)).collect();
    takers.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::verbs::VERBS;

    #[test]
    fn what_is_said_to_lack_an_argument_is_a_call_of_a_verb_that_has_it() {
        for (name, calls) in WITHOUT {
            for call in calls {
                let of = VERBS.iter().find(|verb| verb.calls().contains(call));
                assert!(of.is_some_and(|verb| verb.arg(name).is_some()), "{call}: {name}");
            }
        }
    }

    #[test]
    fn every_verb_has_a_call_that_takes_all_its_arguments() {
        for verb in VERBS.iter().filter(|verb| !verb.calls().is_empty()) {
            let all = |call: &&&str| verb.args.iter().all(|arg| takes(call, arg.name));
            assert!(verb.calls().iter().find(all).is_some(), "{}", verb.name);
        }
    }
}
