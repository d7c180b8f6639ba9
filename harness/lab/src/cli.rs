//! The command line: what can be asked, with its help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

const EXAMPLES: &str = "\
Examples:
  cargo run -p sockspec-lab -- list
  cargo run -p sockspec-lab -- run linux-virtual                 prepare if need be, and run everything
  cargo run -p sockspec-lab -- run linux-virtual -- virtual-time one family; what is behind -- is for sockspec
  cargo run -p sockspec-lab -- run linux-virtual -- --exact 'time-wait/expiry[ipv4]'
  cargo run -p sockspec-lab -- run all --report-dir out           one folder of reports for each entry
  cargo run -p sockspec-lab -- prepare linux-virtual gvisor          only fetch and build

Exit codes:
  0    every behaviour is as recorded, in every stack
  1    a behaviour is not
  2    wrong arguments or entries
  3    a stack crashed, hung, or is not what it claims to be; or it could not be prepared
  77   this machine cannot do it: something is missing";

/// Runs the suite in other stacks on this machine.
///
/// A stack is prepared once, in a cache outside the checkout (~/.cache/sockspec/lab; XDG_CACHE_HOME is respected).
/// Nothing else on the machine changes, and nothing is left behind when the lab is killed.
#[derive(Clone, Debug, Parser)]
#[command(name = "sockspec-lab", version, after_long_help = EXAMPLES, after_help = "`--help` shows more, with examples.")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// The folder of the entries.
    #[arg(long, value_name = "DIR", global = true, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/entries"))]
    pub entries: PathBuf,
}

/// What can be done.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Show what there is, what it needs, and whether it is prepared.
    List,
    /// Fetch and build stacks into the cache; does nothing where that is done.
    Prepare(PrepareArgs),
    /// Run the suite inside stacks, and bring the results back.
    Run(RunArgs),
    /// Be the suite's own program: `sockspec`.
    #[command(hide = true, disable_help_flag = true)]
    Suite {
        /// What it is given.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<std::ffi::OsString>,
    },
    /// Be the first process of a kernel.
    #[command(hide = true)]
    Init {
        /// What it has to do.
        job: PathBuf,
        /// What the kernel adds, which means nothing to us.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        more: Vec<std::ffi::OsString>,
    },
}

/// Which stacks are prepared.
#[derive(Args, Clone, Debug)]
pub struct PrepareArgs {
    /// Names of entries, or `all`.
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
    /// Make it again though it is there.
    #[arg(long)]
    pub again: bool,
}

/// Which stacks are run, and how.
#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    /// Names of entries, or `all`.
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
    /// The folder in which each entry gets a folder for its reports.
    #[arg(long, value_name = "DIR", default_value = "reports")]
    pub report_dir: PathBuf,
    /// Show what the stack itself prints, too.
    #[arg(long)]
    pub console: bool,
    /// Filters and options of `sockspec`.
    #[arg(last = true, value_name = "SELECTION")]
    pub suite: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_is_behind_the_dashes_is_the_suites() {
        let cli = Cli::parse_from(["sockspec-lab", "run", "a", "b", "--", "refused", "--exact", "-j1"]);
        let Command::Run(run) = cli.command else { panic!("not a run") };
        assert_eq!(run.names, ["a", "b"]);
        assert_eq!(run.suite, ["refused", "--exact", "-j1"]);
    }
}
