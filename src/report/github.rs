//! What GitHub Actions shows of a run: annotations at the lines of cases, by commands on standard output, and a summary
//! on the job's page, by Markdown that is appended to a file.
//!
//! Of a step it shows ten annotations, so one stands for all trials that were decided at the same place. The commands and
//! their escapes are in GitHub's documentation, "Workflow commands for GitHub Actions".

use std::collections::BTreeMap;
use std::env;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sockspec_harness::judge::verdict::Kind;
use sockspec_harness::results::{Results, TrialResult};

use super::failure::{place, reason, render};
use super::junit::label;
use super::text::{one_line, visible};
use super::{Context, summary};
use crate::cli::{When, under_nextest};
use crate::error::Error;
use crate::exit::Gate;
use crate::select::family;

/// How many trials an annotation names.
const NAMED: usize = 5;
/// How many failures the summary draws: GitHub takes 1 MiB of a step.
const DRAWN: usize = 20;

/// What is wanted on GitHub Actions.
#[derive(Clone, Debug, Default)]
pub struct Github {
    annotate: bool,
    /// The file that the summary is appended to.
    summary: Option<PathBuf>,
    /// The folder that paths in annotations start from.
    workspace: Option<PathBuf>,
}

impl Github {
    /// What this process is to do there, by its environment.
    #[must_use]
    pub fn find(when: When) -> Self {
        let wanted = match when {
            // nextest reads what its processes print, and shows what it wants of it.
            When::Auto => {
                env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true") && !under_nextest()
            }
            When::Always => true,
            When::Never => false,
        };
        let path = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        if !wanted {
            return Self::default();
        }
        Self { annotate: true, summary: path("GITHUB_STEP_SUMMARY"), workspace: path("GITHUB_WORKSPACE") }
    }

    /// Writes an annotation for each place at which trials were not as recorded.
    pub fn annotate(
        &self,
        results: &Results,
        context: &Context<'_>,
        gate: &Gate,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        if !self.annotate {
            return Ok(());
        }
        let mut places: BTreeMap<(&str, usize, usize), Vec<&TrialResult>> = BTreeMap::new();
        for trial in bad(results, gate) {
            places.entry((&trial.file, trial.line, trial.column)).or_default().push(trial);
        }
        for ((file, line, column), trials) in places {
            let Some(first) = trials.first() else { continue };
            let mut command = "::error ".to_owned();
            if let Some(path) = self.path(&context.files.shown(file)) {
                command += &format!("file={},line={line},col={column},", property(&path));
            }
            let title = format!("{} on {}", first.case, label(&results.platform));
            writeln!(out, "{command}title={}::{}", property(&title), data(&message(&trials)))?;
        }
        Ok(())
    }

    /// Appends the summary to the file of the job.
    pub fn summarise(
        &self,
        results: &Results,
        context: &Context<'_>,
        options: &summary::Options,
    ) -> Result<(), Error> {
        let Some(path) = &self.summary else { return Ok(()) };
        let file = OpenOptions::new().append(true).create(true).open(path);
        let written =
            file.and_then(|mut file| file.write_all(markdown(results, context, options).as_bytes()));
        written.map_err(|cause| Error::Report { path: path.clone(), cause })
    }

    /// The path of a case's file as annotations name it; none where the repository does not have the file, because the
    /// program carries it.
    fn path(&self, shown: &str) -> Option<String> {
        let whole = Path::new(shown).canonicalize().ok()?;
        let workspace = self.workspace.as_deref().and_then(|workspace| workspace.canonicalize().ok());
        let path = match &workspace {
            Some(workspace) => whole.strip_prefix(workspace).ok()?,
            None => Path::new(shown),
        };
        let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
        Some(parts.join("/"))
    }
}

fn bad<'r>(results: &'r Results, gate: &Gate) -> impl Iterator<Item = &'r TrialResult> {
    let gate = *gate;
    results.trials.iter().filter(move |trial| gate.fails(trial.verdict.kind))
}

/// What happened at a place, and in which trials.
fn message(trials: &[&TrialResult]) -> String {
    let Some(first) = trials.first() else { return String::new() };
    let mut text = format!("{}: {}", first.verdict.kind.name(), reason(first));
    if !first.title.is_empty() {
        text = format!("{}\n{text}", visible(&first.title));
    }
    if let Some(why) = first.verdict.findings.last().and_then(|finding| finding.why.as_deref()) {
        text += &format!("\nwhy that was expected: {}", visible(why));
    }
    for trial in trials.iter().take(NAMED) {
        text += &format!("\n{}", one_line(&trial.id));
    }
    if trials.len() > NAMED {
        text += &format!("\nand {} more", trials.len() - NAMED);
    }
    text
}

/// Text as the message of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Text as the value of a command's property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

fn markdown(results: &Results, context: &Context<'_>, options: &summary::Options) -> String {
    let mut out = format!("## sockspec on {}\n\n", label(&results.platform));
    let mut last = Vec::new();
    // A write to memory does not fail.
    let _ = summary::last_line(results, options, &mut anstream::StripStream::new(&mut last));
    out += &format!("{}\n\n", String::from_utf8_lossy(&last).trim());
    out += &families(&results.trials);
    let bad: Vec<_> = bad(results, &options.gate).collect();
    if !bad.is_empty() {
        out += "\n### Not as recorded\n";
    }
    for trial in bad.iter().take(DRAWN) {
        let heading = format!("{} {}: {}", trial.verdict.kind.name(), trial.id, reason(trial));
        let drawn = render(trial, context, false);
        let fence = fence(&drawn);
        out += &format!(
            "\n<details><summary>{}</summary>\n\n{fence}text\n{drawn}{fence}\n\n</details>\n",
            html(&one_line(&heading))
        );
    }
    if bad.len() > DRAWN {
        out += &format!("\nAnd {} more:\n\n", bad.len() - DRAWN);
    }
    for trial in bad.iter().skip(DRAWN) {
        out += &format!("- {} `{}` {}\n", trial.verdict.kind.name(), trial.id, place(trial, context));
    }
    out + "\n"
}

/// Counts per family; only kinds that occur have a column.
fn families(trials: &[TrialResult]) -> String {
    let mut families: BTreeMap<&str, BTreeMap<Kind, u64>> = BTreeMap::new();
    for trial in trials {
        *families.entry(family(&trial.id)).or_default().entry(trial.verdict.kind).or_default() += 1;
    }
    let kinds: Vec<_> = Kind::ALL
        .into_iter()
        .filter(|kind| families.values().any(|counts| counts.contains_key(kind)))
        .collect();
    let row = |name: &str, cells: Vec<String>| format!("| {name} | {} |\n", cells.join(" | "));
    let mut out = row("family", kinds.iter().map(|kind| kind.name().to_owned()).collect());
    out += &row("---", kinds.iter().map(|_| "---:".to_owned()).collect());
    for (name, counts) in families {
        let count = |kind: &Kind| counts.get(kind).map_or_else(String::new, u64::to_string);
        out += &row(name, kinds.iter().map(count).collect());
    }
    out
}

/// A fence that nothing in the text closes.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
#[path = "github_tests.rs"]
mod tests;
