//! Exit codes: what they mean, and which one a run deserves.
//!
//! | code | meaning |
//! | --- | --- |
//! | 0 | every behaviour is as recorded |
//! | 1 | a behaviour is not as recorded; also what `--strict` and `--deny` forbid. Wins over 3 |
//! | 2 | wrong arguments, and nothing was run; or wrong cases among those that were asked for, and the others were run |
//! | 3 | the harness or the machine failed, a report could not be written, or nothing was run, or not all |
//! | 130 | interrupted by Ctrl-C; what was finished is reported |

use std::process::ExitCode;

use sockspec_harness::judge::verdict::Kind;
use sockspec_harness::results::TrialResult;

/// How the command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: every behaviour is as recorded.
    AsRecorded,
    /// 1: a behaviour is not as recorded.
    NotAsRecorded,
    /// 2: wrong arguments or cases.
    Wrong,
    /// 3: the harness or the machine failed, or nothing was run.
    Broken,
    /// 130: interrupted, as a shell says it.
    Interrupted,
}

impl Exit {
    /// This one, or the other where all was good so far.
    #[must_use]
    pub fn unless_good(self, other: Self) -> Self {
        if self == Self::AsRecorded { other } else { self }
    }

    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::AsRecorded => 0,
            Self::NotAsRecorded => 1,
            Self::Wrong => 2,
            Self::Broken => 3,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// What the user wants to count as a failure besides failures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gate {
    /// `--strict`: what deviates from the specification, though recorded.
    pub strict: bool,
    /// `--deny observed`
    pub deny_observed: bool,
    /// `--deny skip`
    pub deny_skip: bool,
    /// A run that executed nothing is fine: under nextest each trial is a process, and one that skips is no failure.
    pub empty_is_fine: bool,
}

impl Gate {
    /// Whether a trial of that kind means that a behaviour is not as it should be.
    #[must_use]
    pub fn forbids(&self, kind: Kind) -> bool {
        match kind {
            Kind::Fail | Kind::Fixed => true,
            Kind::Deviates => self.strict,
            Kind::Observed => self.deny_observed,
            Kind::Skip => self.deny_skip,
            Kind::Pass | Kind::Known | Kind::Broken => false,
        }
    }

    /// Whether a trial of that kind keeps the run from being good.
    #[must_use]
    pub fn fails(&self, kind: Kind) -> bool {
        kind == Kind::Broken || self.forbids(kind)
    }

    /// How much a kind weighs for the exit code: of several runs of one trial the heaviest stands.
    #[must_use]
    pub fn weight(&self, kind: Kind) -> u8 {
        match kind {
            _ if self.forbids(kind) => 2,
            Kind::Broken => 1,
            _ => 0,
        }
    }

    /// What a run that was not interrupted ends with.
    #[must_use]
    pub fn exit(&self, trials: &[TrialResult]) -> Exit {
        let has = |wanted: &dyn Fn(Kind) -> bool| trials.iter().any(|trial| wanted(trial.verdict.kind));
        if has(&|kind| self.forbids(kind)) {
            Exit::NotAsRecorded
        } else if has(&|kind| kind == Kind::Broken) {
            Exit::Broken
        } else if has(&|kind| kind != Kind::Skip) || self.empty_is_fine {
            Exit::AsRecorded
        } else {
            Exit::Broken
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn exit(gate: Gate, kinds: &[Kind]) -> u8 {
        let trials: Vec<_> = kinds.iter().map(|kind| sample::trial("a/b", *kind)).collect();
        gate.exit(&trials).code()
    }

    #[test]
    fn a_failure_wins_over_what_is_broken() {
        let gate = Gate::default();
        assert_eq!(exit(gate, &[Kind::Pass, Kind::Deviates, Kind::Known, Kind::Observed, Kind::Skip]), 0);
        assert_eq!(exit(gate, &[Kind::Pass, Kind::Broken]), 3);
        assert_eq!(exit(gate, &[Kind::Broken, Kind::Fail]), 1);
        assert_eq!(exit(gate, &[Kind::Broken, Kind::Fixed]), 1);
    }

    #[test]
    fn a_run_that_executed_nothing_does_not_pass() {
        assert_eq!(exit(Gate::default(), &[]), 3);
        assert_eq!(exit(Gate::default(), &[Kind::Skip, Kind::Skip]), 3);
        assert_eq!(exit(Gate { empty_is_fine: true, ..Gate::default() }, &[Kind::Skip]), 0);
    }

    #[test]
    fn the_user_can_ask_for_more() {
        assert_eq!(exit(Gate { strict: true, ..Gate::default() }, &[Kind::Pass, Kind::Deviates]), 1);
        assert_eq!(exit(Gate { deny_observed: true, ..Gate::default() }, &[Kind::Pass, Kind::Observed]), 1);
        assert_eq!(exit(Gate { deny_skip: true, ..Gate::default() }, &[Kind::Pass, Kind::Skip]), 1);
    }
}
