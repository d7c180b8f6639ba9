//! From a case to its trials: every cell of the matrix, with setups and repetitions written out, sockets that are
//! implied made, and the expectation chosen for a platform.
//!
//! The same walk finds what is wrong in a case: unknown sockets, calls that nobody finishes, labels that do not exist.

mod choose;
mod sockets;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::answers::CellAnswers;
use super::diagnostic::{Diagnostic, Diagnostics};
use super::expected::Want;
use super::matrix::{Axis, Cell, Usage, cells};
use super::model::{Case, Link, Setup};
use super::option_value;
use super::read;
use super::sourced;
use super::step::{self, Step};
use super::suite::Suite;
use super::trial::{Trial, TrialStep};
use super::verbs::{Class, OutcomeKind, Subject, VERBS};
use super::via;
use super::yaml::Node;
use crate::host::call::Family;
use crate::host::link::Request;
use crate::platform::probe::VIRTUAL_CLOCK;
use crate::platform::{Platform, options};
use choose::Layers;
use sockets::Sockets;

/// How often a step may be repeated, and how many steps a trial may have.
const MOST_STEPS: usize = 10_000;
/// How many cells a matrix may have.
const MOST_CELLS: usize = 20_000;

/// The trials of a case on a platform. Cells that do not apply there are left out.
pub fn trials(case: &Arc<Case>, suite: &Suite, platform: &Platform) -> (Vec<Trial>, Vec<Diagnostic>) {
    let mut diagnostics = Diagnostics::new(Arc::clone(&case.source));
    let mut trials = Vec::new();
    let mut foreign = Vec::new();
    walk(case, suite, None, &mut diagnostics, &mut foreign, |cell, expanded, diagnostics| {
        trials.extend(on_platform(case, cell, expanded, platform, diagnostics));
    });
    let mut found = diagnostics.finish();
    found.extend(foreign);
    (trials, found)
}

/// One of the trials that [`trials`] gives, by its [`Trial::cell`]. None where that is none of them.
#[must_use]
pub fn trial(case: &Arc<Case>, suite: &Suite, platform: &Platform, cell: usize) -> Option<Trial> {
    let mut diagnostics = Diagnostics::new(Arc::clone(&case.source));
    let mut found = None;
    walk(case, suite, Some(cell), &mut diagnostics, &mut Vec::new(), |cell, expanded, diagnostics| {
        found = on_platform(case, cell, expanded, platform, diagnostics);
    });
    found
}

/// What a case says about every platform, cell by cell.
pub fn answers(case: &Arc<Case>, suite: &Suite) -> (Vec<CellAnswers>, Vec<Diagnostic>) {
    let mut diagnostics = Diagnostics::new(Arc::clone(&case.source));
    let mut answers = Vec::new();
    let mut foreign = Vec::new();
    walk(case, suite, None, &mut diagnostics, &mut foreign, |cell, expanded, _| {
        let steps = expanded.steps.into_iter();
        answers.push(CellAnswers {
            id: trial_id(case, cell),
            axes: rows(cell),
            needs: expanded.needs,
            covers: expanded.covers,
            steps: steps.map(|step| expanded.layers.answers(step)).collect(),
        });
    });
    let mut found = diagnostics.finish();
    found.extend(foreign);
    (answers, found)
}

/// Finds what is wrong in a case, for every platform.
pub fn check(case: &Arc<Case>, suite: &Suite, diagnostics: &mut Diagnostics) -> Vec<Diagnostic> {
    let mut foreign = Vec::new();
    let usage = walk(case, suite, None, diagnostics, &mut foreign, |_, _, _| ());
    usage.report(&case.axes, diagnostics);
    foreign
}

/// Finds what is wrong in a setup. Calls may go on behind it.
pub fn check_setup(setup: &Arc<Case>, suite: &Suite, diagnostics: &mut Diagnostics) -> Vec<Diagnostic> {
    let mut foreign = Vec::new();
    let mut expander = Expander {
        suite,
        diagnostics,
        foreign: &mut foreign,
        sockets: Sockets::default(),
        steps: Vec::new(),
        raw: setup.raw,
    };
    let usage = Usage::default();
    for cell in cells(&[], &usage) {
        expander.steps(&setup.steps, &cell, Within::Case, setup.link);
    }
    let sockets = expander.sockets;
    sockets.report_names(diagnostics);
    foreign
}

