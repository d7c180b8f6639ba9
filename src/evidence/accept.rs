//! What cases, or the deviations of a stand-in, would have to say so that a run was as expected: the smallest snippet
//! with the narrowest selector, and where it goes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use sockspec_harness::case::source::Place;
use sockspec_harness::case::trial::Trial;
use sockspec_harness::judge;
use sockspec_harness::judge::deviations::{self, Deviations};
use sockspec_harness::judge::verdict::Kind;
use sockspec_harness::outcome::Outcome;
use sockspec_harness::platform::Platform;
use sockspec_harness::record::Record;
use sockspec_harness::results::Results;

use super::mark::Mark;
use super::rows;

/// Something to be written, or taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The file, relative to the folder of cases.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is to be done there.
    pub what: String,
    /// One of the trials, and how many there are.
    pub example: String,
    /// See `example`.
    pub trials: usize,
    /// What is to be pasted; empty where something is to go.
    pub snippet: String,
}

/// What a system of its own would have to have in its cases.
#[must_use]
pub fn of_system(results: &Results, trials: &[Trial]) -> Vec<Proposal> {
    let surprises = surprises(results, trials, |mark| mark != Mark::Agrees && mark != Mark::Deviates);
    let propose = |group: &Group<'_>| group.in_parts(|part| entry(part, &results.platform));
    surprises.iter().flat_map(propose).collect()
}

/// What a stand-in would have to have among its deviations. What nobody knows of the system that it stands for is no
/// deviation of it.
#[must_use]
pub fn of_stand_in(results: &Results, trials: &[Trial], known: Option<(&Deviations, &str)>) -> Vec<Proposal> {
    let stack = results.platform.stack.as_str();
    let word = stack.split(' ').next().unwrap_or_default();
    let file = format!("deviations/{word}.yaml");
    let end = known.map_or(1, |(_, text)| text.lines().count() + 1);
    let mut surprises = surprises(results, trials, Mark::is_unexpected);
    surprises.retain(|group| group.members.iter().any(|member| member.kind == Kind::Fail));
    let propose = |group: &Group<'_>| group.in_parts(|part| deviation(part, stack, &file, end));
    let mut proposals: Vec<_> = surprises.iter().flat_map(propose).collect();
    if let Some((deviations, text)) = known {
        proposals.extend(fixed(results, trials, deviations, text, &file));
    }
    proposals
}

/// A step of a trial that did not come out as expected.
struct Surprise<'a> {
    trial: &'a Trial,
    record: &'a Record,
    index: usize,
    kind: Kind,
}

/// The trials of a case in which the same step came out in the same way.
struct Group<'a> {
    members: Vec<Surprise<'a>>,
    /// All trials of the case that have the step.
    all: Vec<&'a Trial>,
}

/// Some of them that are told by their rows.
struct Part<'a> {
    members: Vec<&'a Surprise<'a>>,
    all: &'a [&'a Trial],
    /// Whether they are all that have the step.
    whole: bool,
}

type Key<'a> = (&'a str, &'a str, usize, String);

fn surprises<'a>(results: &'a Results, trials: &'a [Trial], meant: impl Fn(Mark) -> bool) -> Vec<Group<'a>> {
    let known: BTreeMap<&str, &Trial> = trials.iter().map(|trial| (trial.id.as_str(), trial)).collect();
    let mut groups: BTreeMap<Key<'a>, Vec<Surprise<'a>>> = BTreeMap::new();
    for result in &results.trials {
        if !matches!(result.verdict.kind, Kind::Fail | Kind::Observed) {
            continue;
        }
        let Some(trial) = known.get(result.id.as_str()) else { continue };
        if !trial.steps.iter().map(|step| &step.text).eq(&result.steps) {
            continue;
        }
        for index in 0..result.record.steps.len() {
            let Some(outcome) = deviations::told(trial, &result.record, index) else { continue };
            let mark = Mark::of(trial, &result.record, index);
            if meant(mark) {
                let place = place(trial, result.record.steps[index].step);
                let key = (trial.case.id.as_str(), place.source.path.as_str(), place.span.start, outcome);
                let surprise = Surprise { trial, record: &result.record, index, kind: result.verdict.kind };
                groups.entry(key).or_default().push(surprise);
            }
            if mark.is_unexpected() {
                // What follows is no news of its own.
                break;
            }
        }
    }
    let group = |(key, members): (Key<'a>, Vec<Surprise<'a>>)| {
        let (case, path, start, _) = key;
        let at = |step: usize, trial: &Trial| {
            let place = place(trial, step);
            place.source.path == path && place.span.start == start
        };
        let has =
            |trial: &&Trial| trial.case.id == case && (0..trial.steps.len()).any(|step| at(step, trial));
        Group { members, all: trials.iter().filter(has).collect() }
    };
    groups.into_iter().map(group).collect()
}

