//! What a stand-in (Wine, gVisor) is known to do in place of the system whose behaviour is expected of it.
//!
//! An entry says which trials fail, at which step, and what comes out instead. A trial that fails exactly so is known;
//! one that fails otherwise has failed; one that does not fail is fixed, and its entry has to go, unless it says that
//! this comes and goes: then the trial counts as any other. Trials that end the stand-in itself are known as well, and
//! not run, since they would take all others with them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::verdict::{Finding, Kind, Verdict};
use crate::case::trial::Trial;
use crate::glob::glob;
use crate::judge;
use crate::record::Record;

/// A file of `deviations/`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deviations {
    /// The stand-in: the first word of a platform's `stack`.
    pub stack: String,
    /// What it is, and where its bugs are told.
    pub about: String,
    /// What it does.
    pub deviations: Vec<Deviation>,
}

/// One thing that a stand-in does.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deviation {
    /// The ids of cases, or patterns of `*` and `?`.
    pub cases: Vec<String>,
    /// Only in these rows: `{axis: [row, row]}`.
    #[serde(default, rename = "where")]
    pub rows: BTreeMap<String, Vec<String>>,
    /// The step that fails, in words as a transcript shows it, or a pattern.
    pub step: String,
    /// What comes out of it instead, as a transcript shows it, or patterns: one of these.
    #[serde(default)]
    pub outcome: Vec<String>,
    /// The stand-in itself ends instead, with all that runs in it.
    #[serde(default)]
    pub fatal: bool,
    /// It comes and goes: a trial that does not fail is as good as one of the system itself.
    #[serde(default)]
    pub at_times: bool,
    /// Why.
    pub why: String,
    /// The version in which it was seen first.
    pub since: String,
    /// Where it is told.
    #[serde(default)]
    pub link: Option<String>,
}

impl Deviations {
    /// Reads a file.
    pub fn read(text: &str) -> Result<Self, serde_yaml::Error> {
        let read: Self = serde_yaml::from_str(text)?;
        // One of both: an outcome is matched with what a run gave, and what is fatal is not run.
        match read.deviations.iter().find(|entry| entry.fatal != entry.outcome.is_empty()) {
            None => Ok(read),
            Some(entry) => {
                let text = format!("{}: an entry has an `outcome`, or is `fatal`", entry.cases.join(", "));
                Err(serde::de::Error::custom(text))
            }
        }
    }

    /// The verdict on a trial that must not be run.
    #[must_use]
    pub fn spare(&self, trial: &Trial) -> Option<Verdict> {
        let entry = self.deviations.iter().find(|entry| entry.fatal && entry.covers(trial))?;
        let text = format!("not run: `{}` would end {} itself", entry.step, self.stack);
        let finding = Finding { step: None, text, expected: None, observed: None, why: None, source: None };
        Some(known(entry, Verdict { kind: Kind::Fail, findings: vec![finding] }))
    }

    /// The verdict on a trial of the stand-in, from what it would be on the system itself.
    #[must_use]
    pub fn apply(&self, trial: &Trial, record: &Record, verdict: Verdict) -> Verdict {
        let entries: Vec<_> = self.deviations.iter().filter(|entry| entry.covers(trial)).collect();
        match verdict.kind {
            Kind::Fail => match entries.iter().find(|entry| entry.explains(trial, record)) {
                Some(entry) => known(entry, verdict),
                None => verdict,
            },
            Kind::Pass | Kind::Deviates | Kind::Observed => {
                match entries.iter().find(|entry| !entry.at_times) {
                    Some(entry) => fixed(entry, &self.stack),
                    None => verdict,
                }
            }
            Kind::Known | Kind::Skip | Kind::Fixed | Kind::Broken => verdict,
        }
    }
}

impl Deviation {
    /// Whether the entry is about that trial.
    #[must_use]
    pub fn covers(&self, trial: &Trial) -> bool {
        any(&self.cases, &trial.case.id)
            && self.rows.iter().all(|(axis, rows)| trial.axes.get(axis).is_some_and(|row| any(rows, row)))
    }

    /// Whether the trial failed at the step, and with the outcome, that the entry names. Where the outcome is right and
    /// its time is not, it is `OUTCOME too soon` or `OUTCOME too late`.
    fn explains(&self, trial: &Trial, record: &Record) -> bool {
        let Some(last) = record.steps.last() else { return false };
        let Some((step, told)) = trial.steps.get(last.step).zip(told(trial, record, record.steps.len() - 1))
        else {
            return false;
        };
        glob(&self.step, &step.text) && any(&self.outcome, &told)
    }
}

/// What came out of a step, as an entry tells it.
#[must_use]
pub fn told(trial: &Trial, record: &Record, index: usize) -> Option<String> {
    let outcome = record.steps.get(index)?.outcome.as_ref()?;
    Some(match judge::untimely(trial, record, index) {
        Some(time) => format!("{outcome} too {time}"),
        None => outcome.to_string(),
    })
}

fn any(patterns: &[String], text: &str) -> bool {
    patterns.iter().any(|pattern| glob(pattern, text))
}

fn known(entry: &Deviation, mut verdict: Verdict) -> Verdict {
    verdict.kind = Kind::Known;
    for finding in &mut verdict.findings {
        finding.why = Some(format!("{} (since {})", entry.why, entry.since));
        finding.source.clone_from(&entry.link);
    }
    verdict
}

fn fixed(entry: &Deviation, stack: &str) -> Verdict {
    let text = format!(
        "listed as a deviation of {stack} ({}: {}), but it did not happen: take the entry away",
        entry.step,
        entry.outcome.join(" or ")
    );
    let finding = Finding {
        step: None,
        text,
        expected: None,
        observed: None,
        why: Some(entry.why.clone()),
        source: entry.link.clone(),
    };
    Verdict { kind: Kind::Fixed, findings: vec![finding] }
}

#[cfg(test)]
#[path = "deviations_tests.rs"]
mod tests;