/// A cell with its steps written out.
struct Expanded {
    index: usize,
    steps: Vec<Step>,
    layers: Layers,
    needs: BTreeSet<String>,
    covers: BTreeSet<String>,
    settings: BTreeMap<String, String>,
    wildcard: bool,
}

/// Writes out every cell, or one.
fn walk(
    case: &Arc<Case>,
    suite: &Suite,
    only: Option<usize>,
    diagnostics: &mut Diagnostics,
    foreign: &mut Vec<Diagnostic>,
    mut each: impl FnMut(&Cell<'_>, Expanded, &mut Diagnostics),
) -> Usage {
    let usage = Usage::default();
    let count: usize = case.axes.iter().map(|axis: &Axis| axis.rows.len()).product();
    if count > MOST_CELLS {
        diagnostics.error(case.title_span, format!("the matrix has {count} cells; {MOST_CELLS} are allowed"));
        return usage;
    }
    let mut excepted = vec![false; case.except.len()];
    let cells = cells(&case.axes, &usage).into_iter().enumerate();
    for (index, cell) in cells.filter(|(index, _)| only.is_none_or(|only| only == *index)) {
        let mut expander = Expander {
            suite,
            diagnostics,
            foreign,
            sockets: Sockets::default(),
            steps: Vec::new(),
            raw: case.raw,
        };
        expander.steps(&case.steps, &cell, Within::Case, case.link);
        let (steps, sockets) = (expander.steps, expander.sockets);
        sockets.report(diagnostics);
        if steps.is_empty() && diagnostics.is_empty() {
            diagnostics
                .error(case.title_span, "there is a cell of the matrix in which no step is carried out");
        }
        let absent = &sockets.labels_elsewhere;
        let layers = Layers::read(case, &cell, (&steps, absent), &mut excepted, diagnostics);
        let mut needs = words(&case.needs, &cell, "something needed", diagnostics);
        let wildcard = sockets.wildcard;
        needs.extend(sockets.needs);
        let mut covers = words(&case.covers, &cell, "the id of a requirement", diagnostics);
        for (_, row) in cell.rows() {
            needs.extend(words(&row.needs, &cell, "something needed", diagnostics));
            covers.extend(words(&row.covers, &cell, "the id of a requirement", diagnostics));
        }
        check_words(case, suite, &needs, &covers, diagnostics);
        let settings = case
            .settings
            .iter()
            .map(|(key, node)| {
                (key.text.clone(), cell.substitute(node, diagnostics).scalar().unwrap_or_default())
            })
            .collect();
        each(&cell, Expanded { index, steps, layers, needs, covers, settings, wildcard }, diagnostics);
    }
    for (except, met) in case.except.iter().zip(excepted) {
        if !met {
            diagnostics.error(except.condition.span, "this exception matches no cell");
        }
    }
    usage
}

fn words(nodes: &[Node], cell: &Cell<'_>, what: &str, diagnostics: &mut Diagnostics) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for node in nodes {
        let node = cell.substitute(node, diagnostics);
        words.extend(read::list(&node).iter().filter_map(|node| read::text(node, what, diagnostics)));
    }
    words
}

fn check_words(
    case: &Case,
    suite: &Suite,
    needs: &BTreeSet<String>,
    covers: &BTreeSet<String>,
    diagnostics: &mut Diagnostics,
) {
    let place = |word: &str| {
        let rows = case.axes.iter().flat_map(|axis| &axis.rows);
        let nodes =
            rows.flat_map(|row| row.needs.iter().chain(&row.covers)).chain(&case.needs).chain(&case.covers);
        let mut exact = nodes.filter(|node| node.text() == Some(word));
        exact.next().map_or(case.title_span, |node| node.span)
    };
    for need in needs {
        if let Some(call) = need.strip_prefix("call ") {
            let calls: Vec<_> =
                VERBS.iter().flat_map(|verb| verb.calls().iter().copied()).chain(["DisconnectEx"]).collect();
            if !calls.contains(&call) {
                diagnostics.unknown(place(need), "call", call, calls);
            }
        } else if let Some(option) = need.strip_prefix("option ") {
            if options::find(option).is_none() {
                diagnostics.unknown(place(need), "option", option, options::names());
            }
        } else if !NEEDS.iter().any(|(word, _)| word == need) {
            let known = NEEDS.iter().map(|(word, _)| *word).chain(["call …", "option …"]);
            diagnostics.unknown(place(need), "need", need, known);
        }
    }
    if let Some(requirements) = suite.requirements() {
        for id in covers.iter().filter(|id| !requirements.contains_key(*id)) {
            diagnostics.unknown(place(id), "requirement", id, requirements.keys().map(String::as_str));
        }
    }
}

