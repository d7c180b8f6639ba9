//! One step of a case, typed: a verb, its subject, its arguments, and what is expected. Made from a node in which
//! every `$name` has been replaced.

use std::sync::Arc;
use std::time::Duration;

use super::address::AddressExpr;
use super::args::{self, ArgValue};
use super::diagnostic::Diagnostics;
use super::expected::{self, Context, Expected, Layer, Want};
use super::matrix::Cell;
use super::read;
use super::segment::SegmentSpec;
use super::source::{Place, Span};
use super::verbs::{self, Class, STEP_KEYS, Subject, VERBS, Verb};
use super::via;
use super::yaml::{Key, Node, Value};
use crate::host::call::{Mode, Name};
use crate::platform::selector::Selector;
use crate::wire::pattern::Pattern;
use crate::wire::want::SegmentWant;

/// A step.
#[derive(Clone, Debug)]
pub struct Step {
    /// What is done.
    pub verb: &'static Verb,
    /// The value of the verb's key: a socket, a call, a setup, a number.
    pub subject: Name,
    /// Where the verb stands.
    pub place: Place,
    /// Where the subject stands.
    pub subject_span: Span,
    /// The arguments that are written.
    pub args: Vec<(&'static str, ArgValue, Span)>,
    /// How the call is issued.
    pub mode: Mode,
    /// The name under which it goes on.
    pub background: Option<Name>,
    /// Its own name.
    pub label: Option<String>,
    /// Look once.
    pub now: bool,
    /// How long to wait for the expected value.
    pub within: Option<Duration>,
    /// Durations count from the beginning of the step with this label.
    pub since: Option<String>,
    /// The specification leaves the choice.
    pub open: bool,
    /// What the step itself says is expected.
    pub layer: Layer,
    /// Where `expect` stands, or the verb.
    pub expect_span: Span,
    /// What platforms do instead.
    pub os: Vec<OsEntry>,
}

/// What a platform does instead.
#[derive(Clone, Debug)]
pub struct OsEntry {
    /// Which platforms.
    pub selector: Selector,
    /// Where the selector stands.
    pub span: Span,
    /// What they do.
    pub layer: Layer,
}

impl Step {
    /// A step that the case does not write but needs: making a socket, binding it.
    #[must_use]
    pub fn implied(
        verb: &'static Verb,
        subject: &str,
        place: Place,
        args: Vec<(&'static str, ArgValue, Span)>,
    ) -> Self {
        let (subject_span, expect_span) = (place.span, place.span);
        Self {
            verb,
            subject: subject.to_owned(),
            place,
            subject_span,
            args,
            mode: Mode::Blocking,
            background: None,
            label: None,
            now: false,
            within: None,
            since: None,
            open: false,
            layer: Layer::default(),
            expect_span,
            os: Vec::new(),
        }
    }

    /// The argument of that name, where it is written.
    #[must_use]
    pub fn arg(&self, name: &str) -> Option<&ArgValue> {
        self.args.iter().find(|(n, ..)| *n == name).map(|(_, value, _)| value)
    }

    /// An argument that is a word.
    #[must_use]
    pub fn word(&self, name: &str) -> Option<&str> {
        match self.arg(name) {
            Some(ArgValue::Word(word) | ArgValue::Option(word) | ArgValue::Socket(word)) => Some(word),
            _ => None,
        }
    }

    /// An argument that is a number.
    #[must_use]
    pub fn int(&self, name: &str) -> Option<i64> {
        match self.arg(name) {
            Some(ArgValue::Int(n)) => Some(*n),
            _ => None,
        }
    }

    /// An argument that is an address.
    #[must_use]
    pub fn address(&self, name: &str) -> Option<&AddressExpr> {
        match self.arg(name) {
            Some(ArgValue::Address(address)) => Some(address),
            _ => None,
        }
    }

    /// The MSG_ flags that are written.
    pub fn flags(&self) -> impl Iterator<Item = &str> {
        let flags = self.args.iter().filter_map(|(_, value, _)| match value {
            ArgValue::Flags(flags) => Some(flags),
            _ => None,
        });
        flags.flatten().map(String::as_str)
    }

    /// The argument `segment`, of a step that injects one.
    #[must_use]
    pub fn segment(&self) -> Option<&SegmentSpec> {
        match self.arg("segment") {
            Some(ArgValue::Segment(spec)) => Some(spec),
            _ => None,
        }
    }

    /// The argument `segment`, of a step that waits for one.
    #[must_use]
    pub fn wanted_segment(&self) -> Option<&SegmentWant> {
        match self.arg("segment") {
            Some(ArgValue::SegmentWant(want)) => Some(want),
            _ => None,
        }
    }

    /// The step in words, as a transcript shows it.
    #[must_use]
    pub fn text(&self) -> String {
        use std::fmt::Write as _;
        let mut text = format!("{} {}", self.verb.name, self.subject);
        for (name, value, _) in &self.args {
            let _ = args::write(&mut text, name, value);
        }
        match self.mode {
            Mode::Blocking => {}
            Mode::Nonblocking => text.push_str(", non-blocking"),
            Mode::Waiting => text.push_str(", non-blocking and waited for"),
        }
        if let Some(name) = &self.background {
            let _ = write!(text, ", in the background as {name}");
        }
        text
    }
}

/// Reads a step. A `state` of several sockets gives several.
pub fn read(node: &Node, cell: &Cell<'_>, diagnostics: &mut Diagnostics) -> Vec<Step> {
    let Some(entries) = read::map_or_error(node, "a step: a map with a verb", diagnostics) else {
        return Vec::new();
    };
    let verbs: Vec<_> =
        entries.iter().filter_map(|(key, value)| Some((key, value, verbs::find(&key.text)?))).collect();
    let (key, value, verb) = match verbs.as_slice() {
        [one] => *one,
        [] => {
            no_verb(entries, node, diagnostics);
            return Vec::new();
        }
        [(first, ..), (second, ..), ..] => {
            let message = format!("a step has one verb; `{}` is a second one", second.text);
            diagnostics.error_also(second.span, message, first.span, "the first one");
            return Vec::new();
        }
    };
    if let (Subject::Sockets, Some(each)) = (verb.subject, value.map()) {
        return each
            .iter()
            .filter_map(|(socket, want)| one_of_several(verb, key, socket, want, entries, cell, diagnostics))
            .collect();
    }
    let subject = match verb.subject {
        Subject::Pattern => pattern(value, diagnostics),
        Subject::Cable => cable(value, diagnostics),
        Subject::Count => read::count(value, diagnostics).map(|n| n.to_string()),
        _ => read::name(value, diagnostics),
    };
    let Some(subject) = subject else { return Vec::new() };
    step(verb, key, subject, value.span, entries, cell, diagnostics).into_iter().collect()
}

fn pattern(value: &Node, diagnostics: &mut Diagnostics) -> Option<String> {
    let text = read::text(value, "a pattern of segments", diagnostics)?;
    match Pattern::parse(&text) {
        Ok(pattern) => Some(pattern.to_string()),
        Err(message) => {
            diagnostics.error(value.span, message);
            None
        }
    }
}

fn cable(value: &Node, diagnostics: &mut Diagnostics) -> Option<String> {
    let text = read::text(value, "the word `cable`", diagnostics)?;
    if text == "cable" {
        return Some(text);
    }
    diagnostics.unknown(value.span, "thing to be cut", &text, ["cable"]);
    None
}

fn no_verb(entries: &[(Key, Node)], node: &Node, diagnostics: &mut Diagnostics) {
    let is_other = |key: &str| {
        STEP_KEYS.iter().any(|(k, _)| *k == key) || VERBS.iter().any(|verb| verb.arg(key).is_some())
    };
    let unknown = entries.iter().find(|(key, _)| !is_other(&key.text));
    match unknown {
        Some((key, _)) => {
            diagnostics.unknown(key.span, "verb", &key.text, VERBS.iter().map(|verb| verb.name))
        }
        None => {
            let span = entries.first().map_or(node.span, |(key, _)| key.span);
            diagnostics.error_help(
                span,
                "this step has no verb",
                "a step is `- VERB: SUBJECT` with further keys below",
            );
        }
    }
}

/// One socket of `state: {client: X, server: Y}`.
fn one_of_several(
    verb: &'static Verb,
    key: &Key,
    socket: &Key,
    want: &Node,
    entries: &[(Key, Node)],
    cell: &Cell<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Step> {
    for (other, _) in entries {
        if matches!(other.text.as_str(), "expect" | "os" | "label" | "open") {
            diagnostics.error_help(
                other.span,
                format!("`{}` cannot stand beside several sockets", other.text),
                "write a step for each socket",
            );
            return None;
        }
    }
    let mut step = step(verb, key, socket.text.clone(), socket.span, entries, cell, diagnostics)?;
    step.layer.want = expected::expected(want, Context { kinds: verb.outcomes, cell }, diagnostics);
    step.expect_span = want.span;
    Some(step)
}

fn step(
    verb: &'static Verb,
    key: &Key,
    subject: String,
    subject_span: Span,
    entries: &[(Key, Node)],
    cell: &Cell<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Step> {
    let place = Place { source: Arc::clone(diagnostics.source()), span: key.span };
    let mut step = Step::implied(verb, &subject, place, Vec::new());
    step.subject_span = subject_span;
    let before = diagnostics.times();
    let context = Context { kinds: verb.outcomes, cell };
    for (k, value) in entries {
        if k.text == key.text {
            continue;
        }
        if let Some(arg) = verb.arg(&k.text) {
            if arg.name == "via" {
                via::read(&mut step, value, cell, diagnostics);
            } else if let Some(value_read) = args::argument(arg, value, diagnostics) {
                step.args.push((arg.name, value_read, value.span));
            }
        } else if !step_key(&mut step, k, value, context, diagnostics) {
            let known = verb.args.iter().map(|arg| arg.name).chain(STEP_KEYS.iter().map(|(key, _)| *key));
            diagnostics.unknown(k.span, &format!("key of `{}`", verb.name), &k.text, known);
        }
    }
    for arg in verb.args.iter().filter(|arg| arg.required) {
        if !entries.iter().any(|(k, _)| k.text == arg.name) {
            diagnostics.error_help(key.span, format!("`{}` needs `{}`", verb.name, arg.name), arg.about);
        }
    }
    let expects = entries.iter().any(|(k, _)| k.text == "expect");
    checks(&step, expects, diagnostics);
    via::check(&step, diagnostics);
    (diagnostics.times() == before || step.verb.class == Class::Macro).then_some(step)
}

/// How a call is issued.
pub(super) fn mode(node: &Node, diagnostics: &mut Diagnostics) -> Option<Mode> {
    match read::text(node, "a mode", diagnostics)?.as_str() {
        "blocking" => Some(Mode::Blocking),
        "nonblocking" => Some(Mode::Nonblocking),
        "waiting" => Some(Mode::Waiting),
        other => {
            diagnostics.unknown(node.span, "mode", other, ["blocking", "nonblocking", "waiting"]);
            None
        }
    }
}

fn step_key(
    step: &mut Step,
    key: &Key,
    value: &Node,
    context: Context<'_>,
    diagnostics: &mut Diagnostics,
) -> bool {
    match key.text.as_str() {
        "background" => step.background = read::text(value, "a name for the call", diagnostics),
        "label" => step.label = read::text(value, "a name for the step", diagnostics),
        "mode" => step.mode = mode(value, diagnostics).unwrap_or_default(),
        "nonblocking" => {
            if read::boolean(value, diagnostics) {
                step.mode = Mode::Nonblocking;
            }
        }
        "now" => step.now = read::boolean(value, diagnostics),
        // Decided before the step is read.
        "only" => {}
        "open" => step.open = read::boolean(value, diagnostics),
        "os" => step.os = os_entries(value, context, diagnostics),
        "since" => step.since = read::text(value, "the label of a step", diagnostics),
        "within" => step.within = read::duration(value, diagnostics),
        "stop" => {
            diagnostics.error_help(
                key.span,
                "`stop` belongs to an outcome of a platform",
                "write it in an `os` entry",
            );
        }
        _ => {
            if key.text == "expect" {
                step.expect_span = value.span;
            }
            return key.text != "any_of"
                && expected::layer_key(&mut step.layer, key, value, context, diagnostics);
        }
    }
    true
}

/// Reads a map of selectors to what those platforms do.
pub fn os_entries(node: &Node, context: Context<'_>, diagnostics: &mut Diagnostics) -> Vec<OsEntry> {
    let Some(entries) = read::map_or_error(node, "a map of platforms", diagnostics) else {
        return Vec::new();
    };
    let mut read = Vec::new();
    for (key, value) in entries {
        if let Some(selector) = selector(key, value, diagnostics) {
            read.push(OsEntry {
                selector,
                span: key.span,
                layer: expected::layer(value, context, diagnostics),
            });
        }
    }
    check_selectors(read.iter().map(|entry| (&entry.selector, entry.span)), diagnostics);
    read
}

/// Reads a selector from the key of an entry.
pub fn selector(key: &Key, value: &Node, diagnostics: &mut Diagnostics) -> Option<Selector> {
    if matches!(value.value, Value::Null) {
        diagnostics.error_help(
            key.span,
            format!("`{}` has no value", key.text),
            "several platforms in one key of a {…} are written in quotes: \"macos, freebsd\": …",
        );
        return None;
    }
    match Selector::parse(&key.text) {
        Ok(selector) => Some(selector),
        Err(error) => {
            let quote = usize::from(!key.plain);
            let span = key.span.part(error.range.start + quote, error.range.end + quote);
            match error.suggestion {
                Some(near) => diagnostics.error_help(span, error.message, format!("did you mean `{near}`?")),
                None => diagnostics.error(span, error.message),
            }
            None
        }
    }
}

/// Of two selectors that overlap, one must lie wholly inside the other; and each must be able to win.
pub fn check_selectors<'a>(
    selectors: impl Iterator<Item = (&'a Selector, Span)>,
    diagnostics: &mut Diagnostics,
) {
    let all: Vec<_> = selectors.collect();
    for (i, (selector, span)) in all.iter().enumerate() {
        for (other, other_span) in &all[..i] {
            if selector.contains(other) && other.contains(selector) {
                diagnostics.error_also(
                    *span,
                    "the same platforms are named twice",
                    *other_span,
                    "first here",
                );
            } else if selector.overlaps(other) && !selector.contains(other) && !other.contains(selector) {
                let message =
                    "these platforms overlap with those of another entry, and neither lies inside the other";
                diagnostics.error_also(*span, message, *other_span, "the other entry");
            }
        }
        let inner: Vec<_> = all
            .iter()
            .filter(|(other, _)| selector.contains(other) && !other.contains(selector))
            .map(|(other, _)| *other)
            .collect();
        if selector.covered_by(&inner) {
            diagnostics.error(*span, "this entry is never used: narrower ones cover all its platforms");
        }
    }
}

/// What no single key can see.
fn checks(step: &Step, expects: bool, diagnostics: &mut Diagnostics) {
    let span = step.place.span;
    let is_call = step.verb.class == Class::Call || step.arg("timeout").is_some();
    if step.background.is_some() && !is_call {
        diagnostics.error(span, format!("`{}` cannot go on in the background", step.verb.name));
    }
    let sleeps = step.layer.want == Some(Expected::just(Want::Blocks));
    if step.background.is_some() && expects && !sleeps {
        diagnostics.error_help(
            step.expect_span,
            "of a call that goes on nothing can be expected but `blocks`: that it is asleep now",
            "write what comes of it at `finish`",
        );
    }
    let layer = &step.layer;
    let timed = layer.takes.is_some() || layer.timer.is_some();
    if step.background.is_some() && (timed || layer.signal.is_some() || !step.os.is_empty()) {
        diagnostics.error_help(span, "what is expected of a call that goes on", "is written at its `finish`");
    }
    if layer.takes.is_some() && layer.timer.is_some() {
        diagnostics.error(span, "`timer` says how long it takes; `takes` beside it says it twice");
    }
    let any_timed =
        timed || step.os.iter().any(|entry| entry.layer.takes.is_some() || entry.layer.timer.is_some());
    if step.since.is_some() && !any_timed {
        diagnostics.error(span, "`since` says from where `takes` or `timer` counts, and neither is here");
    }
    if step.mode != Mode::Blocking && step.verb.class != Class::Call {
        diagnostics.error(span, format!("`{}` is issued in one way only", step.verb.name));
    }
    let says = step.label.is_some() || timed || !step.os.is_empty() || expects;
    if step.verb.class == Class::Macro && says {
        diagnostics.error(
            span,
            format!("`{}` stands for other steps, of which these keys say nothing", step.verb.name),
        );
    }
    if step.open && expects {
        diagnostics.error_help(
            step.expect_span,
            "`open` says that the specification leaves the choice, `expect` says what it asks for",
            "write one of them",
        );
    }
    let said = expects || step.open || step.background.is_some();
    let several = step.verb.subject == Subject::Sockets;
    if !step.verb.ok_by_default && !said && !several {
        diagnostics.error_help(
            span,
            format!("`{}` must say what it expects", step.verb.name),
            "write `expect`, or `open: true` where the specification leaves the choice",
        );
    }
    let waits = step.verb.class == Class::Look;
    if step.now && !waits {
        diagnostics.error(span, format!("`now` is for steps that look; `{}` does not wait", step.verb.name));
    }
}
