//! Running the suite from selected jobs to reports and exit code. Where the jobs come from is not known here.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use sockspec_harness::judge::verdict::Kind;
use sockspec_harness::platform::Platform;
use sockspec_harness::results::{FORMAT, Results};

use crate::cli::Cli;
use crate::error::Error;
use crate::exit::{Exit, Gate};
use crate::journal::{Journal, Line};
use crate::report::files::Files as ReportFiles;
use crate::report::github::Github;
use crate::report::live::Live;
use crate::report::time::{human, rfc3339};
use crate::report::{CaseFiles, Context, Progress, Reporter, failure, summary};
use crate::runner::{self, Job, RunOptions};
use crate::select::Slow;

/// What can be run here.
pub struct Suite {
    /// A job for each trial, in the order of ids. Which of them are wanted is decided here.
    pub jobs: Vec<Job>,
    /// The cases that are wrong. Each has a job that says so.
    pub wrong: BTreeSet<String>,
    /// The machine.
    pub platform: Platform,
    /// The text of the cases.
    pub files: Arc<dyn CaseFiles + Send + Sync>,
}

/// Where text goes.
pub struct Streams<'a> {
    /// Results, with escapes for colours: the writer strips them where they are not wanted.
    pub out: &'a mut dyn Write,
    /// Messages about the run itself.
    pub err: &'a mut dyn Write,
    /// The status line, where there is a terminal.
    pub status: Option<Box<dyn Write + 'a>>,
}

/// Runs what the command line asks for. Paths are tried before anything is loaded, so that a wrong one fails at once.
pub fn run(
    cli: &Cli,
    interrupted: Arc<AtomicBool>,
    load: impl FnOnce() -> Result<Suite, Error>,
    streams: Streams<'_>,
) -> Result<Exit, Error> {
    let reports = if cli.run.list { ReportFiles::default() } else { ReportFiles::prepare(&cli.run.reports)? };
    let journal = journal(cli)?;
    let Suite { jobs, wrong, platform, files } = load()?;
    let Streams { out, err, status } = streams;
    let selection = cli.run.selection();
    let selected = selection.select(jobs.iter().map(|job| (job.id.as_str(), job.slow)));
    if !cli.run.list {
        for pattern in &selected.unmatched {
            // A message that cannot be written changes nothing.
            let _ = writeln!(err, "sockspec: no trial matches `{pattern}`; `sockspec --list` shows them all");
        }
    }
    let part = cli.run.partition;
    let of_part = |job: &&Job| part.is_none_or(|part| part.has(&job.id));
    // A part may have nothing to do; a run has.
    let empty_is_fine = part.is_some() && !selected.at.is_empty();
    let jobs: Vec<Job> = selected.at.iter().map(|at| &jobs[*at]).filter(of_part).cloned().collect();
    if cli.run.list {
        runner::list(&jobs, selection.slow, out).and_then(|()| out.flush()).map_err(stdout)?;
        return Ok(Exit::AsRecorded);
    }
    let command = cli.run.repeat_command(&cli.common);
    let captures = cli.run.captures();
    let context = || Context { files: &*files, command: &command, captures: captures.as_ref() };
    let gate = cli.run.gate();
    let gate = Gate { empty_is_fine: gate.empty_is_fine || empty_is_fine, ..gate };
    let started = rfc3339(SystemTime::now());
    let jobs = match journal {
        Some(journal) => journaled(jobs, selection.slow, &platform, &started, &journal),
        None => jobs,
    };
    let options = options(cli, interrupted, &files, &command, selection.slow, gate);
    let ran = if cli.run.format.is_some() {
        runner::run_jobs(jobs, &options, &mut Silent)?
    } else {
        runner::run_jobs(jobs, &options, &mut Live::new(context(), gate, out, status))?
    };
    let results = Results {
        format: FORMAT,
        sockspec: env!("CARGO_PKG_VERSION").to_owned(),
        started,
        duration: u64::try_from(ran.duration.as_nanos()).unwrap_or(u64::MAX),
        part,
        not_run: ran.not_run,
        real_duration: None,
        platform,
        trials: ran.trials,
    };
    let wrong_run = results.trials.iter().filter(|trial| wrong.contains(&trial.id)).count();
    let mut exit = match (ran.interrupted, wrong_run) {
        (true, _) => Exit::Interrupted,
        (false, 0) if ran.not_run == 0 => gate.exit(&results.trials),
        // The reader of the output has left.
        (false, 0) => gate.exit(&results.trials).unless_good(Exit::Broken),
        // Whatever else came out, the run says less than it should.
        (false, _) => Exit::Wrong,
    };
    let shown = summary::Options {
        verbose: cli.common.verbose,
        quiet: cli.common.quiet,
        gate,
        slow: ran.slow,
        reports: reports.folder.clone(),
    };
    // What other formats print is read by programs.
    let github =
        if cli.run.format.is_none() { Github::find(cli.run.reports.github) } else { Github::default() };
    if let Err(error) = github.summarise(&results, &context(), &shown) {
        // The file is of the machine around us, and may not be there in a container or a virtual machine.
        let _ = writeln!(err, "sockspec: {error}");
    }
    for error in reports.write(&results, &context(), gate) {
        let _ = writeln!(err, "sockspec: {error}");
        exit = exit.unless_good(error.exit());
    }
    if cli.run.format.is_none() {
        github.annotate(&results, &context(), &gate, out).map_err(stdout)?;
        summary::write(&results, &context(), &shown, out).and_then(|()| out.flush()).map_err(stdout)?;
    }
    tell_wrong(wrong_run, wrong.len() - wrong_run, err);
    if results.not_run > 0 && !ran.interrupted {
        let _ = writeln!(err, "sockspec: nobody reads the output any more; {} not run", results.not_run);
    }
    if exit == Exit::Broken && results.trials.iter().all(|trial| trial.verdict.kind == Kind::Skip) {
        let _ =
            writeln!(err, "sockspec: nothing was run in {}, so nothing is known", human(results.duration));
    }
    Ok(exit)
}

