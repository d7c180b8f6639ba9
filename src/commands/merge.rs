//! `sockspec merge`: the parts of a run as one, with one report and one exit code.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sockspec_harness::results::{Part, Results, TrialResult};

use crate::captures::Captures;
use crate::cases::{self, Files as Cases};
use crate::cli::{Common, MergeArgs};
use crate::error::Error;
use crate::evidence::read;
use crate::exit::{Exit, Gate};
use crate::report::files::Files;
use crate::report::github::Github;
use crate::report::junit::label;
use crate::report::{Context, failure, summary};
use crate::runner::merge as repetition;

/// Merges the parts, and tells what is missing.
pub fn merge(
    args: &MergeArgs,
    common: &Common,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Exit, Error> {
    let files = Files::prepare(&args.reports)?;
    let paths: Vec<_> = args.parts.iter().map(|part| results_in(part)).collect();
    let parts: Vec<_> =
        paths.iter().map(|path| Ok((path.as_path(), read::run(path)?))).collect::<Result<_, Error>>()?;
    let mut missing = missing(&parts)?;
    missing.extend(parts.iter().filter(|(_, part)| part.not_run > 0).map(|(path, part)| {
        format!("{} of the trials of {}, which was interrupted,", part.not_run, path.display())
    }));
    let gate = args.verdicts.gate();
    let results = combine(parts, gate)?;
    let captures = args.reports.folder().map(|folder| Captures::stored(folder, gate));
    if let Some(captures) = &captures {
        let folders = paths.iter().filter_map(|path| path.parent());
        folders.into_iter().try_for_each(|folder| captures.take_over(folder))?;
    }
    let case_files = Cases(cases::origin(common));
    let command = common.run_command();
    let context = Context { files: &case_files, command: &command, captures: captures.as_ref() };
    let options = summary::Options {
        verbose: common.verbose,
        quiet: common.quiet,
        gate,
        reports: files.folder.clone(),
        ..summary::Options::default()
    };
    let github = Github::find(args.reports.github);
    let mut exit = gate.exit(&results.trials);
    if let Err(error) = github.summarise(&results, &context, &options) {
        // As in a run: it is no report of ours.
        let _ = writeln!(err, "sockspec: {error}");
    }
    let mut errors = files.write(&results, &context, gate);
    if !missing.is_empty() {
        errors.push(Error::Broken(format!("not the whole run: {} missing", missing.join(", "))));
    }
    for error in errors {
        // A message that cannot be written changes nothing.
        let _ = writeln!(err, "sockspec: {error}");
        exit = exit.unless_good(error.exit());
    }
    for trial in &results.trials {
        if gate.fails(trial.verdict.kind) {
            writeln!(out, "{}", failure::render(trial, &context, true)).map_err(stdout)?;
        }
    }
    github.annotate(&results, &context, &gate, out).map_err(stdout)?;
    summary::write(&results, &context, &options, out).map_err(stdout)?;
    Ok(exit)
}

/// The file that a part was named by, or that is in its folder.
fn results_in(part: &Path) -> PathBuf {
    if part.is_dir() { part.join("results.json") } else { part.to_owned() }
}

/// Which parts are not there. Results that are no part of anything are whole runs of something each.
fn missing(results: &[(&Path, Results)]) -> Result<Vec<String>, Error> {
    let parts: BTreeSet<Part> = results.iter().filter_map(|(_, results)| results.part).collect();
    let Some(first) = parts.first() else { return Ok(Vec::new()) };
    for (path, results) in results {
        let is = results.part.map_or("a whole run".to_owned(), |part| format!("part {part}"));
        if results.part.is_none_or(|part| part.of != first.of) {
            let text = format!("{} is {is}, and another one is part {first}", path.display());
            return Err(Error::Usage(text));
        }
    }
    let all = (1..=first.of).map(|number| Part { number, of: first.of });
    Ok(all.filter(|part| !parts.contains(part)).map(|part| format!("part {part}")).collect())
}

/// The parts as the one run that they are. A trial that is in several of them was run several times.
fn combine(parts: Vec<(&Path, Results)>, gate: Gate) -> Result<Results, Error> {
    let mut parts = parts.into_iter();
    let Some((first_path, mut all)) = parts.next() else {
        return Err(Error::Usage("there is nothing to merge".to_owned()));
    };
    let mut trials = BTreeMap::new();
    add(&mut trials, std::mem::take(&mut all.trials), gate);
    for (path, part) in parts {
        check_same(first_path, &all, path, &part)?;
        all.started = all.started.min(part.started);
        all.duration = all.duration.saturating_add(part.duration);
        all.not_run = all.not_run.saturating_add(part.not_run);
        add(&mut trials, part.trials, gate);
    }
    all.part = None;
    all.trials = trials.into_values().collect();
    Ok(all)
}

fn add(trials: &mut BTreeMap<String, TrialResult>, more: Vec<TrialResult>, gate: Gate) {
    for trial in more {
        match trials.get_mut(&trial.id) {
            Some(before) => repetition::merge(before, trial, gate),
            None => drop(trials.insert(trial.id.clone(), trial)),
        }
    }
}

/// Only what was run on one system, by one version, is one run.
fn check_same(first_path: &Path, first: &Results, path: &Path, part: &Results) -> Result<(), Error> {
    let told = |results: &Results| {
        let platform = &results.platform;
        let system = format!("{} ({} {})", label(platform), platform.os, platform.version);
        format!("{system} by sockspec {}", results.sockspec)
    };
    let (one, other) = (told(first), told(part));
    if one == other && first.platform.stack == part.platform.stack {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "{} was run on {one}, {} on {other}: only the parts of one run are merged, and `sockspec matrix` shows systems \
         side by side",
        first_path.display(),
        path.display()
    )))
}

fn stdout(error: io::Error) -> Error {
    Error::Stdout(error.to_string())
}
