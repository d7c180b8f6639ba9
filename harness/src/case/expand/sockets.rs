//! Which sockets and background calls a case has made at a point, so that unknown names are found, sockets that are
//! implied are made, and setups make only what is not there.

use std::collections::{BTreeMap, BTreeSet};

use crate::case::address::AddressExpr;
use crate::case::args::ArgValue;
use crate::case::diagnostic::Diagnostics;
use crate::case::expected::{Expected, Want};
use crate::case::model::Link;
use crate::case::source::Span;
use crate::case::step::Step;
use crate::case::verbs::{self, ArgKind, Subject};
use crate::host::call::Name;

/// What has been made so far.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    made: BTreeMap<Name, Made>,
    calls: BTreeMap<Name, Background>,
    labels: BTreeMap<String, Span>,
    /// Names that are used before they are made: reported at the end, when it is known whether they ever are.
    unknown: Vec<(Name, Span)>,
    /// Sockets that a step makes which is left out in this cell.
    elsewhere: BTreeSet<Name>,
    /// Labels of steps that are left out in this cell.
    pub(super) labels_elsewhere: BTreeSet<String>,
    /// A socket is bound to the wildcard without a word.
    pub(super) wildcard: bool,
    /// What the setups need.
    pub(super) needs: BTreeSet<String>,
    /// How deep setups are nested.
    pub(super) depth: usize,
    /// A setup is used that cannot be read: what it would have made is not known, so names are not checked.
    pub(super) setup_is_wrong: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Made {
    bound: bool,
    listening: bool,
    connected: bool,
    /// An injected segment has begun it: an accept may take it over.
    begun: bool,
}

#[derive(Debug)]
struct Background {
    finished: bool,
    /// What makes it: whether `ok` can come out of it.
    ok_by_default: bool,
    verb: &'static str,
    span: Span,
}

impl Sockets {
    pub(super) fn knows(&self, name: &str) -> bool {
        self.made.contains_key(name)
    }

    pub(super) fn made_elsewhere(&mut self, name: &str) {
        self.elsewhere.insert(name.to_owned());
    }

    /// Whether what the step makes is there already.
    pub(super) fn has_effect(&self, step: &Step) -> bool {
        let made = self.made.get(&step.subject).copied();
        match step.verb.name {
            "socket" | "descriptor" => made.is_some(),
            "bind" => made.is_some_and(|made| made.bound),
            "listen" => made.is_some_and(|made| made.listening),
            "connect" => made.is_some_and(|made| made.connected),
            "accept" | "dup" => self.knows(new_socket(step)),
            _ => step.background.as_ref().is_some_and(|name| self.calls.contains_key(name)),
        }
    }

    /// The steps that a step needs and the case does not write: a socket is made by the first call that names it, and
    /// one that is made to listen is bound first. So is one that connects over a wire.
    pub(super) fn implied(&self, step: &Step, link: Link) -> Vec<Step> {
        if step.verb.subject != Subject::SocketOrNew {
            return Vec::new();
        }
        let made = self.made.get(&step.subject).copied();
        let span = step.place.span;
        let make = |verb: &str, args| {
            verbs::find(verb).map(|verb| Step::implied(verb, &step.subject, step.place.clone(), args))
        };
        let mut steps = Vec::new();
        if made.is_none() {
            steps.extend(make("socket", at(step)));
        }
        // On a wire the addresses of trials are no addresses of the device, so that the kernel would choose none.
        let bind = match step.verb.name {
            "listen" => made.is_none(),
            "connect" => link == Link::Wire && !made.is_some_and(|made| made.bound),
            _ => false,
        };
        if bind && let Ok(address) = AddressExpr::parse("any port") {
            steps.extend(make("bind", vec![("address", ArgValue::Address(address), span)]));
        }
        steps
    }

    /// Takes note of what the step makes, and of names that it uses.
    pub(super) fn take(&mut self, step: &Step, diagnostics: &mut Diagnostics) {
        self.check_names(step, diagnostics);
        if let Some(label) = &step.label {
            if let Some(first) = self.labels.get(label).filter(|first| **first != step.place.span) {
                let message = format!("the label `{label}` stands twice");
                diagnostics.error_also(step.place.span, message, *first, "first here");
            }
            self.labels.insert(label.clone(), step.place.span);
        }
        match step.verb.subject {
            Subject::NewSocket | Subject::SocketOrNew => {
                let made = self.made.entry(step.subject.clone()).or_default();
                // The system binds it to the wildcard, which trials share.
                self.wildcard |= step.verb.name == "listen" && !made.bound;
                match step.verb.name {
                    "bind" => made.bound = true,
                    "listen" => (made.bound, made.listening) = (true, true),
                    "connect" => (made.bound, made.connected) = (true, true),
                    _ => {}
                }
            }
            _ => {}
        }
        let counts =
            step.layer.want.iter().flat_map(|want| want.wants()).any(|want| matches!(want, Want::Bytes(2..)));
        let listens = self.made.get(&step.subject).is_some_and(|made| made.listening);
        if step.verb.name == "queued" && listens && counts {
            self.needs.insert("accept queue length".to_owned());
        }
        if step.verb.name == "inject"
            && let Some(name) = step.word("as")
        {
            self.made.entry(name.to_owned()).or_default().begun = true;
        }
        if step.verb.name == "accept" {
            self.made.insert(
                new_socket(step).to_owned(),
                Made { bound: true, connected: true, ..Made::default() },
            );
        }
        if step.verb.name == "dup" {
            let made = self.made.get(&step.subject).copied().unwrap_or_default();
            self.made.insert(new_socket(step).to_owned(), made);
        }
        if let Some(name) = &step.background {
            let call = Background {
                finished: false,
                ok_by_default: step.verb.ok_by_default,
                verb: step.verb.name,
                span: step.place.span,
            };
            self.calls.insert(name.clone(), call);
        }
    }