/// What the cases that are wrong mean for the run: an incomplete answer, or nothing where they were not asked for.
fn tell_wrong(run: usize, left_out: usize, err: &mut dyn Write) {
    let cases = |n: usize| if n == 1 { "1 case is".to_owned() } else { format!("{n} cases are") };
    // A message that cannot be written changes nothing.
    let _ = match (run, left_out) {
        (0, 0) => Ok(()),
        (0, n) => writeln!(err, "sockspec: {} wrong and left out; `sockspec check` shows why", cases(n)),
        (n, _) => {
            writeln!(err, "sockspec: {} wrong, so not all was tested; `sockspec check` shows why", cases(n))
        }
    };
}

fn journal(cli: &Cli) -> Result<Option<Arc<Journal>>, Error> {
    let Some(path) = cli.run.journal.as_ref().filter(|_| !cli.run.list) else { return Ok(None) };
    let journal = Journal::create(path).map_err(|cause| Error::Path { path: path.clone(), cause })?;
    Ok(Some(Arc::new(journal)))
}

/// The jobs, each of which tells the journal of itself.
fn journaled(
    jobs: Vec<Job>,
    slow: Slow,
    platform: &Platform,
    started: &str,
    journal: &Arc<Journal>,
) -> Vec<Job> {
    let wanted = jobs.iter().filter(|job| slow != Slow::LeaveOut || !job.slow);
    journal.write(&Line::Run {
        platform: Box::new(platform.clone()),
        started: started.to_owned(),
        trials: wanted.map(|job| job.id.clone()).collect(),
    });
    jobs.into_iter().map(|job| journal.told(job)).collect()
}

fn stdout(cause: io::Error) -> Error {
    Error::Stdout(cause.to_string())
}

fn options(
    cli: &Cli,
    interrupted: Arc<AtomicBool>,
    files: &Arc<dyn CaseFiles + Send + Sync>,
    command: &str,
    slow: Slow,
    gate: Gate,
) -> RunOptions {
    let (files, command, captures) = (Arc::clone(files), command.to_owned(), cli.run.captures());
    RunOptions {
        jobs: cli.run.jobs,
        repeat: cli.run.repeat,
        slow,
        gate,
        format: cli.run.format,
        color: cli.common.color,
        draw: Arc::new(move |result| {
            let context = Context { files: &*files, command: &command, captures: captures.as_ref() };
            failure::render(result, &context, false)
        }),
        interrupted,
    }
}

/// Where libtest-mimic prints, nobody else does.
struct Silent;

impl Reporter for Silent {
    fn end(&mut self, _: &Progress) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{self, Files};
    use tempfile::tempdir;

    struct Done {
        exit: Result<Exit, Error>,
        out: String,
        err: String,
    }

    fn suite() -> Suite {
        let job = |id: &str, kind| {
            let trial = if kind == Kind::Fail { sample::refused() } else { sample::trial(id, kind) };
            Job {
                id: trial.id.clone(),
                slow: false,
                least: std::time::Duration::ZERO,
                run: Arc::new(move || trial.clone()),
            }
        };
        let mut jobs = vec![
            job("backlog/order[ipv4]", Kind::Pass),
            job("backlog/order[ipv6]", Kind::Skip),
            job("", Kind::Fail),
            job("time-wait/lasts", Kind::Pass),
        ];
        jobs[3].slow = true;
        let platform = sample::results(Vec::new()).platform;
        Suite { jobs, wrong: BTreeSet::new(), platform, files: Arc::new(Files) }
    }

    fn command(args: &[&str]) -> Done {
        with(args, suite())
    }