/// What a case may need, besides a call or an option by its name.
pub const NEEDS: &[(&str, &str)] = &[
    ("ipv4", "IPv4 works"),
    ("ipv6", "IPv6 works; a row `ipv6` of the axis `family` needs it by itself"),
    ("own namespace", "a network namespace for this trial alone"),
    ("sleep of a call", "the platform shows that a call sleeps in the kernel"),
    ("state of closed connections", "the platform shows the state of connections whose socket is closed"),
    ("signals", "calls can be interrupted by a signal; `interrupt` needs it by itself"),
    (
        "accept queue length",
        "the platform tells how many connections wait; `queued` of a listener beyond 1 needs it",
    ),
    (
        "unsent bytes",
        "the platform tells how many bytes are not acknowledged; `direction: unsent` needs it by itself",
    ),
    ("silent listener", "a listener whose queue is full answers nothing"),
    ("ordinary user", "the process may not bind privileged ports"),
    ("wire", "two namespaces and a TUN device in each"),
    ("tracing", "the kernel's tracepoints can be read"),
    ("virtual clock", "idle time is skipped, so that long time-outs cost nothing"),
];

/// Where steps come from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    /// The case: every step is carried out.
    Case,
    /// A setup: what is there already is not made again.
    Setup,
}

struct Expander<'a> {
    suite: &'a Suite,
    diagnostics: &'a mut Diagnostics,
    foreign: &'a mut Vec<Diagnostic>,
    sockets: Sockets,
    steps: Vec<Step>,
    raw: bool,
}