    fn check_names(&mut self, step: &Step, diagnostics: &mut Diagnostics) {
        match step.verb.subject {
            Subject::Socket | Subject::Sockets => self.use_name(&step.subject, step.subject_span),
            Subject::NewSocket if self.knows(&step.subject) => {
                diagnostics.error_help(
                    step.subject_span,
                    format!("there is a socket `{}` already", step.subject),
                    "a name keeps its addresses after close; take another one",
                );
            }
            Subject::Call => self.use_call(step, diagnostics),
            _ => {}
        }
        for (name, value, span) in &step.args {
            if let ArgValue::Address(address) = value {
                for socket in address.sockets() {
                    self.use_name(socket, *span);
                }
            }
            let makes = step.verb.arg(name).is_some_and(|arg| arg.kind == ArgKind::NewSocket);
            if let (true, ArgValue::Socket(socket)) = (makes, value)
                && self.made.get(socket).is_some_and(|made| !made.begun)
            {
                diagnostics.error(*span, format!("there is a socket `{socket}` already"));
            }
        }
        let layers = std::iter::once(&step.layer).chain(step.os.iter().map(|entry| &entry.layer));
        for want in layers.filter_map(|layer| layer.want.as_ref()).flat_map(Expected::wants) {
            if let Want::Address(address) = want {
                for socket in address.sockets() {
                    self.use_name(socket, step.expect_span);
                }
            }
        }
        if let Some(name) = &step.background
            && self.calls.get(name).is_some_and(|call| !call.finished)
        {
            diagnostics.error(step.place.span, format!("a call `{name}` goes on already"));
        }
        if let Some(label) = &step.since
            && !self.labels.contains_key(label)
        {
            diagnostics.unknown(
                step.place.span,
                "label of an earlier step",
                label,
                self.labels.keys().map(String::as_str),
            );
        }
    }

    fn use_name(&mut self, name: &str, span: Span) {
        if !self.knows(name) {
            self.unknown.push((name.to_owned(), span));
        }
    }

    fn use_call(&mut self, step: &Step, diagnostics: &mut Diagnostics) {
        let finish = step.verb.name == "finish";
        match self.calls.get_mut(&step.subject) {
            Some(call) if !call.finished => {
                call.finished = finish;
                if finish && !call.ok_by_default && !step.open && step.layer.want.is_none() {
                    let message = format!(
                        "the call `{}` is a `{}`, so this must say what it expects",
                        step.subject, call.verb
                    );
                    diagnostics.error(step.place.span, message);
                }
            }
            Some(_) => {
                diagnostics
                    .error(step.subject_span, format!("the call `{}` was finished before", step.subject));
            }
            None if self.setup_is_wrong => {}
            None => {
                let known: Vec<_> = self.calls.keys().map(String::as_str).collect();
                diagnostics.unknown(step.subject_span, "background call", &step.subject, known);
            }
        }
    }

    /// Reports the names that were used before they were made, or never made at all.
    pub(super) fn report(&self, diagnostics: &mut Diagnostics) {
        for (name, call) in self.calls.iter().filter(|(_, call)| !call.finished) {
            diagnostics.error_help(
                call.span,
                format!("nobody finishes the call `{name}`, so nothing is said of it"),
                format!("write `- finish: {name}` with what is expected"),
            );
        }
        self.report_names(diagnostics);
    }

    /// Reports names alone.
    pub(super) fn report_names(&self, diagnostics: &mut Diagnostics) {
        if self.setup_is_wrong {
            return;
        }
        for (name, span) in &self.unknown {
            if self.knows(name) {
                let message = format!("the socket `{name}` is used before it is made");
                diagnostics.error_help(
                    *span,
                    message,
                    "bind, listen, connect, accept, dup, setsockopt and socket make sockets",
                );
            } else if self.elsewhere.contains(name) {
                let message = format!("the socket `{name}` is not made in every cell in which it is used");
                diagnostics.error_help(*span, message, "write the same `only` here");
            } else {
                diagnostics.unknown(*span, "socket", name, self.made.keys().map(String::as_str));
            }
        }
    }
}

fn new_socket(step: &Step) -> &str {
    step.word("as").unwrap_or("server")
}

fn at(step: &Step) -> Vec<(&'static str, ArgValue, Span)> {
    step.args.iter().filter(|(name, ..)| *name == "at").cloned().collect()
}
