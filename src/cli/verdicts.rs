//! Options that say what counts as a failure, for every command that ends with a verdict.

use clap::{Args, ValueEnum};

use crate::exit::Gate;

/// What counts as a failure besides failures.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Verdicts")]
pub struct VerdictArgs {
    /// Fail on what differs from the specification, though it is recorded for this platform.
    #[arg(long)]
    pub strict: bool,

    /// Fail on such verdicts as well; can be given several times.
    #[arg(long, value_name = "VERDICT", value_enum)]
    pub deny: Vec<Deny>,
}

impl VerdictArgs {
    /// What the options forbid.
    #[must_use]
    pub fn gate(&self) -> Gate {
        Gate {
            strict: self.strict,
            deny_observed: self.deny.contains(&Deny::Observed),
            deny_skip: self.deny.contains(&Deny::Skip),
            empty_is_fine: false,
        }
    }
}

/// Verdicts that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Deny {
    /// Nothing is recorded for this platform.
    Observed,
    /// This machine could, but does not now.
    Skip,
}
