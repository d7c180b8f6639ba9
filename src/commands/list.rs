//! `sockspec list`: the cases and their titles; and by what happens in them, with the steps in which it does.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use sockspec_harness::case::answers::{CellAnswers, StepAnswers, SystemAnswer};
use sockspec_harness::case::expected::{Expected, Layer, Want};
use sockspec_harness::case::suite::{Suite, WrongCase};
use sockspec_harness::case::verbs::{Class, VERBS, Verb};
use sockspec_harness::glob::glob;
use sockspec_harness::nearest::nearest;
use sockspec_harness::outcome::TcpState;
use sockspec_harness::platform::errors;
use sockspec_harness::platform::selector::Selector;

use crate::aligned::align;
use crate::cases;
use crate::cli::{Common, ListArgs};
use crate::commands::explain::said;
use crate::error::Error;
use crate::exit::Exit;
use crate::select::{Selection, Slow, family};

/// Lists the cases that match one of the filters, and all of the questions.
pub fn list(
    args: &ListArgs,
    common: &Common,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Exit, Error> {
    let suite = Suite::load(&cases::origin(common), |_| true).map_err(|error| cases::error(&error, false))?;
    let question = Question::read(args, &suite)?;
    let (answers, wrong) = suite.answers();
    let filters = args.filters.iter().chain(&args.family).cloned().collect();
    let selection = Selection { filters, slow: Slow::Include, ..Selection::default() };
    let selected = selection.select(answers.iter().map(|(case, _)| (case.id.as_str(), case.slow)));
    let found: Vec<_> = selected
        .at
        .iter()
        .map(|at| &answers[*at])
        .filter_map(|(case, cells)| Some((case, question.answer(cells)?)))
        .collect();
    let width = found.iter().map(|(case, _)| case.id.len()).max().unwrap_or_default();
    for (case, lines) in &found {
        let slow = if case.slow { " (slow)" } else { "" };
        writeln!(out, "{:width$}  {}{slow}", case.id, case.title).map_err(stdout)?;
        for line in lines {
            writeln!(out, "    {line}").map_err(stdout)?;
        }
    }
    tell_wrong(&wrong, err);
    if found.is_empty() {
        return Err(Error::Usage("no case matches; `sockspec list` shows them all".to_owned()));
    }
    Ok(if wrong.is_empty() { Exit::AsRecorded } else { Exit::Wrong })
}

/// Cases of which nothing can be said.
fn tell_wrong(wrong: &[WrongCase], err: &mut dyn Write) {
    for case in wrong {
        let Some(first) = case.found.first() else { continue };
        // A message that cannot be written changes nothing.
        let _ = writeln!(err, "sockspec: {} is wrong: {}: {}", case.id, first.position(), first.message);
    }
}

/// What is asked of a case. All of a step has to be so at once.
#[derive(Debug, Default)]
struct Question {
    covers: Vec<String>,
    error: Option<&'static str>,
    state: Option<TcpState>,
    call: Option<&'static str>,
    platform: Option<Selector>,
}

impl Question {
    fn read(args: &ListArgs, suite: &Suite) -> Result<Self, Error> {
        let families: BTreeSet<_> = suite.cases.iter().map(|case| family(&case.id)).collect();
        for name in &args.family {
            if !families.contains(name.as_str()) {
                return Err(unknown("family", name, families));
            }
        }
        let error = |name: &String| {
            errors::canonical(&name.to_uppercase()).ok_or_else(|| unknown("error", name, errors::names()))
        };
        let state = |name: &String| {
            TcpState::from_name(&name.to_uppercase().replace('-', "_"))
                .ok_or_else(|| unknown("TCP state", name, TcpState::ALL.map(TcpState::name)))
        };
        let platform = |text: &String| {
            Selector::parse(text).map_err(|error| {
                let near =
                    error.suggestion.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                Error::Usage(format!("--platform: {error}{near}"))
            })
        };
        Ok(Self {
            covers: covers(&args.covers, suite)?,
            error: args.error.as_ref().map(error).transpose()?,
            state: args.state.as_ref().map(state).transpose()?,
            call: args.call.as_deref().map(call).transpose()?,
            platform: args.platform.as_ref().map(platform).transpose()?,
        })
    }

    /// The steps of a case that answer; `None` if none does.
    fn answer(&self, cells: &[CellAnswers]) -> Option<Vec<String>> {
        let covered =
            |pattern: &String| cells.iter().any(|cell| cell.covers.iter().any(|id| glob(pattern, id)));
        if !self.covers.is_empty() && !self.covers.iter().any(covered) {
            return None;
        }
        if !self.asks_for_steps() {
            return Some(Vec::new());
        }
        let mut lines = Vec::new();
        for step in align(cells) {
            let mut told: Vec<String> = Vec::new();
            for line in step.each().flat_map(|step| self.told(step)) {
                if !told.contains(&line) {
                    told.push(line);
                }
            }
            for line in told {
                let is_told = |step: &StepAnswers| self.told(step).contains(&line);
                let text = step.text(is_told);
                for variant in step.variants(|step| is_told(step).then_some(())) {
                    let rows = if variant.rows.is_empty() { "" } else { &format!("  [{}]", variant.rows) };
                    let colon = if line.is_empty() { "" } else { ": " };
                    lines.push(format!("{text}{colon}{line}{rows}"));
                }
            }
        }
        (!lines.is_empty()).then_some(lines)
    }

    fn asks_for_steps(&self) -> bool {
        self.error.is_some() || self.state.is_some() || self.call.is_some() || self.platform.is_some()
    }

    /// What comes out of a step that answers, one line for each who says so.
    fn told(&self, step: &StepAnswers) -> Vec<String> {
        if self.call.is_some_and(|call| !is_call(step, call)) {
            return Vec::new();
        }
        if self.error.is_none() && self.state.is_none() && self.platform.is_none() {
            // A call alone: what the specification says of it tells enough.
            return vec![said(&step.specification)];
        }
        let mut lines = Vec::new();
        lines.extend(self.by_specification(step));
        lines.extend(step.systems.iter().filter_map(|answer| self.by_system(step, answer)));
        lines
    }

    /// What the specification answers, with the systems that are taken to follow it.
    fn by_specification(&self, step: &StepAnswers) -> Option<String> {
        // Of a platform alone, its own answers are asked for.
        if (self.error.is_none() && self.state.is_none()) || !self.is_meant(step.asked()?) {
            return None;
        }
        let others: Vec<_> = step.others().map(|os| os.name()).collect();
        if let Some(platform) = &self.platform
            && !platform.systems().any(|os| others.contains(&os.name()))
        {
            return None;
        }
        let who = if others.is_empty() {
            "by the specification".to_owned()
        } else {
            format!("by the specification, expected of {}", others.join(", "))
        };
        Some(line(step.asked(), &who, &step.specification))
    }

    fn by_system(&self, step: &StepAnswers, answer: &SystemAnswer) -> Option<String> {
        if self.platform.as_ref().is_some_and(|platform| !platform.overlaps(&answer.selector)) {
            return None;
        }
        // An entry may say no more than how long it takes.
        let want = answer.layer.want.as_ref().or(step.asked());
        let is_meant = match want {
            Some(want) => self.is_meant(want),
            None => self.error.is_none() && self.state.is_none(),
        };
        // That nobody knows is no answer.
        let is_meant = is_meant && want != Some(&Expected::Unknown);
        is_meant.then(|| line(want, &format!("on {}", answer.selector), &answer.layer))
    }

    /// Whether the outcome is one that is asked for.
    fn is_meant(&self, want: &Expected) -> bool {
        let error = self.error.is_none_or(|error| {
            want.wants().iter().any(|want| matches!(want, Want::Error(name) if name == error))
        });
        let state = self.state.is_none_or(|state| {
            want.wants().iter().any(|want| match want {
                Want::State(seen) => *seen == state,
                Want::Path(path) => path.contains(&state),
                _ => false,
            })
        });
        error && state
    }
}

/// `ECONNABORTED on freebsd, because … (source)`.
fn line(want: Option<&Expected>, who: &str, layer: &Layer) -> String {
    let what = want.map_or_else(|| "as elsewhere".to_owned(), ToString::to_string);
    let rest = said(&Layer { want: None, ..layer.clone() });
    let rest = match rest.as_str() {
        "" => String::new(),
        rest if rest.starts_with('(') => format!(" {rest}"),
        rest => format!(", {rest}"),
    };
    format!("{what} {who}{rest}")
}

/// Whether the step makes the call: its verb is named like it, or it is made by way of it.
fn is_call(step: &StepAnswers, call: &str) -> bool {
    let via = step.step.word("via").unwrap_or(step.step.verb.name);
    step.step.verb.name == call || via == call
}

fn call(name: &str) -> Result<&'static str, Error> {
    let verbs = VERBS.iter().filter(|verb| verb.class != Class::Macro);
    let known: BTreeMap<String, &'static str> = verbs
        .flat_map(|verb: &Verb| std::iter::once(verb.name).chain(verb.calls().iter().copied()))
        .map(|call| (call.to_lowercase(), call))
        .collect();
    known.get(&name.to_lowercase()).copied().ok_or_else(|| unknown("call", name, known.into_values()))
}

/// The patterns of requirements, each of which has to match some.
fn covers(patterns: &[String], suite: &Suite) -> Result<Vec<String>, Error> {
    if let Some(all) = suite.read_requirements() {
        for pattern in patterns {
            if !all.keys().any(|id| glob(pattern, id)) {
                return Err(unknown("requirement", pattern, all.keys().map(String::as_str)));
            }
        }
    }
    Ok(patterns.to_vec())
}

fn unknown<'a>(what: &str, word: &str, known: impl IntoIterator<Item = &'a str>) -> Error {
    let near = nearest(word, known).map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    Error::Usage(format!("there is no {what} `{word}`{near}"))
}

fn stdout(error: io::Error) -> Error {
    Error::Stdout(error.to_string())
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
