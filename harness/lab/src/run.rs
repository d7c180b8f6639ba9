//! Running entries: a stack is started with the suite in it, watched from outside, and its results are brought back.

use std::collections::VecDeque;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use sockspec::report::time::human;
use sockspec_harness::judge::verdict::Kind;
use sockspec_harness::platform::process::a_processor;
use sockspec_harness::results::Results;

use crate::cache::Cache;
use crate::child::{self, Ended, Event};
use crate::cli::RunArgs;
use crate::entry::Entry;
use crate::error::Error;
use crate::job::{EXIT, JOURNAL, Job, MARK};
use crate::outcome::{self, Journal, nanos};
use crate::prepare::{is_root, prepare};

/// How often is looked how far a run is: so exact are the times that its trials take outside.
const TICK: Duration = Duration::from_millis(10);
/// How often that is shown.
const SHOWN: Duration = Duration::from_millis(200);
/// How many of a console's last lines are told of a crash.
const LAST: usize = 20;
/// Back to the begin of the line, and clear what stood there.
const CLEAR: &str = "\r\x1b[K";

/// Where text goes.
pub struct Screen<'a> {
    /// What the suites print.
    out: &'a mut dyn Write,
    /// What the lab says.
    err: &'a mut dyn Write,
    /// Whether there is a status line.
    status: bool,
    /// When it was drawn last.
    drawn: Option<Instant>,
    /// Whether the suites print in colours.
    colour: bool,
}

/// How a run of one entry ended: the suite's exit code, or what kept it from giving one.
type Outcome = Result<u8, String>;

/// Runs entries, one after the other, each whatever became of the others.
pub fn run(
    entries: &[Entry],
    cache: &Cache,
    arguments: &RunArgs,
    screen: &mut Screen<'_>,
) -> Result<ExitCode, Error> {
    let mut codes = Vec::new();
    for entry in entries {
        let begin = Instant::now();
        let outcome =
            prepare(entry, cache, false, screen.err).and_then(|()| one(entry, cache, arguments, screen));
        let (code, text) = match outcome {
            Ok(Ok(code)) => (code, word(code).to_owned()),
            Ok(Err(why)) => (3, why),
            Err(error @ Error::Unavailable(_)) if entries.len() > 1 => (77, error.to_string()),
            Err(error) if entries.len() > 1 => (3, error.to_string()),
            Err(error) => return Err(error),
        };
        screen.say(&format!("{}: {text}; {} in all", entry.name, human(nanos(begin.elapsed()))));
        codes.push(code);
    }
    Ok(ExitCode::from(worst(&codes)))
}

/// A behaviour that is not as recorded is the worst; what this machine cannot do is the least.
fn worst(codes: &[u8]) -> u8 {
    let severity = |code: &u8| [0, 77, 130, 3, 2, 1].iter().position(|known| known == code).unwrap_or(3);
    codes.iter().copied().max_by_key(severity).unwrap_or(0)
}

fn word(code: u8) -> &'static str {
    match code {
        0 => "as recorded",
        1 => "NOT AS RECORDED",
        2 => "the suite was given wrong arguments or cases",
        130 => "interrupted",
        _ => "the suite is broken, or nothing was run",
    }
}

impl<'a> Screen<'a> {
    /// Writes to these.
    pub fn new(out: &'a mut dyn Write, err: &'a mut dyn Write, status: bool, colour: bool) -> Self {
        Self { out, err, status, drawn: None, colour }
    }

    fn clear(&mut self) {
        if self.status {
            let _ = write!(self.err, "{CLEAR}");
        }
    }

    fn say(&mut self, text: &str) {
        self.clear();
        let _ = writeln!(self.err, "{text}");
    }

    fn print(&mut self, line: &str) {
        self.clear();
        // A reader that has left does not end the run: the reports are still wanted.
        let _ = writeln!(self.out, "{line}");
    }

