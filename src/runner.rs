//! Runs trials behind libtest-mimic, and turns what happens into one stream of events for a [`Reporter`].
//!
//! libtest-mimic lists and distributes trials over threads; it has no times, and it panics where its output fails. So
//! it runs on a thread of its own, prints nothing unless its formats were asked for, and results go past it through a
//! channel. Every repetition is one run of it, and results are merged by id: memory does not grow with `--repeat`.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Completion, Failed, FormatSetting, Trial};

use sockspec_harness::judge::verdict::{Finding, Kind, Verdict};
use sockspec_harness::platform::process::Nowhere;
use sockspec_harness::record::Record;
use sockspec_harness::results::TrialResult;

use crate::cli::{Color, Format};
use crate::error::Error;
use crate::exit::Gate;
use crate::report::failure::reason;
use crate::report::{Progress, Reporter};
use crate::select::{self, Slow};
use panics::Caught;

pub(crate) mod merge;
mod panics;

/// How many events may wait for the reporter.
const WAITING: usize = 256;
/// How often a reporter that wants it is told that time passes.
const TICK: Duration = Duration::from_millis(100);

/// A trial that can be run, as often as wanted.
#[derive(Clone)]
pub struct Job {
    /// Its id: `refused/closed-port[ipv4]`.
    pub id: String,
    /// It runs when slow trials are asked for, and else is left out.
    pub slow: bool,
    /// A time that it takes at least, as far as that is known. Those that take longest begin first.
    pub least: Duration,
    /// Runs it. A panic in here is a verdict: broken.
    pub run: Arc<dyn Fn() -> TrialResult + Send + Sync>,
}

/// Draws a result for libtest-mimic's own formats.
pub type Draw = Arc<dyn Fn(&TrialResult) -> String + Send + Sync>;

/// How jobs are run.
#[derive(Clone)]
pub struct RunOptions {
    /// How many at once; at least 1.
    pub jobs: usize,
    /// How often.
    pub repeat: u64,
    /// What becomes of slow ones.
    pub slow: Slow,
    /// What counts as a failure.
    pub gate: Gate,
    /// libtest-mimic prints to standard output, in this format.
    pub format: Option<Format>,
    /// For libtest-mimic's own formats.
    pub color: Color,
    /// For libtest-mimic's own formats.
    pub draw: Draw,
    /// Set by Ctrl-C: no new trial is taken.
    pub interrupted: Arc<AtomicBool>,
}

/// What became of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ran {
    /// The results, sorted by id.
    pub trials: Vec<TrialResult>,
    /// How many slow trials were left out.
    pub slow: u64,
    /// How many trials were not run, repetitions counted, because of Ctrl-C or because nobody reads the output any more.
    pub not_run: u64,
    /// Ctrl-C was pressed.
    pub interrupted: bool,
    /// How long it took.
    pub duration: Duration,
}

/// Runs the jobs. Whatever is finished is in the result; an error means that nothing sensible can be said.
pub fn run_jobs(jobs: Vec<Job>, options: &RunOptions, reporter: &mut dyn Reporter) -> Result<Ran, Error> {
    let begin = Instant::now();
    let runs = |job: &Job| match options.slow {
        Slow::LeaveOut => !job.slow,
        Slow::Include => true,
        Slow::Only => job.slow,
    };
    let (mut wanted, slow): (Vec<_>, Vec<_>) = jobs.into_iter().partition(runs);
    if options.jobs > 1 {
        wanted.sort_by_key(|job| Reverse(job.least));
    }
    // libtest's formats show slow trials as ignored; our own reporter counts them.
    let listed =
        if options.format.is_some() && options.slow == Slow::LeaveOut { slow.clone() } else { Vec::new() };
    let per_round = u64::try_from(wanted.len()).unwrap_or(u64::MAX);
    let mut state = State {
        progress: Progress { total: per_round.saturating_mul(options.repeat), ..Progress::default() },
        results: BTreeMap::new(),
        gate: options.gate,
        interrupted: Arc::clone(&options.interrupted),
        reporter,
    };
    let told = |told: std::io::Result<()>| told.map_err(|cause| Error::Stdout(cause.to_string()));
    panics::install();
    told(state.reporter.begin(&state.progress))?;
    let stop = Arc::new(AtomicBool::new(false));
    for _ in 0..options.repeat {
        if options.interrupted.load(Ordering::SeqCst) || stop.load(Ordering::SeqCst) {
            break;
        }
        round(&wanted, &listed, options, &stop, &mut state)?;
    }
    told(state.reporter.end(&state.progress))?;
    Ok(Ran {
        slow: u64::try_from(slow.len()).unwrap_or(u64::MAX),
        not_run: state.progress.total - state.progress.done,
        interrupted: options.interrupted.load(Ordering::SeqCst),
        trials: state.results.into_values().collect(),
        duration: begin.elapsed(),
    })
}

/// Prints the jobs as libtest does with `--list`, one a line.
pub fn list(jobs: &[Job], slow: Slow, out: &mut dyn std::io::Write) -> std::io::Result<()> {
    // Like libtest: slow ones are listed too, unless they alone are asked for.
    for job in jobs.iter().filter(|job| slow != Slow::Only || job.slow) {
        writeln!(out, "{}: test", job.id)?;
    }
    Ok(())
}

enum Event {
    Started,
    Finished(Box<TrialResult>),
}

struct State<'a> {
    progress: Progress,
    results: BTreeMap<String, TrialResult>,
    gate: Gate,
    interrupted: Arc<AtomicBool>,
    reporter: &'a mut dyn Reporter,
}