fn place(trial: &Trial, step: usize) -> &Place {
    &trial.steps[step].step.place
}

impl Group<'_> {
    fn in_parts(&self, propose: impl Fn(&Part<'_>) -> Proposal) -> Vec<Proposal> {
        let Some(first) = self.members.first() else { return Vec::new() };
        let axes: Vec<String> = first.trial.case.axes.iter().map(|axis| axis.name.clone()).collect();
        let all: Vec<_> = self.all.iter().map(|trial| rows::of(&trial.id)).collect();
        let at = |member: &Surprise<'_>| self.all.iter().position(|trial| trial.id == member.trial.id);
        let positions: BTreeMap<usize, &Surprise<'_>> =
            self.members.iter().filter_map(|member| Some((at(member)?, member))).collect();
        let members: Vec<usize> = positions.keys().copied().collect();
        let parts = rows::parts(&axes, &all, &members);
        let part = |part: rows::Part| {
            let whole = part.members.len() == self.all.len();
            let members = part.members.iter().map(|at| positions[at]).collect();
            propose(&Part { members, all: &self.all, whole })
        };
        parts.into_iter().map(part).collect()
    }
}

impl<'a> Part<'a> {
    fn first(&self) -> &'a Surprise<'a> {
        self.members[0]
    }

    /// The rows of the axes that matter, as they are written in cases: `{mode: [waiting]}`.
    fn rows(&self) -> String {
        let mut told = Vec::new();
        for axis in &self.first().trial.case.axes {
            let of = |trial: &'a Trial| trial.axes.get(&axis.name).map(String::as_str);
            let here: BTreeSet<&str> = self.members.iter().filter_map(|member| of(member.trial)).collect();
            let every: BTreeSet<&str> = self.all.iter().filter_map(|trial| of(trial)).collect();
            if here != every {
                let rows: Vec<_> = here.into_iter().map(quoted).collect();
                told.push(format!("{}: [{}]", axis.name, rows.join(", ")));
            }
        }
        format!("{{{}}}", told.join(", "))
    }

    fn proposal(&self, place: (String, usize), what: String, snippet: String) -> Proposal {
        let (file, line) = place;
        let example = self.first().trial.id.clone();
        Proposal { file, line, what, example, trials: self.members.len(), snippet }
    }
}

/// An `os` entry, of the step where all its trials are meant, else of the cells that are.
fn entry(part: &Part<'_>, platform: &Platform) -> Proposal {
    let surprise = part.first();
    let number = surprise.record.steps[surprise.index].step;
    let step = &surprise.trial.steps[number];
    let place = &step.step.place;
    // Beside an entry of the platform only a narrower one can stand.
    let selector = match &step.expectation.platforms {
        Some(_) => format!("{} >= {}", platform.os, platform.version),
        None => platform.os.to_string(),
    };
    let outcome = outcome(surprise);
    let reasons = format!("why: TODO, source: \"TODO; seen on {} {}\"", platform.os, platform.version_text);
    if part.whole && place.source.path == surprise.trial.case.source.path {
        let at = if step.expectation.platforms.is_some() || !step.step.os.is_empty() {
            format!("to the `os` of the step `{}`", step.text)
        } else {
            format!("under the step `{}`", step.text)
        };
        let os = if step.step.os.is_empty() { "    os:\n" } else { "" };
        let snippet = format!("{os}      {selector}: {{{outcome}, {reasons}}}\n");
        return part.proposal((place.source.path.clone(), place.line_column().0), at, snippet);
    }
    let label = step.step.label.clone();
    let mut what = "at the end of the case".to_owned();
    if label.is_none() {
        let (line, _) = place.line_column();
        let _ = write!(what, ", with `label: LABEL` at the step `{}` in line {line}", step.text);
    }
    let label = label.unwrap_or_else(|| "LABEL".to_owned());
    let snippet = format!(
        "except:\n  - where: {}\n    os:\n      {selector}:\n        steps: {{{label}: {{{outcome}}}}}\n        \
         why: TODO\n        source: \"TODO; seen on {} {}\"\n",
        part.rows(),
        platform.os,
        platform.version_text
    );
    let source = &surprise.trial.case.source;
    part.proposal((source.path.clone(), source.text.lines().count() + 1), what, snippet)
}