    fn progress(&mut self, entry: &Entry, journal: &Journal, begin: Instant) {
        if !self.status || self.drawn.is_some_and(|drawn| drawn.elapsed() < SHOWN) {
            return;
        }
        self.drawn = Some(Instant::now());
        let seconds = begin.elapsed().as_secs();
        let total = journal.head.as_ref().map_or(0, |(_, _, trials)| trials.len());
        let bad =
            journal.results.iter().filter(|result| matches!(result.verdict.kind, Kind::Fail | Kind::Broken));
        let (done, bad) = (journal.results.len(), bad.count());
        let _ = write!(self.err, "{CLEAR}{}: {done}/{total} trials, {bad} failures, {seconds} s", entry.name);
        let _ = self.err.flush();
    }
}

fn one(entry: &Entry, cache: &Cache, arguments: &RunArgs, screen: &mut Screen<'_>) -> Result<Outcome, Error> {
    let temporary = cache.temporary(&entry.name)?;
    let place = Place::make(entry, cache, temporary.path())?;
    let command = command(entry, &place, arguments, screen.colour)?;
    let begin = Instant::now();
    let reports = arguments.report_dir.join(&entry.name);
    let (journal, last) = (Journal::default(), VecDeque::new());
    let lists = arguments.suite.iter().any(|word| word == "--list");
    let (refused, panicked) = (None, false);
    let mut watch =
        Watch { entry, place: &place, reports: &reports, journal, last, refused, lists, panicked };
    let ended = child::follow(command, entry.limit, TICK, |event| {
        watch.take(event, arguments.console, begin, screen)
    })?;
    let took = begin.elapsed();
    watch.journal.follow(&place.out.join(JOURNAL));
    watch.prove();
    let outcome = watch.outcome(ended);
    if let Some(results) = watch.results(&outcome, took)? {
        bring_back(&place.out, &reports)?;
        screen.say(&format!("{}: {} reports in {}", entry.name, times(&results), reports.display()));
    }
    Ok(outcome)
}

/// What a run cost, in both times where there are two.
fn times(results: &Results) -> String {
    let sum: u64 = results.trials.iter().map(|trial| trial.record.duration).sum();
    let real = results.real_duration.map_or(String::new(), |real| format!("{} outside", human(real)));
    format!("{} trials of {} in all, {real};", results.trials.len(), human(sum))
}

/// The paths of a run.
struct Place {
    prepared: PathBuf,
    temp: PathBuf,
    out: PathBuf,
    job: PathBuf,
    lab: PathBuf,
}

impl Place {
    fn make(entry: &Entry, cache: &Cache, temp: &Path) -> Result<Self, Error> {
        let out = temp.join("out");
        fs::create_dir_all(&out).map_err(Error::path(&out))?;
        let own = std::env::current_exe().map_err(|error| Error::Failed(format!("own program: {error}")))?;
        // A copy: whoever builds meanwhile replaces the file, and a kernel reads of it what it needs when it needs it.
        let lab = temp.join("lab");
        fs::copy(&own, &lab).map_err(Error::path(&own))?;
        Ok(Self { prepared: cache.folder(entry)?, temp: temp.to_owned(), job: temp.join("job"), out, lab })
    }

    fn expand(&self, word: &str) -> String {
        let paths = [
            ("$prepared", &self.prepared),
            ("$temp", &self.temp),
            ("$out", &self.out),
            ("$job", &self.job),
            ("$lab", &self.lab),
        ];
        paths
            .iter()
            .fold(word.to_owned(), |word, (name, path)| word.replace(name, &path.display().to_string()))
    }
}

