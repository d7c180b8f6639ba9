//! Which of all that a case says of a step holds in a cell on a platform.
//!
//! From the bottom to the top, each replacing key by key: the step itself; an exception for the cell; what the
//! platform does by the step's own `os`, or by the case's `os` through the label; what it does in this cell.

use std::collections::{BTreeMap, BTreeSet};

use crate::case::answers::{StepAnswers, SystemAnswer};
use crate::case::diagnostic::Diagnostics;
use crate::case::expected::{self, Context, Expected, Layer, Want};
use crate::case::matrix::Cell;
use crate::case::model::{Case, Except};
use crate::case::read::{self, map_or_error};
use crate::case::source::{Place, Span};
use crate::case::sourced;
use crate::case::step::{self, OsEntry, Step};
use crate::case::trial::{Expectation, Specification};
use crate::case::yaml::{Key, Node};
use crate::platform::Platform;

/// The steps with a label; none where `only` leaves the step out in this cell.
type Labels<'a> = BTreeMap<&'a str, Option<&'a Step>>;

/// What a case says by label.
#[derive(Debug, Default)]
pub(super) struct Layers {
    /// For every platform: exceptions of this cell.
    cell: BTreeMap<String, Vec<(Layer, Span)>>,
    /// For some: the case's `os`.
    platforms: BTreeMap<String, Vec<OsEntry>>,
    /// For some, in this cell.
    cell_platforms: BTreeMap<String, Vec<OsEntry>>,
}

impl Layers {
    /// Reads what the case says by label for this cell.
    pub(super) fn read(
        case: &Case,
        cell: &Cell<'_>,
        (steps, absent): (&[Step], &BTreeSet<String>),
        excepted: &mut [bool],
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let mut labels: Labels<'_> =
            steps.iter().filter_map(|step| Some((step.label.as_deref()?, Some(step)))).collect();
        for label in absent {
            labels.entry(label).or_insert(None);
        }
        let mut layers = Self::default();
        if let Some(os) = &case.os {
            layers.platforms = by_platform(os, cell, &labels, (None, None), diagnostics);
            layers.check_twice(&labels, diagnostics);
        }
        for (except, met) in case.except.iter().zip(excepted) {
            if cell.meets(&except.condition, diagnostics) == Some(true) {
                *met = true;
                layers.read_except(except, cell, &labels, diagnostics);
            }
        }
        layers
    }

    fn read_except(
        &mut self,
        except: &Except,
        cell: &Cell<'_>,
        labels: &Labels<'_>,
        diagnostics: &mut Diagnostics,
    ) {
        if let Some(steps) = &except.steps {
            let steps = cell.substitute(steps, diagnostics);
            for (label, mut layer, span) in by_label(&steps, cell, labels, diagnostics) {
                inherit(&mut layer, except.why.as_ref(), except.source.as_ref());
                self.cell.entry(label).or_default().push((layer, span));
            }
        }
        if let Some(os) = &except.os {
            let reason = (except.why.as_ref(), except.source.as_ref());
            for (label, entries) in by_platform(os, cell, labels, reason, diagnostics) {
                self.cell_platforms.entry(label).or_default().extend(entries);
            }
        }
    }

    /// A difference has one place.
    fn check_twice(&self, labels: &Labels<'_>, diagnostics: &mut Diagnostics) {
        for (label, entries) in &self.platforms {
            for own in labels.get(label.as_str()).copied().flatten().into_iter().flat_map(|step| &step.os) {
                if let Some(entry) = entries.iter().find(|entry| entry.selector.overlaps(&own.selector)) {
                    diagnostics.error_also(
                        entry.span,
                        format!("what `{label}` does on these platforms is said twice"),
                        own.span,
                        "here as well",
                    );
                }
            }
        }
    }

