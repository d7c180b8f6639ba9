//! Tests of [`super`] with made-up jobs.

use std::sync::Mutex;
use std::sync::atomic::AtomicU64;

use super::*;
use crate::report::sample;

fn options() -> RunOptions {
    RunOptions {
        jobs: 4,
        repeat: 1,
        slow: Slow::LeaveOut,
        gate: Gate::default(),
        format: None,
        color: Color::Never,
        draw: Arc::new(|_| String::new()),
        interrupted: Arc::new(AtomicBool::new(false)),
    }
}

fn job(id: &str, run: impl Fn() -> TrialResult + Send + Sync + 'static) -> Job {
    Job { id: id.to_owned(), slow: false, least: Duration::ZERO, run: Arc::new(run) }
}

fn passing(id: &'static str) -> Job {
    job(id, move || sample::trial(id, Kind::Pass))
}

/// Keeps what it was told.
#[derive(Default)]
struct Told {
    begun: u64,
    finished: Vec<(String, Progress)>,
    ended: u64,
}

impl Reporter for Told {
    fn begin(&mut self, _: &Progress) -> std::io::Result<()> {
        self.begun += 1;
        Ok(())
    }
    fn finished(&mut self, result: &TrialResult, progress: &Progress) -> std::io::Result<()> {
        self.finished.push((result.id.clone(), *progress));
        Ok(())
    }
    fn end(&mut self, _: &Progress) -> std::io::Result<()> {
        self.ended += 1;
        Ok(())
    }
}

#[test]
fn every_job_is_run_and_told_once_a_repetition() {
    let jobs = vec![passing("b/b"), passing("a/a"), passing("c/c")];
    let mut told = Told::default();
    let ran = run_jobs(jobs, &RunOptions { repeat: 5, ..options() }, &mut told).unwrap();
    assert_eq!(
        ran.trials.iter().map(|t| (t.id.as_str(), t.runs)).collect::<Vec<_>>(),
        [("a/a", 5), ("b/b", 5), ("c/c", 5)]
    );
    assert_eq!((told.begun, told.finished.len(), told.ended), (1, 15, 1));
    let last = told.finished.last().unwrap().1;
    assert_eq!(last, Progress { total: 15, done: 15, running: 0, failed: 0, stopping: false });
    assert!(!ran.interrupted);
    assert_eq!(ran.not_run, 0);
}

#[test]
fn a_panic_is_a_verdict() {
    let jobs = vec![passing("a/a"), job("a/b[c]", || panic!("no {}", "way"))];
    for jobs_at_once in [1, 4] {
        let ran =
            run_jobs(jobs.clone(), &RunOptions { jobs: jobs_at_once, ..options() }, &mut Told::default())
                .unwrap();
        let broken = &ran.trials[1];
        assert_eq!(broken.verdict.kind, Kind::Broken);
        assert_eq!(broken.file, "a/b.yaml");
        let text = &broken.verdict.findings[0].text;
        assert!(text.starts_with("the harness panicked: no way (") && text.contains("tests.rs"), "{text}");
        assert_eq!(ran.trials[0].verdict.kind, Kind::Pass);
    }
}

#[test]
fn the_worst_of_several_runs_is_kept() {
    let count = AtomicU64::new(0);
    let flaky = job("a/b", move || {
        let n = count.fetch_add(1, Ordering::SeqCst);
        sample::trial("a/b", if n == 3 { Kind::Fail } else { Kind::Pass })
    });
    let ran = run_jobs(vec![flaky], &RunOptions { repeat: 10, ..options() }, &mut Told::default()).unwrap();
    assert_eq!(ran.trials[0].verdict.kind, Kind::Fail);
    assert_eq!(ran.trials[0].also["pass"], 9);
}

#[test]
fn an_interrupted_run_keeps_what_is_finished() {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    let stopping = job("a/b", move || {
        flag.store(true, Ordering::SeqCst);
        sample::trial("a/b", Kind::Pass)
    });
    let options = RunOptions { jobs: 1, repeat: 3, interrupted, ..options() };
    let ran =
        run_jobs(vec![passing("a/a"), stopping, passing("a/c")], &options, &mut Told::default()).unwrap();
    assert_eq!(ran.trials.iter().map(|t| t.id.as_str()).collect::<Vec<_>>(), ["a/a", "a/b"]);
    assert!(ran.interrupted);
    assert_eq!(ran.not_run, 7);
}

#[test]
fn slow_jobs_run_when_asked_for() {
    let jobs = vec![passing("a/a"), Job { slow: true, ..passing("a/slow") }];
    let ids = |slow| {
        let ran = run_jobs(jobs.clone(), &RunOptions { slow, ..options() }, &mut Told::default()).unwrap();
        (ran.trials.iter().map(|t| t.id.clone()).collect::<Vec<_>>(), ran.slow)
    };
    assert_eq!(ids(Slow::LeaveOut), (vec!["a/a".into()], 1));
    assert_eq!(ids(Slow::Include), (vec!["a/a".into(), "a/slow".into()], 0));
    assert_eq!(ids(Slow::Only).0, ["a/slow"]);
}

#[test]
fn jobs_run_at_the_same_time() {
    // Each waits until all four are there, which ends only if they run at once.
    let barrier = Arc::new(std::sync::Barrier::new(4));
    let jobs = ["a/a", "a/b", "a/c", "a/d"].map(|id| {
        let barrier = Arc::clone(&barrier);
        job(id, move || {
            barrier.wait();
            sample::trial(id, Kind::Pass)
        })
    });
    let ran = run_jobs(jobs.into(), &options(), &mut Told::default()).unwrap();
    assert_eq!(ran.trials.len(), 4);
}

#[test]
fn a_reporter_that_cannot_write_stops_the_run() {
    struct Full(Arc<Mutex<u64>>);
    impl Reporter for Full {
        fn finished(&mut self, _: &TrialResult, _: &Progress) -> std::io::Result<()> {
            *self.0.lock().unwrap() += 1;
            Err(std::io::Error::from(std::io::ErrorKind::StorageFull))
        }
    }
    let calls = Arc::new(Mutex::new(0));
    let jobs = (0..2000).map(|n| passing(Box::leak(format!("a/{n}").into_boxed_str()))).collect();
    let error =
        run_jobs(jobs, &RunOptions { repeat: 100, ..options() }, &mut Full(Arc::clone(&calls))).unwrap_err();
    assert_eq!(error.exit().code(), 3);
    assert_eq!(*calls.lock().unwrap(), 1);
}

#[test]
fn a_list_is_as_libtest_prints_it() {
    let jobs = vec![passing("a/a[b]"), Job { slow: true, ..passing("a/slow") }];
    let text = |slow| {
        let mut out = Vec::new();
        list(&jobs, slow, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    assert_eq!(text(Slow::LeaveOut), "a/a[b]: test\na/slow: test\n");
    assert_eq!(text(Slow::Only), "a/slow: test\n");
}