/// `expect: ECONNREFUSED`, with its signal; where the time is wrong, that.
fn outcome(surprise: &Surprise<'_>) -> String {
    let record = &surprise.record.steps[surprise.index];
    if let Some(time) = judge::untimely(surprise.trial, surprise.record, surprise.index) {
        return format!("takes: TODO (it came too {time})");
    }
    let signal = record.completion.as_ref().and_then(|completion| completion.signal.as_deref());
    let expect = record.outcome.as_ref().map_or_else(|| "unknown".to_owned(), written);
    match (signal, &surprise.trial.steps[record.step].expectation.signal) {
        (Some(signal), _) => format!("expect: {expect}, signal: {signal}"),
        (None, Some(_)) => format!("expect: {expect}, signal: none"),
        (None, None) => format!("expect: {expect}"),
    }
}

/// An outcome as it is written in a case.
fn written(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Data(data) => format!("{{data: {}}}", quoted(&data.0.escape_ascii().to_string())),
        Outcome::Bytes(n) => n.to_string(),
        Outcome::Message { of, msg_flags } => {
            let flags = msg_flags.iter().cloned().collect::<Vec<_>>().join(", ");
            match &**of {
                Outcome::Data(_) => written(of).replacen('}', &format!(", msg_flags: [{flags}]}}"), 1),
                Outcome::Bytes(n) => format!("{{bytes: {n}, msg_flags: [{flags}]}}"),
                _ => "unknown".to_owned(),
            }
        }
        Outcome::Path(_) => format!("[{outcome}]"),
        Outcome::Segments(seen) => match seen.segments.as_slice() {
            [one] => format!("\"exactly {}\"", one.flags),
            _ => outcome.to_string(),
        },
        Outcome::Address(seen) => seen.names.first().cloned().unwrap_or_else(|| "unknown".to_owned()),
        _ => outcome.to_string(),
    }
}

/// A scalar of YAML.
fn quoted(text: &str) -> String {
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || " _-./".contains(c));
    let word = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic());
    let boolean = ["yes", "no", "on", "off", "true", "false", "y", "n", "null"];
    if plain && word && !boolean.contains(&text.to_ascii_lowercase().as_str()) {
        text.to_owned()
    } else {
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

fn deviation(part: &Part<'_>, stack: &str, file: &str, line: usize) -> Proposal {
    let first = part.first();
    let step =
        |member: &Surprise<'_>| member.trial.steps[member.record.steps[member.index].step].text.clone();
    let steps: BTreeSet<String> = part.members.iter().map(|member| step(member)).collect();
    let told = deviations::told(first.trial, first.record, first.index).unwrap_or_default();
    let mut snippet = format!("  - cases: [{}]\n", first.trial.case.id);
    if !part.whole {
        let _ = writeln!(snippet, "    where: {}", part.rows());
    }
    let _ = writeln!(snippet, "    step: {}", quoted(&common(&steps)));
    let _ = writeln!(snippet, "    outcome: [{}]", quoted(&told));
    let _ = writeln!(snippet, "    why: TODO\n    since: {stack}");
    let what = if line == 1 { "in a new file" } else { "at the end" };
    part.proposal((file.to_owned(), line), what.to_owned(), snippet)
}

/// The text of several steps, or what they begin with.
fn common(steps: &BTreeSet<String>) -> String {
    let (Some(first), Some(last)) = (steps.first(), steps.last()) else { return "*".to_owned() };
    if first == last {
        return first.clone();
    }
    let same = first.chars().zip(last.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a);
    same.chain(['*']).collect()
}

/// Entries that did not happen, and where they stand.
fn fixed(results: &Results, trials: &[Trial], known: &Deviations, text: &str, file: &str) -> Vec<Proposal> {
    let mut entries: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for result in results.trials.iter().filter(|result| result.verdict.kind == Kind::Fixed) {
        let trial = trials.iter().find(|trial| trial.id == result.id);
        let covers = |trial: &Trial| known.deviations.iter().position(|entry| entry.covers(trial));
        if let Some(at) = trial.and_then(covers) {
            entries.entry(at).or_default().push(&result.id);
        }
    }
    // An entry begins with its cases.
    let lines: Vec<usize> = text
        .lines()
        .enumerate()
        .filter(|(_, line)| line.trim_start().starts_with("- cases:"))
        .map(|(at, _)| at + 1)
        .collect();
    let proposal = |(at, ids): (usize, Vec<&str>)| Proposal {
        file: file.to_owned(),
        line: lines.get(at).copied().unwrap_or(1),
        what: "take the entry away, or leave out these rows: it did not happen".to_owned(),
        example: ids.first().map_or_else(String::new, |id| (*id).to_owned()),
        trials: ids.len(),
        snippet: String::new(),
    };
    entries.into_iter().map(proposal).collect()
}

#[cfg(test)]
#[path = "accept_tests.rs"]
mod tests;