    /// What is said of a step about every platform.
    pub(super) fn answers(&self, step: Step) -> StepAnswers {
        let label = step.label.as_deref().unwrap_or_default();
        let mut specification = step.layer.clone();
        for (top, _) in self.cell.get(label).into_iter().flatten() {
            put_on(&mut specification, top);
        }
        specification.want = if step.open {
            None
        } else {
            // A background call is judged where it is finished.
            specification.want.take().or_else(|| default(&step).filter(|_| step.background.is_none()))
        };
        let mut systems: Vec<SystemAnswer> = Vec::new();
        let by_case = self.platforms.get(label).into_iter().flatten();
        let by_cell = self.cell_platforms.get(label).into_iter().flatten();
        for entry in step.os.iter().chain(by_case).chain(by_cell) {
            match systems.iter_mut().find(|answer| answer.selector == entry.selector) {
                Some(below) => put_on(&mut below.layer, &entry.layer),
                None => {
                    systems
                        .push(SystemAnswer { selector: entry.selector.clone(), layer: entry.layer.clone() });
                }
            }
        }
        StepAnswers { text: step.text(), specification, systems, step }
    }

    /// What is expected of a step on a platform.
    pub(super) fn choose(
        &self,
        step: &Step,
        platform: &Platform,
        diagnostics: &mut Diagnostics,
    ) -> Expectation {
        let mut layer = step.layer.clone();
        let mut span = step.expect_span;
        let mut source = step.place.source.clone();
        let label = step.label.as_deref().unwrap_or_default();
        for (top, at) in self.cell.get(label).into_iter().flatten() {
            put_on(&mut layer, top);
            (span, source) = (*at, diagnostics.source().clone());
        }
        let ok = default(step);
        let specification = (!step.open).then(|| layer.want.clone().or(ok.clone())).flatten();
        let specification = specification.map(|want| Specification {
            want,
            takes: layer.takes.filter(|_| layer.source.is_some()),
            gaps: layer.gaps.clone().filter(|_| layer.source.is_some()),
            signal: layer.signal.clone().flatten(),
        });
        let mut platforms = None;
        let own = narrowest(&step.os, platform).map(|entry| (entry, step.place.source.clone()));
        let by_case = |entries: &BTreeMap<String, Vec<OsEntry>>| {
            let entry = narrowest(entries.get(label)?, platform)?.clone();
            Some((entry, diagnostics.source().clone()))
        };
        let chosen = own.map(|(entry, source)| (entry.clone(), source)).or_else(|| by_case(&self.platforms));
        for (entry, file) in chosen.into_iter().chain(by_case(&self.cell_platforms)) {
            if entry.layer.want.is_some() {
                // The reason of the specification is none for what a platform does instead.
                (layer.why, layer.source) = (None, None);
            }
            put_on(&mut layer, &entry.layer);
            platforms = Some(entry.selector.to_string());
            (span, source) = (entry.span, file);
        }
        let want = layer.want.take().unwrap_or_else(|| match (&specification, step.open) {
            (Some(specification), _) => specification.want.clone(),
            (None, _) => Expected::Unknown,
        });
        Expectation {
            want,
            takes: layer.takes,
            timer: layer.timer,
            gaps: layer.gaps,
            signal: layer.signal.flatten(),
            stop: layer.stop,
            why: layer.why,
            source: layer.source,
            unnoticed: layer.unnoticed,
            platforms,
            specification,
            place: Place { source, span },
        }
    }
}

/// What is expected where a step does not say: of `sent`, that the segment came and nothing else was asked for.
fn default(step: &Step) -> Option<Expected> {
    let want = match (step.verb.name, step.wanted_segment()) {
        ("sent", Some(want)) => Want::Segment(want.clone()),
        ("sent", None) => Want::Nothing,
        _ => Want::Ok,
    };
    step.verb.ok_by_default.then(|| Expected::just(want))
}

/// Of the entries that match, the one whose platforms lie inside those of all others.
fn narrowest<'e>(entries: &'e [OsEntry], platform: &Platform) -> Option<&'e OsEntry> {
    let matching = entries.iter().filter(|entry| entry.selector.matches(platform));
    matching.reduce(|a, b| if a.selector.contains(&b.selector) { b } else { a })
}