/// The command that starts a stack with the suite in it.
fn command(entry: &Entry, place: &Place, arguments: &RunArgs, colour: bool) -> Result<Command, Error> {
    // What the user says wins.
    let said = |ours: &&String| !arguments.suite.iter().any(|theirs| option(theirs) == option(ours));
    let mut suite: Vec<String> = entry.suite.iter().filter(said).cloned().collect();
    let out = place.out.display();
    suite.extend(["--target".to_owned(), "localhost".to_owned()]);
    suite.extend([
        "--report-dir".to_owned(),
        out.to_string(),
        "--journal".to_owned(),
        format!("{out}/{JOURNAL}"),
    ]);
    suite.extend(["--color".to_owned(), if colour { "always" } else { "never" }.to_owned()]);
    suite.extend(arguments.suite.iter().cloned());
    let job =
        Job { arguments: suite.clone(), environment: entry.environment.clone(), out: place.out.clone() };
    job.write(&place.job)?;
    let mut words = Vec::new();
    for word in &entry.start {
        if word == "$suite" {
            words.extend([place.lab.display().to_string(), "suite".to_owned()]);
            words.extend(suite.iter().cloned());
        } else {
            words.push(place.expand(word));
        }
    }
    let processor = entry.one_processor.then(a_processor).flatten();
    let mut command = child::contained(&words, is_root(), processor);
    command.envs(&entry.environment).current_dir(&place.out);
    Ok(command)
}

/// The name of an option.
fn option(word: &str) -> &str {
    match word {
        "--ignored" => "--include-ignored",
        short if short.starts_with("-j") => "--jobs",
        long => long.split('=').next().unwrap_or(long),
    }
}

/// What is known of a run while it goes on.
struct Watch<'a> {
    entry: &'a Entry,
    place: &'a Place,
    /// Where the reports will be.
    reports: &'a Path,
    journal: Journal,
    /// The last lines that were printed, by whomever.
    last: VecDeque<String>,
    /// Why the stack is not the one that it claims to be.
    refused: Option<String>,
    /// The suite was asked for a list of its trials, and so runs none.
    lists: bool,
    /// The kernel has said that it can do no more.
    panicked: bool,
}