impl Expander<'_> {
    fn steps(&mut self, nodes: &[Node], cell: &Cell<'_>, within: Within, link: Link) {
        for node in nodes {
            if self.steps.len() > MOST_STEPS {
                self.diagnostics.error(node.span, format!("a trial may have {MOST_STEPS} steps"));
                return;
            }
            if let Some(condition) = node.get("only") {
                match cell.meets(condition, self.diagnostics) {
                    Some(true) => {}
                    Some(false) => {
                        self.mark_names(node);
                        continue;
                    }
                    None => continue,
                }
            }
            let before = self.diagnostics.times();
            let node = cell.substitute(node, self.diagnostics);
            if self.diagnostics.times() > before {
                // What is wrong with a value that is not there says nothing new.
                self.mark_names(&node);
                continue;
            }
            for step in step::read(&node, cell, self.diagnostics) {
                self.step(step, cell, within, link);
            }
        }
    }

    /// A step that is left out in this cell may still make a socket in another: then it is not unknown there.
    fn mark_names(&mut self, node: &Node) {
        self.sockets.labels_elsewhere.extend(node.get("label").and_then(Node::text).map(str::to_owned));
        for name in ["as"].iter().filter_map(|key| node.get(key)).filter_map(Node::text) {
            self.sockets.made_elsewhere(name);
        }
        for (key, value) in node.map().unwrap_or_default() {
            let makes = super::verbs::find(&key.text)
                .is_some_and(|verb| matches!(verb.subject, Subject::NewSocket | Subject::SocketOrNew));
            if let (true, Some(name)) = (makes, value.text()) {
                self.sockets.made_elsewhere(name);
            }
        }
    }

    fn step(&mut self, step: Step, cell: &Cell<'_>, within: Within, link: Link) {
        match step.verb.subject {
            Subject::Setup => self.setup(&step, cell, link),
            Subject::Count => self.repeat(&step, cell, within, link),
            _ => self.plain(step, cell, within, link),
        }
    }

    fn plain(&mut self, step: Step, cell: &Cell<'_>, within: Within, link: Link) {
        if within == Within::Setup && self.sockets.has_effect(&step) {
            return;
        }
        if self.needs_silent(&step) {
            self.setup_named("silent", step.place.span, cell, link);
        }
        self.check_passing(&step, link);
        self.check_wire(&step, link);
        option_value::check(&step, self.diagnostics);
        for entry in &step.os {
            sourced::demand(&entry.selector, &entry.layer, entry.span, self.diagnostics);
        }
        self.steps.extend(self.sockets.implied(&step, link));
        self.sockets.take(&step, self.diagnostics);
        self.steps.push(step);
    }

    /// `to: silent` stands for a listener whose queue is full, which the setup of that name makes.
    fn needs_silent(&self, step: &Step) -> bool {
        let mut addresses = step.args.iter().filter_map(|(name, ..)| step.address(name));
        addresses.any(|address| address.sockets().any(|name| name == "silent"))
            && !self.sockets.knows("silent")
    }

    fn setup(&mut self, step: &Step, cell: &Cell<'_>, link: Link) {
        self.setup_named(&step.subject, step.subject_span, cell, link);
    }

    fn setup_named(&mut self, name: &str, span: super::source::Span, cell: &Cell<'_>, link: Link) {
        let Some(setup) = self.suite.setup(name, self.variant(link)) else {
            if let Some(wrong) = self.suite.wrong_setup(name, self.variant(link)) {
                self.sockets.setup_is_wrong = true;
                self.add_foreign(wrong.iter().cloned());
                return;
            }
            self.diagnostics.unknown(span, "setup", name, self.suite.setup_names());
            return;
        };
        let needs = words(&setup.needs, cell, "something needed", self.diagnostics);
        self.sockets.needs.extend(needs);
        self.within_setup(setup, cell, link);
    }

    /// What setups for this link are called behind their name.
    fn variant(&self, link: Link) -> &'static str {
        match (link, self.raw) {
            (Link::Loopback, _) => "",
            (Link::Wire, false) => "-wire",
            (Link::Wire, true) => "-raw",
        }
    }

    fn within_setup(&mut self, setup: &Setup, cell: &Cell<'_>, link: Link) {
        let mut diagnostics = Diagnostics::new(Arc::clone(&setup.source));
        let mut inner = Expander {
            suite: self.suite,
            diagnostics: &mut diagnostics,
            foreign: self.foreign,
            sockets: std::mem::take(&mut self.sockets),
            steps: std::mem::take(&mut self.steps),
            raw: self.raw,
        };
        inner.sockets.depth += 1;
        if inner.sockets.depth > 8 {
            let span = setup.steps.first().map_or_else(Default::default, |node| node.span);
            inner.diagnostics.error(span, "setups use each other in a circle");
        } else {
            inner.steps(&setup.steps, &cell.without_axes(), Within::Setup, link);
        }
        inner.sockets.depth -= 1;
        (self.sockets, self.steps) = (inner.sockets, inner.steps);
        self.add_foreign(diagnostics.finish());
    }

    /// What is wrong in another file: a setup that several cases use.
    fn add_foreign(&mut self, found: impl IntoIterator<Item = Diagnostic>) {
        for diagnostic in found {
            if !self.foreign.contains(&diagnostic) {
                self.foreign.push(diagnostic);
            }
        }
    }

    fn repeat(&mut self, step: &Step, cell: &Cell<'_>, within: Within, link: Link) {
        let count: usize = step.subject.parse().unwrap_or(0);
        let Some(super::args::ArgValue::Steps(nodes)) = step.arg("do") else { return };
        if count.saturating_mul(nodes.len()) > MOST_STEPS {
            self.diagnostics.error(step.subject_span, format!("a trial may have {MOST_STEPS} steps"));
            return;
        }
        for n in 1..=count {
            self.steps(nodes, &cell.counting(n), within, link);
        }
    }

    fn check_wire(&mut self, step: &Step, link: Link) {
        if step.verb.class == Class::Wire && link != Link::Wire {
            let message = format!("`{}` is for a wire", step.verb.name);
            self.diagnostics.error_help(step.place.span, message, "write `link: wire` in the case");
        }
    }

    fn check_passing(&mut self, step: &Step, link: Link) {
        if link != Link::Loopback || step.verb.outcomes != [OutcomeKind::State] {
            return;
        }
        let layers = std::iter::once(&step.layer).chain(step.os.iter().map(|entry| &entry.layer));
        for want in layers.filter_map(|layer| layer.want.as_ref()).flat_map(|want| want.wants()) {
            if let Want::State(state) = want
                && state.is_passing()
            {
                self.diagnostics.error_help(
                    step.expect_span,
                    format!("{state} passes by itself on loopback, so that a look may come too late"),
                    "assert it with `link: wire`, where segments are held",
                );
            }
        }
    }
}