    fn with(args: &[&str], suite: Suite) -> Done {
        let cli = Cli::read(std::iter::once("sockspec").chain(args.iter().copied())).unwrap();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let exit = run(
            &cli,
            Arc::default(),
            || Ok(suite),
            Streams { out: &mut anstream::StripStream::new(&mut out), err: &mut err, status: None },
        );
        Done { exit, out: String::from_utf8(out).unwrap(), err: String::from_utf8(err).unwrap() }
    }

    #[test]
    fn a_run_writes_its_reports_and_tells_its_failures() {
        let folder = tempdir().unwrap();
        let reports = folder.path().join("reports/latest");
        let done = command(&["--report-dir", reports.to_str().unwrap()]);
        assert_eq!(done.exit.unwrap(), Exit::NotAsRecorded);
        assert!(done.out.starts_with("refused/closed-port[ipv4]: fail\n"), "{}", done.out);
        assert!(done.out.contains("3 trials: 1 pass, 1 skip, 1 fail; 1 slow left out"), "{}", done.out);
        assert_eq!(done.err, "");
        let json = std::fs::read_to_string(reports.join("results.json")).unwrap();
        let results: Results = serde_json::from_str(&json).unwrap();
        let ids: Vec<_> = results.trials.iter().map(|trial| trial.id.as_str()).collect();
        assert_eq!(ids, ["backlog/order[ipv4]", "backlog/order[ipv6]", "refused/closed-port[ipv4]"]);
        assert!(std::fs::read_to_string(reports.join("junit.xml")).unwrap().contains("<failure "));
        assert_eq!(std::fs::read_dir(&reports).unwrap().count(), 2);
    }

    #[test]
    fn what_ran_decides() {
        let exit = |args: &[&str]| command(&[&["--no-reports"], args].concat()).exit.unwrap();
        assert_eq!(exit(&["backlog"]), Exit::AsRecorded);
        assert_eq!(exit(&["backlog", "--deny", "skip"]), Exit::NotAsRecorded);
        assert_eq!(exit(&["--ignored"]), Exit::AsRecorded);
        assert_eq!(exit(&["time-wait"]), Exit::Broken, "it is slow, so nothing was run");
        assert_eq!(exit(&["ipv6"]), Exit::Broken);
    }

    #[test]
    fn a_wrong_case_decides_only_where_it_was_asked_for() {
        let with_wrong = || {
            let wrong = sample::trial("udp/odd", Kind::Broken);
            let mut suite = suite();
            suite.wrong.insert(wrong.id.clone());
            suite.jobs.push(Job {
                id: wrong.id.clone(),
                slow: false,
                least: std::time::Duration::ZERO,
                run: Arc::new(move || wrong.clone()),
            });
            suite
        };
        let done = with(&["--no-reports"], with_wrong());
        assert_eq!(done.exit.unwrap(), Exit::Wrong, "though a behaviour is not as recorded as well");
        assert!(done.err.contains("1 case is wrong, so not all was tested"), "{}", done.err);
        assert!(done.out.contains("4 trials: 1 pass, 1 skip, 1 fail, 1 broken"), "{}", done.out);
        let done = with(&["--no-reports", "backlog"], with_wrong());
        assert_eq!(done.exit.unwrap(), Exit::AsRecorded);
        assert!(done.err.contains("1 case is wrong and left out"), "{}", done.err);
    }

    #[test]
    fn a_filter_that_matches_nothing_is_told() {
        let done = command(&["--no-reports", "acept"]);
        assert_eq!(done.exit.unwrap(), Exit::Broken);
        assert!(
            done.err.contains("no trial matches `acept`") && done.err.contains("nothing was run"),
            "{}",
            done.err
        );
    }

    #[test]
    fn a_list_runs_nothing_and_writes_nothing() {
        let done = command(&["--list", "--format", "terse", "--report-dir", "/dev/null/nowhere", "ipv4"]);
        assert_eq!(done.exit.unwrap(), Exit::AsRecorded);
        assert_eq!(done.out, "backlog/order[ipv4]: test\nrefused/closed-port[ipv4]: test\n");
        assert_eq!(command(&["--list", "--ignored"]).out, "time-wait/lasts: test\n");
    }

    #[test]
    fn a_wrong_path_fails_before_anything_is_loaded() {
        let folder = tempdir().unwrap();
        let cli =
            Cli::read(["sockspec", "--no-reports", "--junit", folder.path().to_str().unwrap()]).unwrap();
        let exit = run(
            &cli,
            Arc::default(),
            || panic!("loaded"),
            Streams { out: &mut io::sink(), err: &mut io::sink(), status: None },
        );
        assert_eq!(exit.unwrap_err().exit(), Exit::Wrong);
    }

    #[test]
    fn a_full_disk_is_told_and_fails() {
        if !std::path::Path::new("/dev/full").exists() {
            return;
        }
        let done = command(&["--no-reports", "--json", "/dev/full", "backlog"]);
        assert_eq!(done.exit.unwrap(), Exit::Broken);
        assert_eq!(
            done.err,
            "sockspec: the report /dev/full was not written: No space left on device (os error 28)\n"
        );
    }
}
