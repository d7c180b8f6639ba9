//! What is written while trials run: each failure in full when it happens, and on a terminal one status line.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use sockspec_harness::results::TrialResult;

use super::failure::render;
use super::{Context, Progress, Reporter};
use crate::exit::Gate;

/// The status line is not written more often than this.
const PAUSE: Duration = Duration::from_millis(100);
/// Back to the begin of the line, and clear what stood there.
const CLEAR: &str = "\r\x1b[K";

/// Writes failures to one writer, and the status line to another.
pub struct Live<'c, 'w> {
    context: Context<'c>,
    gate: Gate,
    /// Failures.
    out: &'w mut dyn Write,
    /// The status line, where there is a terminal.
    status: Option<Box<dyn Write + 'w>>,
    shown: bool,
    last: Option<Instant>,
    /// Trials that were drawn: with `--repeat` once is enough.
    drawn: BTreeSet<String>,
}

impl<'c, 'w> Live<'c, 'w> {
    /// Writes failures to `out`. `status` is given if it is a terminal.
    pub fn new(
        context: Context<'c>,
        gate: Gate,
        out: &'w mut dyn Write,
        status: Option<Box<dyn Write + 'w>>,
    ) -> Self {
        Self { context, gate, out, status, shown: false, last: None, drawn: BTreeSet::new() }
    }

    fn clear(&mut self) -> io::Result<()> {
        if let Some(status) = self.status.as_mut().filter(|_| self.shown) {
            status.write_all(CLEAR.as_bytes())?;
            status.flush()?;
            self.shown = false;
        }
        Ok(())
    }

    fn show(&mut self, progress: &Progress) -> io::Result<()> {
        let Some(status) = &mut self.status else { return Ok(()) };
        if self.last.is_some_and(|last| last.elapsed() < PAUSE) {
            return Ok(());
        }
        self.last = Some(Instant::now());
        self.shown = true;
        write!(status, "{CLEAR}{}", line(progress))?;
        status.flush()
    }
}

impl Reporter for Live<'_, '_> {
    fn begin(&mut self, progress: &Progress) -> io::Result<()> {
        self.show(progress)
    }

    fn finished(&mut self, result: &TrialResult, progress: &Progress) -> io::Result<()> {
        let kind = result.verdict.kind;
        let bad = self.gate.fails(kind);
        if bad && self.drawn.insert(result.id.clone()) {
            self.clear()?;
            writeln!(self.out, "{}", render(result, &self.context, true))?;
            self.out.flush()?;
        }
        self.show(progress)
    }

    fn tick(&mut self, progress: &Progress) -> io::Result<()> {
        self.show(progress)
    }

    fn wants_ticks(&self) -> bool {
        self.status.is_some()
    }

    fn end(&mut self, _: &Progress) -> io::Result<()> {
        self.clear()
    }
}

fn line(progress: &Progress) -> String {
    let Progress { total, done, running, failed, stopping } = progress;
    if *stopping {
        return format!("stopping: {running} trials are still running; Ctrl-C again ends at once");
    }
    let failures = match failed {
        0 => String::new(),
        1 => ", 1 failure".to_owned(),
        n => format!(", {n} failures"),
    };
    format!("{done}/{total} trials, {running} running{failures}")
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, Files};
    use super::*;
    use sockspec_harness::judge::verdict::Kind;

    #[test]
    fn a_failure_is_drawn_once_and_the_status_line_is_gone_at_the_end() {
        let (mut out, mut status) = (Vec::new(), Vec::new());
        let context = Context { files: &Files, command: "sockspec --target localhost", captures: None };
        let mut live = Live::new(context, Gate::default(), &mut out, Some(Box::new(&mut status)));
        let progress = Progress { total: 3, done: 1, running: 2, failed: 1, stopping: false };
        live.begin(&Progress { total: 3, ..Progress::default() }).unwrap();
        live.finished(&sample::trial("a/b", Kind::Pass), &progress).unwrap();
        live.finished(&sample::refused(), &progress).unwrap();
        live.finished(&sample::refused(), &progress).unwrap();
        live.end(&progress).unwrap();
        drop(live);
        let (out, status) = (String::from_utf8(out).unwrap(), String::from_utf8(status).unwrap());
        assert_eq!(out.matches("refused/closed-port[ipv4]\u{1b}[0m: ").count(), 1, "{out}");
        assert_eq!(
            status,
            format!("{CLEAR}0/3 trials, 0 running{CLEAR}"),
            "not more than ten times a second"
        );
    }

    #[test]
    fn the_line_says_what_matters() {
        let mut progress = Progress { total: 30, done: 12, running: 8, failed: 1, stopping: false };
        assert_eq!(line(&progress), "12/30 trials, 8 running, 1 failure");
        progress.stopping = true;
        assert_eq!(line(&progress), "stopping: 8 trials are still running; Ctrl-C again ends at once");
    }
}