impl Watch<'_> {
    /// Takes note of what happens; tells whether the run may go on.
    fn take(&mut self, event: Event, console: bool, begin: Instant, screen: &mut Screen<'_>) -> bool {
        let event_is_tick = event == Event::Tick;
        match event {
            Event::Line(line) => {
                match (line.strip_prefix(MARK), self.has_console()) {
                    (Some(of_suite), _) => screen.print(&self.outside(of_suite)),
                    (None, false) => screen.print(&self.outside(&line)),
                    (None, true) if console => screen.say(&format!("{}| {line}", self.entry.name)),
                    (None, true) => {}
                }
                if self.last.len() == LAST {
                    self.last.pop_front();
                }
                // Not every kernel ends by itself after that.
                self.panicked |= self.has_console() && line.contains("Kernel panic - not syncing");
                self.last.push_back(line.trim_start_matches(MARK).to_owned());
            }
            Event::Tick => {
                self.journal.follow(&self.place.out.join(JOURNAL));
                screen.progress(self.entry, &self.journal, begin);
                self.prove();
            }
        }
        // A panic is followed by what explains it, up to the next tick; and when the suite has come to its end, and all
        // that it printed is here, nobody needs the stack any more.
        self.refused.is_none() && !(event_is_tick && (self.panicked || self.told_code().is_some()))
    }

    /// A line of the suite as it is true outside: with the reports where they will be, and how to repeat a trial here.
    fn outside(&self, line: &str) -> String {
        let line = line.replace(&self.place.out.display().to_string(), &self.reports.display().to_string());
        let Some((_, arguments)) = line.split_once("repeat it: sockspec --target localhost ") else {
            return line;
        };
        format!("repeat it: cargo run -p sockspec-lab -- run {} -- {arguments}", self.entry.name)
    }

    /// Whether the suite's lines are among those of a kernel.
    fn has_console(&self) -> bool {
        self.entry.start.iter().any(|word| word.contains("$job"))
    }

    fn prove(&mut self) {
        if let (Some((platform, ..)), None) = (&self.journal.head, &self.refused) {
            self.refused = self.entry.proof.check(platform).err();
        }
    }

    fn outcome(&self, ended: Ended) -> Outcome {
        if let Some(why) = &self.refused {
            return Err(format!("this is not the stack that it should be: {why}"));
        }
        if let Some(code) = self.code(ended) {
            return Ok(code);
        }
        let trials = match self.journal.under_way.as_slice() {
            [] => String::new(),
            some => format!(" in {}", some.join(", ")),
        };
        let last: Vec<_> = self.last.iter().map(|line| format!("\n  | {line}")).collect();
        Err(match ended {
            Ended::TimedOut => {
                format!("THE STACK HUNG: not over after {:?}{trials}{}", self.entry.limit, last.concat())
            }
            Ended::With(status) => format!("THE STACK CRASHED ({status}){trials}{}", last.concat()),
            Ended::Stopped => format!("THE STACK CRASHED: a kernel panic{trials}{}", last.concat()),
        })
    }

    /// The suite's exit code, if it has come to its end.
    fn code(&self, ended: Ended) -> Option<u8> {
        if let Some(code) = self.told_code() {
            return Some(code).filter(|code| self.is_known(*code));
        }
        match ended {
            Ended::With(status) if !self.has_console() => {
                status.code().and_then(|code| u8::try_from(code).ok()).filter(|code| self.is_known(*code))
            }
            _ => None,
        }
    }

    /// The exit code that `init` has written down.
    fn told_code(&self) -> Option<u8> {
        fs::read_to_string(self.place.out.join(EXIT)).ok()?.trim().parse().ok()
    }

    /// Whether the suite ends with such a code: with its reports where it has begun to run, and without only where it had
    /// nothing to run.
    fn is_known(&self, code: u8) -> bool {
        match code {
            0 | 1 if self.lists => true,
            0 | 1 => self.place.out.join("results.json").is_file(),
            2 | 3 | 130 => self.journal.head.is_none() || self.place.out.join("results.json").is_file(),
            _ => false,
        }
    }

    /// The results, in files too: the suite's own, or what the journal tells. None where nothing was run.
    fn results(&self, outcome: &Outcome, took: Duration) -> Result<Option<Results>, Error> {
        let file = self.place.out.join("results.json");
        if let Err(why) = outcome {
            let first = why.lines().next().unwrap_or_default();
            let Some(results) = self.journal.results(first) else { return Ok(None) };
            outcome::write(&results, &self.place.out)?;
        }
        if file.is_file() { outcome::add_real_time(&file, took, &self.journal).map(Some) } else { Ok(None) }
    }
}

/// Moves the reports to where they are wanted: each file is there as a whole or not at all.
fn bring_back(out: &Path, to: &Path) -> Result<(), Error> {
    fs::create_dir_all(to).map_err(Error::path(to))?;
    // Those of an earlier run are not of this one.
    let _ = fs::remove_dir_all(to.join("captures"));
    for file in fs::read_dir(out).map_err(Error::path(out))?.flatten() {
        let (from, name) = (file.path(), file.file_name());
        if name == EXIT || name == JOURNAL {
            continue;
        }
        if from.is_dir() {
            bring_back(&from, &to.join(name))?;
            continue;
        }
        let beside = to.join(format!(".{}.{}.tmp", name.to_string_lossy(), std::process::id()));
        fs::copy(&from, &beside).map_err(Error::path(&beside))?;
        let to = to.join(name);
        fs::rename(&beside, &to).map_err(Error::path(&to))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_code_wins() {
        assert_eq!(worst(&[0, 77, 0]), 77);
        assert_eq!(worst(&[3, 1, 0]), 1);
        assert_eq!(worst(&[0, 3, 77]), 3);
        assert_eq!(worst(&[]), 0);
    }
}