/// Puts a layer on top of another, key by key.
fn put_on(layer: &mut Layer, top: &Layer) {
    fn replace<T: Clone>(below: &mut Option<T>, top: &Option<T>) {
        if top.is_some() {
            below.clone_from(top);
        }
    }
    replace(&mut layer.want, &top.want);
    replace(&mut layer.takes, &top.takes);
    replace(&mut layer.timer, &top.timer);
    replace(&mut layer.gaps, &top.gaps);
    replace(&mut layer.signal, &top.signal);
    replace(&mut layer.why, &top.why);
    replace(&mut layer.source, &top.source);
    replace(&mut layer.unnoticed, &top.unnoticed);
    layer.stop |= top.stop;
}

fn inherit(layer: &mut Layer, why: Option<&String>, source: Option<&String>) {
    layer.why = layer.why.take().or_else(|| why.cloned());
    layer.source = layer.source.take().or_else(|| source.cloned());
}

/// Reads `{selector: {steps: {label: outcome}, why: …, source: …}}`. What an entry does not give as its reason or its
/// source is that of all of them.
fn by_platform(
    os: &Node,
    cell: &Cell<'_>,
    labels: &Labels<'_>,
    (common_why, common_source): (Option<&String>, Option<&String>),
    diagnostics: &mut Diagnostics,
) -> BTreeMap<String, Vec<OsEntry>> {
    let os = cell.substitute(os, diagnostics);
    let mut read: BTreeMap<String, Vec<OsEntry>> = BTreeMap::new();
    let mut selectors = Vec::new();
    for (key, value) in map_or_error(&os, "a map of platforms", diagnostics).unwrap_or_default() {
        let Some(selector) = step::selector(key, value, diagnostics) else { continue };
        let (why, source, steps) = group(key, value, diagnostics);
        selectors.push((selector.clone(), key.span));
        let Some(steps) = steps else { continue };
        for (label, mut layer, span) in by_label(steps, cell, labels, diagnostics) {
            inherit(&mut layer, why.as_ref().or(common_why), source.as_ref().or(common_source));
            sourced::demand(&selector, &layer, span, diagnostics);
            read.entry(label).or_default().push(OsEntry { selector: selector.clone(), span, layer });
        }
    }
    step::check_selectors(selectors.iter().map(|(selector, span)| (selector, *span)), diagnostics);
    read
}

type Group<'n> = (Option<String>, Option<String>, Option<&'n Node>);

fn group<'n>(key: &Key, value: &'n Node, diagnostics: &mut Diagnostics) -> Group<'n> {
    let (mut why, mut source, mut steps) = (None, None, None);
    for (key, value) in map_or_error(value, "a map with `steps`", diagnostics).unwrap_or_default() {
        match key.text.as_str() {
            "steps" => steps = Some(value),
            "why" => why = read::prose(value, "a reason", diagnostics),
            "source" => source = read::prose(value, "a source", diagnostics),
            _ => diagnostics.unknown(key.span, "key", &key.text, ["steps", "why", "source"]),
        }
    }
    if steps.is_none() {
        diagnostics.error(key.span, "outcomes by label stand under `steps`");
    }
    (why, source, steps)
}

fn by_label(
    steps: &Node,
    cell: &Cell<'_>,
    labels: &Labels<'_>,
    diagnostics: &mut Diagnostics,
) -> Vec<(String, Layer, Span)> {
    let mut read = Vec::new();
    let mut seen = BTreeSet::new();
    for (key, value) in map_or_error(steps, "a map of labels", diagnostics).unwrap_or_default() {
        for label in key.text.split(',').map(str::trim) {
            let Some(step) = labels.get(label) else {
                diagnostics.unknown(key.span, "label", label, labels.keys().copied());
                continue;
            };
            let Some(step) = step else { continue };
            if !seen.insert(label.to_owned()) {
                diagnostics.error(key.span, format!("the label `{label}` stands twice"));
            }
            let layer = expected::layer(value, Context { kinds: step.verb.outcomes, cell }, diagnostics);
            read.push((label.to_owned(), layer, value.span));
        }
    }
    read
}