/// Runs every job once.
fn round(
    wanted: &[Job],
    listed: &[Job],
    options: &RunOptions,
    stop: &Arc<AtomicBool>,
    state: &mut State<'_>,
) -> Result<(), Error> {
    let (sender, receiver) = sync_channel(WAITING);
    let trials: Vec<Trial> = wanted
        .iter()
        .map(|job| trial(job.clone(), options, Arc::clone(stop), sender.clone()))
        .chain(listed.iter().map(|job| Trial::test(job.id.clone(), || Ok(())).with_ignored_flag(true)))
        .collect();
    // Only the trials' senders are left, so that the channel closes when the last of them is gone.
    drop(sender);
    // Where libtest-mimic writes what nobody wants to read.
    let nowhere = options.format.is_none().then(Nowhere::new);
    let arguments = Arguments {
        test_threads: Some(options.jobs.clamp(1, wanted.len().max(1))),
        // The least that it can print, where nobody reads it.
        format: Some(options.format.map_or(FormatSetting::Terse, Into::into)),
        logfile: nowhere.as_ref().map(|nowhere| nowhere.path().display().to_string()),
        color: Some(match options.color {
            Color::Auto => libtest_mimic::ColorSetting::Auto,
            Color::Always => libtest_mimic::ColorSetting::Always,
            Color::Never => libtest_mimic::ColorSetting::Never,
        }),
        ..Arguments::default()
    };
    let stop_printing = Arc::clone(stop);
    let runner = thread::Builder::new()
        .name("trials".into())
        .spawn(move || panics::catch(Some(stop_printing), || libtest_mimic::run(&arguments, trials)))
        .map_err(|cause| Error::Broken(format!("cannot start a thread: {cause}")))?;
    let followed = state.follow(&receiver);
    if followed.is_err() {
        stop.store(true, Ordering::SeqCst);
    }
    // Trials that are under way must not wait for a reader.
    drop(receiver);
    let ended = runner.join();
    drop(nowhere);
    match ended {
        Ok(Ok(_)) => {}
        Ok(Err(Caught { text, .. })) if text.contains("BrokenPipe") => {}
        Ok(Err(Caught { text, .. })) => return Err(Error::Stdout(words(&text).to_owned())),
        Err(_) => return Err(Error::Broken("the thread that runs trials has ended".to_owned())),
    }
    followed.map_err(|cause| Error::Stdout(cause.to_string()))
}

/// What the system said, out of the panic of an `unwrap`.
fn words(panic: &str) -> &str {
    let message = panic.split_once("message: \"").and_then(|(_, rest)| rest.split_once('"'));
    message.map_or(panic, |(message, _)| message)
}

/// The job as libtest-mimic wants it.
fn trial(job: Job, options: &RunOptions, stop: Arc<AtomicBool>, events: SyncSender<Event>) -> Trial {
    let (interrupted, gate, draw) =
        (Arc::clone(&options.interrupted), options.gate, Arc::clone(&options.draw));
    let prints = options.format.is_some();
    Trial::ignorable_test(job.id.clone(), move || {
        if interrupted.load(Ordering::SeqCst) || stop.load(Ordering::SeqCst) {
            return Ok(Completion::ignored_with("interrupted"));
        }
        // Where the other end has gone, an error stopped the run, and nobody asks.
        let _ = events.send(Event::Started);
        let result = panics::catch(None, || (job.run)()).unwrap_or_else(|caught| {
            let caught: Caught = caught;
            broken(&job.id, format!("the harness panicked: {caught}"))
        });
        let kind = result.verdict.kind;
        let said = if gate.fails(kind) {
            // Kept by libtest-mimic until its end, so made only where it is printed.
            Err(if prints { Failed::from(draw(&result)) } else { Failed::without_message() })
        } else if kind == Kind::Skip {
            Ok(Completion::ignored_with(reason(&result)))
        } else {
            Ok(Completion::Completed)
        };
        let _ = events.send(Event::Finished(Box::new(result)));
        said
    })
    .with_ignored_flag(false)
}

impl State<'_> {
    /// Takes events until all trials are gone.
    fn follow(&mut self, events: &Receiver<Event>) -> std::io::Result<()> {
        let ticks = self.reporter.wants_ticks();
        loop {
            let event = if ticks {
                events.recv_timeout(TICK)
            } else {
                events.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            self.progress.stopping = self.interrupted.load(Ordering::SeqCst);
            match event {
                Ok(Event::Started) => self.progress.running += 1,
                Ok(Event::Finished(result)) => self.finished(*result)?,
                Err(RecvTimeoutError::Timeout) => self.reporter.tick(&self.progress)?,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }

    fn finished(&mut self, result: TrialResult) -> std::io::Result<()> {
        let kind = result.verdict.kind;
        self.progress.running -= 1;
        self.progress.done += 1;
        self.progress.failed += u64::from(self.gate.fails(kind));
        let told = self.reporter.finished(&result, &self.progress);
        match self.results.get_mut(&result.id) {
            Some(before) => merge::merge(before, result, self.gate),
            None => {
                self.results.insert(result.id.clone(), result);
            }
        }
        told
    }
}

/// The result of a trial of which nothing is known but why it has none: it panicked, or the machine died under it.
#[must_use]
pub fn broken(id: &str, text: String) -> TrialResult {
    TrialResult {
        id: id.to_owned(),
        case: select::case(id).to_owned(),
        title: String::new(),
        axes: BTreeMap::new(),
        covers: Vec::new(),
        file: format!("{}.yaml", select::case(id)),
        line: 1,
        column: 1,
        steps: Vec::new(),
        runs: 1,
        also: BTreeMap::new(),
        real_duration: None,
        verdict: Verdict {
            kind: Kind::Broken,
            findings: vec![Finding {
                step: None,
                text,
                expected: None,
                observed: None,
                why: None,
                source: None,
            }],
        },
        record: Record::default(),
    }
}

#[cfg(test)]
mod tests;
