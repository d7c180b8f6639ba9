//! Everything that happened in one trial, with every value that was seen while waiting.

use serde::{Deserialize, Serialize};

use crate::host::HostFault;
use crate::host::call::{Call, Completion};
use crate::outcome::Outcome;
use crate::wire::PacketRecord;

/// What happened in one trial.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The steps that were carried out, in order.
    pub steps: Vec<StepRecord>,
    /// The packets that went over the wire, or were held or lost there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packets: Vec<PacketRecord>,
    /// The harness or the machine failed in the last of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<HostFault>,
    /// The most by which the clock of kernel timers was behind when a step began, in ns. Lower bounds are lessened by
    /// it.
    #[serde(default)]
    pub behind: u64,
    /// How long the trial took, in ns.
    pub duration: u64,
}

/// What happened in one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Which step of the trial, from 0.
    pub step: usize,
    /// The call that was made, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<Call>,
    /// What came back from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion: Option<Completion>,
    /// Values that looks saw, each with the time in ns since the trial began. Equal neighbours are kept once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<Sample>,
    /// The outcome that is judged: of the call, or what was seen last. `None` while a background call is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// How the step ended.
    pub end: End,
    /// What a reader should know: that sleep could not be shown, that a time-out of the harness was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// For how many ns of this time the machine kept the step from going on. An upper bound is widened by it.
    #[serde(default)]
    pub late: u64,
    /// When the step began and ended, in ns since the trial began.
    pub begin: u64,
    /// See `begin`.
    pub finish: u64,
}

/// One look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// In ns since the trial began.
    pub at: u64,
    /// What was seen.
    pub value: Outcome,
}

/// Why a step was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// The call returned, or the expected value was seen.
    Done,
    /// A background call was seen asleep in the kernel and goes on.
    Asleep,
    /// The expected value cannot come any more.
    CannotCome,
    /// Nothing was expected, and two looks agreed.
    Settled,
    /// The step's or the trial's limit ran out.
    Limit,
}
