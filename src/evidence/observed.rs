//! `reports/observed/<platform>/results.json`: what a platform did, without what differs from run to run.
//!
//! The format is told in reports/README.md. It is made for being kept: one trial a line, and nothing that is said a
//! thousand times is written a thousand times.

use std::fmt;
use std::io::{self, Write};

use serde::de::{SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use sockspec_harness::judge::verdict::Kind;
use sockspec_harness::platform::Platform;

use super::mark::Mark;

/// The version of the format.
pub const FORMAT: u32 = 1;

/// The words for what a platform does not show, such as the state of a connection whose socket is closed.
pub const NOT_SEEN: &str = "not seen";

/// What a platform did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// The version of this format.
    pub observed: u32,
    /// The platform in a word; its folder has the same name.
    pub name: String,
    /// The version of sockspec.
    pub sockspec: String,
    /// When the run began: RFC 3339, UTC. All else is the same in every run of one system.
    pub recorded: String,
    /// How to do it again.
    pub repeat: String,
    /// The host.
    pub platform: Platform,
    /// The cases, sorted by id.
    pub cases: Vec<ObservedCase>,
}

/// A case and what its trials gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObservedCase {
    /// `<family>/<case>`
    pub case: String,
    /// The axes in the order in which their rows stand in ids.
    pub axes: Vec<String>,
    /// Steps whose outcomes are told, each with its number from 1 and its text: `2 connect client, to closed port`.
    pub steps: Vec<String>,
    /// Why trials were not run, or are known to fail.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// The trials, sorted by id.
    pub trials: Vec<ObservedTrial>,
}

/// A trial and what it gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObservedTrial {
    /// `<family>/<case>[row,row]`
    pub id: String,
    /// What was said of it.
    pub verdict: Kind,
    /// Which of the case's reasons holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<usize>,
    /// What came out of its steps. A step that is not told came out `ok`, if it stands before the last one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outcomes: Vec<Told>,
}

/// What came out of a step: `[2, "ECONNREFUSED"]`, or with what is said of it, `[2, "ECONNREFUSED", "deviates"]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Which of the case's steps.
    pub step: usize,
    /// The outcome in words.
    pub outcome: String,
    /// What is said of it.
    pub mark: Mark,
}

/// An outcome with its step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepTold<'a> {
    /// The number of the step in its trial, from 1.
    pub number: usize,
    /// The step in words.
    pub text: &'a str,
    /// The outcome in words.
    pub outcome: &'a str,
    /// What is said of it.
    pub mark: Mark,
}

impl ObservedCase {
    /// What came out of a trial of this case.
    pub fn told<'a>(&'a self, trial: &'a ObservedTrial) -> impl Iterator<Item = StepTold<'a>> {
        trial.outcomes.iter().filter_map(|told| {
            let (number, text) = self.steps.get(told.step)?.split_once(' ')?;
            let number = number.parse().ok()?;
            Some(StepTold { number, text, outcome: &told.outcome, mark: told.mark })
        })
    }

    /// Why a trial was not run, or is known to fail.
    #[must_use]
    pub fn reason(&self, trial: &ObservedTrial) -> Option<&str> {
        self.reasons.get(trial.reason?).map(String::as_str)
    }
}

impl Observed {
    /// Every trial with its case.
    pub fn trials(&self) -> impl Iterator<Item = (&ObservedCase, &ObservedTrial)> {
        self.cases.iter().flat_map(|case| case.trials.iter().map(move |trial| (case, trial)))
    }

    /// Writes it, one trial a line.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let head = Self { cases: Vec::new(), ..self.clone() };
        let head = serde_json::to_string_pretty(&head)?;
        // The cases are the last field, of each case the trials are.
        out.write_all(head.strip_suffix("[]\n}").unwrap_or(&head).as_bytes())?;
        out.write_all(b"[")?;
        for (i, case) in self.cases.iter().enumerate() {
            let head = serde_json::to_string(&ObservedCase { trials: Vec::new(), ..case.clone() })?;
            out.write_all(if i == 0 { b"\n" } else { b",\n" })?;
            out.write_all(head.strip_suffix("]}").unwrap_or(&head).as_bytes())?;
            for (i, trial) in case.trials.iter().enumerate() {
                out.write_all(if i == 0 { b"\n" } else { b",\n" })?;
                serde_json::to_writer(&mut *out, trial)?;
            }
            out.write_all(b"]}")?;
        }
        out.write_all(b"\n]}\n")
    }
}

impl Serialize for Told {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let said = self.mark != Mark::Agrees;
        let mut list = serializer.serialize_seq(Some(if said { 3 } else { 2 }))?;
        list.serialize_element(&self.step)?;
        list.serialize_element(&self.outcome)?;
        if said {
            list.serialize_element(&self.mark)?;
        }
        list.end()
    }
}

impl<'de> Deserialize<'de> for Told {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Told;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("[step, \"outcome\"], perhaps with what is said of it")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Told, A::Error> {
                let missing = |n| serde::de::Error::invalid_length(n, &self);
                let step = list.next_element()?.ok_or_else(|| missing(0))?;
                let outcome = list.next_element()?.ok_or_else(|| missing(1))?;
                let mark = list.next_element()?.unwrap_or_default();
                Ok(Told { step, outcome, mark })
            }
        }
        deserializer.deserialize_seq(List)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::distil;
    use crate::report::sample;

    #[test]
    fn what_is_written_can_be_read_and_has_a_line_for_each_trial() {
        let results = sample::results(vec![sample::refused(), sample::trial("a/b", Kind::Pass)]);
        let observed = distil::distil(&results, &[], "linux-6.18", "again");
        let mut out = Vec::new();
        observed.write(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(serde_json::from_str::<Observed>(&text).unwrap(), observed);
        assert_eq!(text.lines().filter(|line| line.starts_with("{\"id\"")).count(), 2, "{text}");
    }

    #[test]
    fn an_outcome_is_a_short_list() {
        for (json, mark) in
            [("[1,\"ok\"]", Mark::Agrees), ("[1,\"ok\",\"unknown-deviates\"]", Mark::UnknownDeviates)]
        {
            let told = Told { step: 1, outcome: "ok".to_owned(), mark };
            assert_eq!(serde_json::to_string(&told).unwrap(), json);
            assert_eq!(serde_json::from_str::<Told>(json).unwrap(), told);
        }
        let error = serde_json::from_str::<Told>("[1]").unwrap_err().to_string();
        assert!(error.contains("expected [step, \"outcome\"]"), "{error}");
    }
}
