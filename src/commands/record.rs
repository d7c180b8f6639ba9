//! `sockspec record`: keeps what a run showed of its platform, in `reports/observed/<platform>/`.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use sockspec_harness::case::suite::Suite;
use sockspec_harness::case::trial::Trial;
use sockspec_harness::judge::verdict::Kind;
use sockspec_harness::results::Results;

use crate::cases::{self, Files};
use crate::cli::{Common, JunitFlavour, RecordArgs};
use crate::error::Error;
use crate::evidence::{distil, merge, read};
use crate::exit::{Exit, Gate};
use crate::output::Target;
use crate::report::{Context, junit};

/// What runs the suite for a recording, where nothing else is said.
const REPEAT: &str = "sockspec --target localhost --include-ignored && sockspec record";

/// Keeps a run, or several of one platform.
pub fn record(args: &RecordArgs, common: &Common, out: &mut dyn Write) -> Result<Exit, Error> {
    let runs = args.results.iter().map(|path| read::run(path)).collect::<Result<Vec<_>, _>>()?;
    let Some(first) = runs.first() else { return Err(Error::Usage("there is no run".to_owned())) };
    let origin = cases::origin(common);
    let wrong = |error| cases::error(&error, false);
    let suite = Suite::load(&origin, |_| true).map_err(wrong)?;
    let trials = suite.trials(&first.platform).map_err(wrong)?;
    for (results, path) in runs.iter().zip(&args.results) {
        check(results, &trials, path)?;
        same_platform(first, results, path)?;
    }
    let name = args.name.clone().unwrap_or_else(|| junit::label(&first.platform));
    let folder = args.to.join(folder_name(&name)?);
    let json = Target::prepare(&folder.join("results.json"))?;
    let xml = Target::prepare(&folder.join("junit.xml"))?;
    let repeat = args.how.as_deref().unwrap_or(REPEAT);
    let kept: Vec<_> = runs.iter().map(|results| distil::distil(results, &trials, &name, repeat)).collect();
    if let Some(observed) = merge::merge(&kept) {
        json.write(|file| observed.write(file))?;
    }
    let context = Context { files: &Files(origin), command: REPEAT, captures: None };
    let stripped = distil::strip(first, &trials);
    // The name of the machine is none of the platform's.
    let write = |file: &mut dyn Write| {
        junit::write_as("", &stripped, &context, &Gate::default(), JunitFlavour::default(), file)
    };
    xml.write(write)?;
    tell(first, &folder, out).map_err(|error| Error::Stdout(error.to_string()))?;
    Ok(Exit::AsRecorded)
}

fn same_platform(first: &Results, results: &Results, path: &Path) -> Result<(), Error> {
    if first.platform == results.platform {
        return Ok(());
    }
    Err(Error::Usage(format!("{} is of another platform, or another state of it", path.display())))
}

/// A recording is whole, and of these cases; what is broken says nothing of the platform.
fn check(results: &Results, trials: &[Trial], path: &Path) -> Result<(), Error> {
    let path = path.display();
    if let [first, rest @ ..] = distil::foreign(results, trials).as_slice() {
        return Err(Error::Usage(format!(
            "{path} was made with other cases: {first}{} is not there, or has other steps; run the suite again, or \
             name its cases with --cases",
            and_more(rest.len())
        )));
    }
    let ran: BTreeMap<_, _> = results.trials.iter().map(|trial| (trial.id.as_str(), trial)).collect();
    let mut missing = trials.iter().filter(|trial| !trial.case.slow && !ran.contains_key(trial.id.as_str()));
    if let Some(first) = missing.next() {
        return Err(Error::Usage(format!(
            "{path} is a part of the suite: {}{} was not run; run it without filters",
            first.id,
            and_more(missing.count())
        )));
    }
    let mut broken = results.trials.iter().filter(|trial| trial.verdict.kind == Kind::Broken);
    if let Some(first) = broken.next() {
        return Err(Error::Broken(format!(
            "{path}: {}{} is broken, which says nothing of the platform; run the suite again",
            first.id,
            and_more(broken.count())
        )));
    }
    Ok(())
}

fn and_more(count: usize) -> String {
    if count == 0 { String::new() } else { format!(", with {count} more,") }
}

fn folder_name(name: &str) -> Result<&str, Error> {
    let good = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    if !name.is_empty() && name.chars().all(good) && !name.starts_with('.') {
        return Ok(name);
    }
    Err(Error::Usage(format!("`{name}` is no name of a platform: letters, digits, - . and _")))
}

fn tell(results: &Results, folder: &Path, out: &mut dyn Write) -> io::Result<()> {
    let counts = Kind::ALL.into_iter().filter_map(|kind| {
        let count = results.trials.iter().filter(|trial| trial.verdict.kind == kind).count();
        (count > 0).then(|| format!("{count} {}", kind.name()))
    });
    let counts: Vec<_> = counts.collect();
    writeln!(out, "{} trials ({}) kept in {}", results.trials.len(), counts.join(", "), folder.display())?;
    for trial in results.trials.iter().filter(|trial| matches!(trial.verdict.kind, Kind::Fail | Kind::Fixed))
    {
        writeln!(out, "not as recorded in the cases: {}", trial.id)?;
    }
    Ok(())
}
