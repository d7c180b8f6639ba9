//! What became of a run: the results that the suite wrote, or what its journal tells where it never came to that.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::{Duration, Instant};

use sockspec::captures::Captures;
use sockspec::cases::{Files, origin};
use sockspec::cli::{Cli, JunitFlavour};
use sockspec::exit::Gate;
use sockspec::journal::Line;
use sockspec::output::Target;
use sockspec::report::{Context, json, junit};
use sockspec::runner::broken;
use sockspec_harness::platform::Platform;
use sockspec_harness::results::{FORMAT, Results, TrialResult};

use crate::error::Error;

/// What a journal tells so far.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    /// How much of the file was read.
    read: u64,
    /// The first line: the platform, when the run began, and the trials.
    pub head: Option<(Box<Platform>, String, Vec<String>)>,
    /// The trials that were begun and are not over.
    pub under_way: Vec<String>,
    /// The results so far.
    pub results: Vec<TrialResult>,
    /// When a trial was seen to begin.
    began: HashMap<String, Instant>,
}

impl Journal {
    /// Reads what has come since the last time. A line that is not whole yet is left.
    pub fn follow(&mut self, path: &Path) {
        let mut new = Vec::new();
        let read = File::open(path).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.read))?;
            file.read_to_end(&mut new)
        });
        // It may not be there yet.
        if read.is_err() {
            return;
        }
        let Some(end) = new.iter().rposition(|byte| *byte == b'\n') else { return };
        for line in new[..end].split(|byte| *byte == b'\n') {
            // A line that was damaged when the machine died tells nothing.
            if let Ok(line) = serde_json::from_slice(line) {
                self.take(line);
            }
        }
        self.read += end as u64 + 1;
    }

    fn take(&mut self, line: Line) {
        match line {
            Line::Run { platform, started, trials } => self.head = Some((platform, started, trials)),
            Line::Started(id) => {
                self.began.insert(id.clone(), Instant::now());
                self.under_way.push(id);
            }
            Line::Finished(mut result) => {
                self.under_way.retain(|id| *id != result.id);
                result.real_duration = self.began.remove(&result.id).map(|began| nanos(began.elapsed()));
                self.results.push(*result);
            }
        }
    }

    /// The results of a run that did not come to its end: what is finished is as it is, the others are broken.
    #[must_use]
    pub fn results(&self, why: &str) -> Option<Results> {
        let (platform, started, trials) = self.head.clone()?;
        let mut results = self.results.clone();
        let missing = trials.iter().filter(|id| !results.iter().any(|result| result.id == **id));
        let unfinished: Vec<_> = missing
            .map(|id| {
                let when =
                    if self.under_way.contains(id) { "while it was running" } else { "before it was run" };
                broken(id, format!("{why} {when}"))
            })
            .collect();
        results.extend(unfinished);
        results.sort_by(|a, b| a.id.cmp(&b.id));
        let duration = results.iter().map(|result| result.record.duration).sum();
        Some(Results {
            format: FORMAT,
            sockspec: env!("CARGO_PKG_VERSION").to_owned(),
            started,
            duration,
            real_duration: None,
            part: None,
            not_run: 0,
            platform: *platform,
            trials: results,
        })
    }
}

/// Adds the time that a run took outside to its results, and that of each trial.
pub fn add_real_time(file: &Path, took: Duration, journal: &Journal) -> Result<Results, Error> {
    let text = fs::read(file).map_err(Error::path(file))?;
    let mut results: Results = serde_json::from_slice(&text)
        .map_err(|error| Error::Failed(format!("{}: {error}", file.display())))?;
    results.real_duration = Some(nanos(took));
    let times: HashMap<_, _> =
        journal.results.iter().map(|result| (result.id.as_str(), result.real_duration)).collect();
    for trial in &mut results.trials {
        trial.real_duration = times.get(trial.id.as_str()).copied().flatten();
    }
    Target::prepare(file)
        .and_then(|target| target.write(|out| json::write(&results, out)))
        .map_err(failed)?;
    Ok(results)
}

/// A time as results have it.
#[must_use]
pub fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Writes the reports of results that the suite did not come to write.
pub fn write(results: &Results, folder: &Path) -> Result<(), Error> {
    let cli = Cli::read(["sockspec"]).map_err(|error| Error::Failed(error.to_string()))?;
    let files = Files(origin(&cli.common));
    let context = Context { files: &files, command: "sockspec-lab run", captures: None::<&Captures> };
    let (gate, flavour) = (Gate::default(), JunitFlavour::default());
    let target = |name| Target::prepare(&folder.join(name));
    target("results.json")
        .and_then(|target| target.write(|out| json::write(results, out)))
        .map_err(failed)?;
    let junit = |target: Target| target.write(|out| junit::write(results, &context, &gate, flavour, out));
    target("junit.xml").and_then(junit).map_err(failed)
}

fn failed(error: sockspec::error::Error) -> Error {
    Error::Failed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use sockspec_harness::judge::verdict::Kind;
    use std::io::Write;

    const HEAD: &str = r#"{"run":{"platform":{"os":"linux","version":"6.1","version_text":"6.1.0","stack":"native",
        "arch":"x86_64","families":[],"oracle":"sock_diag","network":"own namespace","offers":[],"settings":{},
        "privileges":"root"},"started":"2026-11-25T02:50:20Z","trials":["a/a","a/b","a/c"]}}"#;

    #[test]
    fn a_crash_costs_what_was_not_finished() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut file = File::create(&path).unwrap();
        let finished =
            serde_json::to_string(&Line::Finished(Box::new(broken("a/a", String::new())))).unwrap();
        write!(file, "{}\n{{\"started\":\"a/a\"}}\n{finished}\n", HEAD.replace('\n', "")).unwrap();
        let mut journal = Journal::default();
        journal.follow(&path);
        assert_eq!((journal.results.len(), journal.under_way.len()), (1, 0));
        write!(file, "{{\"started\":\"a/b\"}}\n{{\"finished\":{{\"id\":\"a/b").unwrap();
        journal.follow(&path);
        journal.follow(&path);
        let results = journal.results("the stack crashed").unwrap();
        let told: Vec<_> = results
            .trials
            .iter()
            .map(|trial| (trial.id.as_str(), trial.verdict.kind, trial.verdict.findings[0].text.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("a/a", Kind::Broken, ""),
                ("a/b", Kind::Broken, "the stack crashed while it was running"),
                ("a/c", Kind::Broken, "the stack crashed before it was run"),
            ]
        );
        write(&results, folder.path()).unwrap();
        let junit = fs::read_to_string(folder.path().join("junit.xml")).unwrap();
        assert_eq!(junit.matches("<error ").count(), 3, "{junit}");
        let file = folder.path().join("results.json");
        let took = add_real_time(&file, Duration::from_secs(2), &journal).unwrap();
        assert_eq!(took.real_duration, Some(2_000_000_000));
        let real: Vec<_> = took.trials.iter().map(|trial| trial.real_duration.is_some()).collect();
        assert_eq!(real, [true, false, false]);
    }
}