/// Makes the trial of a cell, unless the cell does not apply to the platform.
fn on_platform(
    case: &Arc<Case>,
    cell: &Cell<'_>,
    expanded: Expanded,
    platform: &Platform,
    diagnostics: &mut Diagnostics,
) -> Option<Trial> {
    let axes = rows(cell);
    let family = match axes.get("family").map(String::as_str) {
        Some("ipv6") => Family::Ipv6,
        _ => Family::Ipv4,
    };
    let mut needs = expanded.needs;
    needs.insert(if family == Family::Ipv6 { "ipv6" } else { "ipv4" }.to_owned());
    if expanded.steps.iter().any(|step| step.verb.name == "interrupt") {
        needs.insert("signals".to_owned());
    }
    let trace = expanded.steps.iter().any(|step| step.verb.name == "path");
    if trace {
        needs.insert("tracing".to_owned());
    }
    for step in &expanded.steps {
        needs.extend(step.flags().map(|flag| format!("flag {flag}")));
        needs.extend(via::need(step));
        if step.word("direction") == Some("unsent") {
            needs.insert("unsent bytes".to_owned());
        }
    }
    if case.link == Link::Wire {
        needs.insert("wire".to_owned());
    }
    let offered = |need: &String| platform.offers.contains(need);
    // What another system's programs could not even write does not apply here; that is no skip.
    let of_the_system =
        |need: &String| ["call ", "option ", "flag "].iter().any(|kind| need.starts_with(kind));
    if needs.iter().any(|need| of_the_system(need) && !offered(need)) {
        return None;
    }
    let missing: Vec<_> =
        needs.iter().filter(|need| !offered(need)).map(|need| missing_need(need, platform)).collect();
    let skip = (!missing.is_empty()).then(|| format!("needs {}", missing.join(", ")));
    let own = expanded.wildcard
        || needs.contains("own namespace")
        || !expanded.settings.is_empty()
        || expanded.steps.iter().any(shares_addresses);
    let steps = expanded
        .steps
        .into_iter()
        .map(|step| {
            let expectation = expanded.layers.choose(&step, platform, diagnostics);
            TrialStep { text: step.text(), expectation, step }
        })
        .collect();
    Some(Trial {
        id: trial_id(case, cell),
        case: Arc::clone(case),
        cell: expanded.index,
        axes,
        covers: expanded.covers,
        family,
        link: case.link,
        request: Request {
            own,
            settings: expanded.settings,
            wire: case.link == Link::Wire,
            raw: case.raw,
            trace,
        },
        virtual_clock: needs.contains(VIRTUAL_CLOCK),
        skip,
        steps,
    })
}

/// The row that was taken of each axis.
fn rows(cell: &Cell<'_>) -> BTreeMap<String, String> {
    cell.rows().map(|(axis, row)| (axis.name.clone(), row.name.clone())).collect()
}

fn trial_id(case: &Case, cell: &Cell<'_>) -> String {
    let rows: Vec<_> = cell.rows().map(|(_, row)| row.slug()).collect();
    if rows.is_empty() { case.id.clone() } else { format!("{}[{}]", case.id, rows.join(",")) }
}

/// Something needed that is not there: what it is, and why it is missing as far as the platform tells.
fn missing_need(need: &str, platform: &Platform) -> String {
    let about = || {
        NEEDS
            .iter()
            .find(|(word, _)| *word == need)
            .map_or("this system does not have it", |(_, about)| *about)
    };
    format!("{need} ({})", platform.missing.get(need).map_or_else(about, String::as_str))
}

/// Whether a step uses an address that other trials would use as well.
fn shares_addresses(step: &Step) -> bool {
    step.args.iter().any(|(name, ..)| step.address(name).is_some_and(|address| address.is_shared()))
}
