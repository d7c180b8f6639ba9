//! The command line: what can be asked, with its help. What the answers mean is made from it here; doing it is not.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use sockspec_harness::platform::process::quoted;
use sockspec_harness::results::Part;

pub use self::reports::{JunitFlavour, ReportArgs, ReportPaths, When};
pub use self::verdicts::{Deny, VerdictArgs};
use crate::captures::Captures;
use crate::exit::Gate;
use crate::select::{Selection, Slow};

mod partition;
mod reports;
mod verdicts;

/// How many trials run at once where nothing else is asked: trials mostly wait, so it is more than there are cores.
pub const DEFAULT_JOBS: usize = 96;

/// More threads than this are a typing error.
const MOST_JOBS: usize = 1024;

const EXAMPLES: &str = "\
Examples:
  sockspec --target localhost                     run the suite on this machine
  sockspec --target localhost refused time-wait   only these families
  sockspec --target localhost '*/closed-port'     only what matches the pattern
  sockspec --target localhost --exact 'refused/closed-port[ipv4,connect]'
  sockspec --target localhost --repeat 100 --skip time-wait
  sockspec --list ipv6                            what would run
  sockspec explain refused/closed-port            what is expected, here and elsewhere
  sockspec check my-cases/                        find mistakes in cases without running them
  sockspec matrix --differences                   how systems differ
  sockspec diff before.json after.json            what changed between two runs

Exit codes:
  0    every behaviour is as recorded for this platform
  1    a behaviour is not (or --strict or --deny forbids it)
  2    wrong arguments or cases
  3    the machine or the harness failed; nothing was run, or not all
  130  interrupted; what was finished is reported";

const LIST_EXAMPLES: &str = "\
Examples:
  sockspec list time-wait
  sockspec list --error ECONNABORTED                    when do I get that?
  sockspec list --call shutdown --error ENOTCONN
  sockspec list --state CLOSING
  sockspec list --platform 'freebsd >= 14'              what is different there?
  sockspec list --error EINVAL --platform windows
  sockspec list --covers 'seed:*'

`sockspec --list` lists the trials instead, as test runners want it.";

/// Tests that sockets behave as programs expect.
///
/// Each case drives real client and server sockets through one behaviour and asserts what a program can see of it:
/// results and error codes, the TCP state of each end, readiness, and how long a call took. What is expected is written
/// down per operating system, with its source. Nothing leaves this machine.
#[derive(Clone, Debug, Parser)]
#[command(name = "sockspec", version, after_long_help = EXAMPLES, after_help = "`--help` shows more, with examples.")]
pub struct Cli {
    /// What to do; without a command the suite is run.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to run the suite.
    #[command(flatten)]
    pub run: RunArgs,
    /// Options of every command.
    #[command(flatten)]
    pub common: Common,
}

impl Cli {
    /// Reads a command line. Options that are for running the suite are refused beside a command, wherever they stand.
    pub fn read<T: Into<OsString> + Clone>(line: impl IntoIterator<Item = T>) -> Result<Self, clap::Error> {
        let mut definition = Self::command();
        let matches = definition.try_get_matches_from_mut(line)?;
        if let Some(command) = matches.subcommand_name() {
            let of_the_run = RunArgs::augment_args(clap::Command::new("run"));
            let given = |arg: &&clap::Arg| {
                matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine)
            };
            if let Some(arg) = of_the_run.get_arguments().find(given) {
                let name = arg.get_long().map_or_else(|| "FILTER".to_owned(), |long| format!("--{long}"));
                let text = format!("{name} is for running the suite and does nothing for `{command}`");
                return Err(definition.error(ErrorKind::ArgumentConflict, text));
            }
        }
        Self::from_arg_matches(&matches)
    }
}

/// Options of every command.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "General")]
pub struct Common {
    /// Take the cases from this folder instead of those that sockspec carries.
    #[arg(long, value_name = "DIR", global = true)]
    pub cases: Option<PathBuf>,

    /// Colours: `auto` looks at the terminal, NO_COLOR and CLICOLOR.
    #[arg(long, value_name = "WHEN", value_enum, default_value = "auto", global = true)]
    pub color: Color,

    /// Show what passed too, with its transcript, and what differs from the specification.
    #[arg(short, long, global = true)]
    pub verbose: bool,

    /// Show failures and the last line alone.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
}

impl Common {
    /// The command that runs trials of these cases; a filter completes it.
    #[must_use]
    pub fn run_command(&self) -> String {
        let mut command = "sockspec --target localhost".to_owned();
        if let Some(cases) = &self.cases {
            command += &format!(" --cases {}", quoted(&cases.to_string_lossy()));
        }
        command
    }
}

/// Commands besides running the suite.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Find mistakes in cases without running them.
    ///
    /// Every mistake of a file is shown at once, with its line and a suggestion.
    #[command(
        after_long_help = "Examples:\n  sockspec check\n  sockspec check my-cases/refused/closed-port.yaml\n  sockspec check --mutate reports/latest/results.json"
    )]
    Check {
        /// A file or folder of cases; without it, all of them. With --mutate, a results.json.
        path: Option<PathBuf>,
        /// Change each expectation and see that the stored run would then fail: finds what asserts nothing.
        #[arg(long)]
        mutate: bool,
    },
    /// Show a case in words: its steps, what is expected on each platform and why, and what was observed where.
    #[command(
        after_long_help = "Examples:\n  sockspec explain refused/closed-port\n  sockspec explain 'refused/closed-port[ipv4,connect]'"
    )]
    Explain {
        /// The id of a case or of a trial.
        case: String,
        /// The folder of what platforms did.
        #[arg(long, value_name = "DIR", default_value = "reports/observed")]
        observed: PathBuf,
    },
    /// List the cases with their titles, and find those in which something happens.
    ///
    /// With --error, --state, --call or --platform the steps in which it happens are shown too, and on which systems. A
    /// step has to answer to all of them.
    #[command(after_long_help = LIST_EXAMPLES)]
    List(ListArgs),
    /// Show what is known of this machine: system, version, settings, and what cases may ask for.
    #[command(after_long_help = "Examples:\n  sockspec platform\n  sockspec platform --json")]
    Platform {
        /// As it stands in results.json.
        #[arg(long)]
        json: bool,
        /// Look at the machine's own network instead of a namespace.
        #[arg(long)]
        host_network: bool,
    },
    /// Make one report of the parts of a run.
    ///
    /// Shows the failures and the summary, writes results.json and junit.xml, and ends as the whole run would have. Parts
    /// of `--partition` that are missing are an error. What was run on different systems cannot be merged.
    #[command(
        after_long_help = "Example, behind `--partition 1/2 --report-dir part-1` and `--partition 2/2 --report-dir part-2`:\n  sockspec merge part-1 part-2 --report-dir reports"
    )]
    Merge(MergeArgs),
    /// Print the JSON schema of a kind of file in the folder of cases, for editors.
    #[command(
        after_long_help = "Examples:\n  sockspec schema > case.schema.json\n  sockspec schema setup > setup.schema.json\n  sockspec schema deviations > deviations.schema.json"
    )]
    Schema {
        /// `case` is <family>/*.yaml, `setup` is setups/*.yaml, `deviations` is deviations/*.yaml.
        #[arg(value_enum, value_name = "KIND", default_value = "case")]
        kind: FileKind,
    },
    /// Show which requirements are covered by which cases, with the verdict of the last run, and how many by none.
    #[command(after_long_help = COVERAGE_EXAMPLES)]
    Coverage(CoverageArgs),
    /// Keep what a run showed of its platform, in reports/observed/, without what differs from run to run.
    #[command(after_long_help = RECORD_EXAMPLES)]
    Record(RecordArgs),
    /// Show what is new, gone or different between two runs, with both outcomes; ends 1 if something is.
    #[command(after_long_help = DIFF_EXAMPLES)]
    Diff {
        /// The results of a run, or a folder of reports/observed/.
        a: PathBuf,
        /// What it is compared with.
        b: PathBuf,
        /// Tables for a pull request.
        #[arg(long)]
        markdown: bool,
    },
    /// Show what to write into cases or deviations where a run was not as expected. It edits nothing.
    #[command(after_long_help = ACCEPT_EXAMPLES)]
    Accept {
        /// The results of a run.
        #[arg(value_name = "RESULTS", default_value = "reports/latest/results.json")]
        results: PathBuf,
    },
    /// Show behaviours against platforms: what each did where it was run, what sources say where it was not.
    #[command(after_long_help = MATRIX_EXAMPLES)]
    Matrix(MatrixArgs),
}

const COVERAGE_EXAMPLES: &str = "Examples:
  sockspec coverage
  sockspec coverage T25
  sockspec coverage 'RFC9293-*' --uncovered
  sockspec coverage --results wine/results.json";

const RECORD_EXAMPLES: &str = "\
Examples:
  sockspec --target localhost --include-ignored && sockspec record
  sockspec record wine-1/results.json wine-2/results.json --how .ci/wine-test
  sockspec record linux-virtual/results.json --as linux-virtual-6.1

Two recordings of the same system differ in their date alone. reports/README.md tells the format.";

const DIFF_EXAMPLES: &str = "\
Examples:
  sockspec diff before/results.json after/results.json
  sockspec diff reports/observed/linux-6.18 reports/latest/results.json
  sockspec diff --markdown reports/observed/linux-6.18 reports/observed/gvisor-as-linux-4.4";

const ACCEPT_EXAMPLES: &str = "\
Examples:
  sockspec accept
  sockspec accept wine/results.json

An outcome is accepted because somebody knows why it is right: replace TODO by the reason and its source.";

const MATRIX_EXAMPLES: &str = "\
Examples:
  sockspec matrix --differences
  sockspec matrix --family refused --family time-wait
  sockspec matrix --differences --platform linux --platform wine
  sockspec matrix --markdown > reports/matrix.md
  sockspec matrix --html matrix.html --run reports/latest/results.json";

/// What is shown of the matrix, and how.
#[derive(Args, Clone, Debug)]
pub struct MatrixArgs {
    /// Only this family of cases; can be given several times.
    #[arg(long, value_name = "FAMILY")]
    pub family: Vec<String>,
    /// Only platforms with this in their name; can be given several times.
    #[arg(long, value_name = "NAME")]
    pub platform: Vec<String>,
    /// Only behaviours in which platforms differ.
    #[arg(long)]
    pub differences: bool,
    /// Write Markdown.
    #[arg(long)]
    pub markdown: bool,
    /// Write one page that needs no network and no server, to be searched and filtered.
    #[arg(long, value_name = "FILE", conflicts_with = "markdown")]
    pub html: Option<PathBuf>,
    /// A run whose segments are drawn on the page; can be given several times.
    #[arg(long, value_name = "RESULTS", requires = "html")]
    pub run: Vec<PathBuf>,
    /// The folder of what platforms did.
    #[arg(long, value_name = "DIR", default_value = "reports/observed")]
    pub observed: PathBuf,
}

/// Which requirements to show.
#[derive(Args, Clone, Debug)]
pub struct CoverageArgs {
    /// The run whose verdicts are shown.
    #[arg(long, value_name = "FILE", default_value = "reports/latest/results.json")]
    pub results: PathBuf,
    /// Only requirements that no case of this platform covers.
    #[arg(long)]
    pub uncovered: bool,
    /// Only these requirements; a pattern with * and ? stands for several.
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
}

/// What is kept, and where.
#[derive(Args, Clone, Debug)]
pub struct RecordArgs {
    /// The results of a run; of several, what came out either way is told as `A or B`.
    #[arg(value_name = "RESULTS", default_value = "reports/latest/results.json")]
    pub results: Vec<PathBuf>,
    /// The name of the platform, and of its folder; without it, as in JUnit: linux-6.18.
    #[arg(long = "as", value_name = "NAME")]
    pub name: Option<String>,
    /// The folder of all platforms.
    #[arg(long, value_name = "DIR", default_value = "reports/observed")]
    pub to: PathBuf,
    /// How to repeat the run, to be kept with it.
    #[arg(long, value_name = "COMMAND")]
    pub how: Option<String>,
}

/// Which cases to list.
#[derive(Args, Clone, Debug, Default)]
pub struct ListArgs {
    /// Only what matches one of these: part of an id, a pattern with * and ?, or a family.
    #[arg(value_name = "FILTER")]
    pub filters: Vec<String>,
    /// Only this family; can be given several times.
    #[arg(long, value_name = "NAME")]
    pub family: Vec<String>,
    /// Where this error comes out, by its POSIX or Windows name.
    #[arg(long, value_name = "NAME")]
    pub error: Option<String>,
    /// Where a connection is seen in this state.
    #[arg(long, value_name = "STATE")]
    pub state: Option<String>,
    /// Where this call is made.
    #[arg(long, value_name = "NAME")]
    pub call: Option<String>,
    /// Where this platform has an answer of its own; with --error or --state, where that is its answer.
    #[arg(long, value_name = "SELECTOR")]
    pub platform: Option<String>,
    /// What covers this requirement, or one that matches a pattern with * and ?; can be given several times.
    #[arg(long, value_name = "ID")]
    pub covers: Vec<String>,
}

/// What to merge, and what comes of it.
#[derive(Args, Clone, Debug)]
pub struct MergeArgs {
    /// The results.json of each part, or the folder that it is in.
    #[arg(value_name = "RESULTS", required = true)]
    pub parts: Vec<PathBuf>,
    /// What counts as a failure.
    #[command(flatten)]
    pub verdicts: VerdictArgs,
    /// Where results go.
    #[command(flatten)]
    pub reports: ReportArgs,
}

/// How to run the suite.
#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    /// Only trials that match one of these: part of an id, a pattern with * and ?, or a family.
    #[arg(value_name = "FILTER")]
    pub filters: Vec<String>,

    /// The machine to test; `localhost` is this one.
    #[arg(long, value_name = "WHERE", default_value = "localhost", value_parser = target, allow_hyphen_values = true)]
    pub target: Target,

    /// Filters and skips are whole ids, of a trial or of a case.
    #[arg(long, help_heading = "Selection")]
    pub exact: bool,

    /// Leave out trials that match; can be given several times.
    #[arg(long, value_name = "PATTERN", help_heading = "Selection")]
    pub skip: Vec<String>,

    /// Run slow trials alone.
    #[arg(long, help_heading = "Selection", conflicts_with = "include_ignored")]
    pub ignored: bool,

    /// Run slow trials too.
    #[arg(long, help_heading = "Selection")]
    pub include_ignored: bool,

    /// Run one of the parts that a run is split into: `2/8` is the second of eight.
    ///
    /// The id of a trial decides in which part it is, so that parts can run on different machines and be split before
    /// anything is known of them. `sockspec merge` makes one report of them, and sees that none is missing.
    #[arg(long, value_name = "M/N", value_parser = partition::parse, help_heading = "Selection")]
    pub partition: Option<Part>,

    /// List the trials and run none.
    #[arg(long, help_heading = "Selection")]
    pub list: bool,

    /// How many trials run at once.
    #[arg(short, long, visible_alias = "test-threads", value_name = "N", default_value_t = DEFAULT_JOBS, value_parser = jobs, help_heading = "Running")]
    pub jobs: usize,

    /// Run every trial so many times; the worst verdict counts.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Running")]
    pub repeat: u64,

    /// Use the machine's own network instead of a namespace.
    #[arg(long, help_heading = "Running")]
    pub host_network: bool,

    /// What counts as a failure.
    #[command(flatten)]
    pub verdicts: VerdictArgs,

    /// Where results go.
    #[command(flatten)]
    pub reports: ReportArgs,

    /// Which trials leave the packets that went over the wire in captures/ there, for Wireshark.
    #[arg(long, value_name = "WHICH", value_enum, default_value = "failed", help_heading = "Reports")]
    pub capture: Capture,

    /// Write each result to this file as soon as it is there, for whoever watches from outside: one JSON object a line.
    #[arg(long, value_name = "FILE", help_heading = "Reports")]
    pub journal: Option<PathBuf>,

    /// Print as Rust's test runner does, for tools that read that.
    #[arg(long, value_name = "FORMAT", value_enum, help_heading = "Reports")]
    pub format: Option<Format>,

    /// Accepted and without effect, for test runners: nothing is captured.
    #[arg(long, help_heading = "Reports")]
    pub nocapture: bool,

    /// Accepted and without effect, for editors.
    #[arg(long, hide = true)]
    pub show_output: bool,

    /// Accepted and without effect, for editors.
    #[arg(short = 'Z', hide = true, value_name = "FLAG")]
    pub unstable: Vec<String>,
}

impl RunArgs {
    /// What the arguments select.
    #[must_use]
    pub fn selection(&self) -> Selection {
        Selection {
            filters: self.filters.clone(),
            skip: self.skip.clone(),
            exact: self.exact,
            slow: match (self.ignored, self.include_ignored) {
                (true, _) => Slow::Only,
                (_, true) => Slow::Include,
                _ => Slow::LeaveOut,
            },
        }
    }

    /// What counts as a failure. nextest runs each trial as a process of its own, where a skip is no failure.
    #[must_use]
    pub fn gate(&self) -> Gate {
        Gate { empty_is_fine: self.exact && under_nextest(), ..self.verdicts.gate() }
    }

    /// The captures that trials leave in the folder of reports, if there is one.
    #[must_use]
    pub fn captures(&self) -> Option<Captures> {
        Some(Captures::new(self.reports.folder()?, self.capture, self.gate()))
    }

    /// The command that runs trials under the same conditions; an id after `--exact` completes it.
    #[must_use]
    pub fn repeat_command(&self, common: &Common) -> String {
        let mut command = common.run_command();
        for (given, option) in [
            (self.host_network, " --host-network"),
            (self.ignored || self.include_ignored, " --include-ignored"),
        ] {
            command += if given { option } else { "" };
        }
        command
    }
}

/// The machine that is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// This one.
    Localhost,
}

/// When there are colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal that wants them.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl From<Color> for anstream::ColorChoice {
    fn from(color: Color) -> Self {
        match color {
            Color::Auto => Self::Auto,
            Color::Always => Self::Always,
            Color::Never => Self::Never,
        }
    }
}

/// The kinds of files in the folder of cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FileKind {
    /// A behaviour.
    Case,
    /// Steps that cases share.
    Setup,
    /// What a stand-in is known to do otherwise.
    Deviations,
}

/// Which trials leave a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Capture {
    /// Those that fail.
    Failed,
    /// All that went over a wire.
    All,
    /// None.
    None,
}

/// The formats of Rust's test runner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A line for each trial.
    Pretty,
    /// A character for each trial.
    Terse,
    /// A JSON object for each event.
    Json,
}

impl From<Format> for libtest_mimic::FormatSetting {
    fn from(format: Format) -> Self {
        match format {
            Format::Pretty => Self::Pretty,
            Format::Terse => Self::Terse,
            Format::Json => Self::Json,
        }
    }
}

fn target(text: &str) -> Result<Target, String> {
    if text == "localhost" {
        return Ok(Target::Localhost);
    }
    Err("only `localhost` can be tested: run sockspec on the other machine, or inside the other stack, with \
         `--target localhost` (the binary carries its cases)"
        .to_owned())
}

fn jobs(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("with 0 nothing would ever run; give 1 or more".to_owned()),
        Ok(n) if n > MOST_JOBS => Err(format!("at most {MOST_JOBS}")),
        Ok(n) => Ok(n),
        Err(_) => Err(format!("not a number from 1 to {MOST_JOBS}")),
    }
}

/// Whether nextest runs this process, for one trial.
pub(crate) fn under_nextest() -> bool {
    std::env::var_os("NEXTEST") == Some(OsString::from("1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Cli, clap::Error> {
        Cli::read(std::iter::once("sockspec").chain(args.iter().copied()))
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_suite_is_run_without_a_command() {
        let cli =
            parse(&["--target", "localhost", "refused", "time-wait", "--skip", "a", "--skip", "b"]).unwrap();
        assert!(cli.command.is_none());
        assert_eq!(cli.run.filters, ["refused", "time-wait"]);
        assert_eq!(cli.run.skip, ["a", "b"]);
        assert_eq!(cli.run.jobs, DEFAULT_JOBS);
        assert_eq!(cli.run.reports.report_dir, PathBuf::from("reports/latest"));
        assert!(parse(&[]).unwrap().command.is_none());
    }

    #[test]
    fn commands_take_the_options_of_all() {
        let cli = parse(&["check", "--color", "never", "--cases", "x", "-v", "path"]).unwrap();
        assert!(matches!(cli.command, Some(Command::Check { mutate: false, path: Some(_) })));
        assert_eq!(cli.common.color, Color::Never);
        assert!(cli.common.verbose);
        let cli = parse(&["-v", "list", "time-wait"]).unwrap();
        assert!(cli.common.verbose && cli.run.filters.is_empty());
        for args in
            [&["--exact", "check"] as &[&str], &["--target", "localhost", "schema"], &["-j1", "list", "x"]]
        {
            let error = parse(args).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ArgumentConflict);
            assert!(error.to_string().contains("is for running the suite and does nothing for `"), "{error}");
        }
        assert_eq!(parse(&["refused", "check"]).unwrap().run.filters, ["refused", "check"]);
    }

    #[test]
    fn what_test_runners_and_editors_give_is_taken() {
        for args in [
            &["--list", "--format", "terse"] as &[&str],
            &["--list", "--format", "terse", "--ignored"],
            &["--exact", "a/b[c]", "--nocapture"],
            &["-Zunstable-options", "--format=json", "--show-output", "--test-threads=1"],
        ] {
            parse(args).unwrap();
        }
    }

    #[test]
    fn refusals_say_what_is_possible() {
        for (args, text) in [
            (["--jobs", "0"], "with 0 nothing would ever run"),
            (["--test-threads", "0"], "with 0 nothing would ever run"),
            (["-j", "many"], "not a number from 1 to 1024"),
            (["-j", "99999999999999999999"], "not a number from 1 to 1024"),
            (["-j", "2000"], "at most 1024"),
            (["--repeat", "0"], "0 is not in 1.."),
            (["--target", "ssh://host"], "only `localhost` can be tested"),
            (["--deny", "pass"], "possible values: observed, skip"),
            (["--partition", "3"], "`3` is no part: write M/N, such as 2/8"),
            (["--partition", "0/4"], "parts are numbered from 1 to 4"),
            (["--partition", "5/4"], "parts are numbered from 1 to 4"),
            (["--partition", "1/0"], "parts are numbered from 1 to 0"),
        ] {
            let error = parse(&args).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{args:?}");
            assert!(error.to_string().contains(text), "{error}");
        }
    }

    #[test]
    fn repeating_keeps_the_conditions() {
        let cli = parse(&["--cases", "it's", "--host-network", "--ignored"]).unwrap();
        let quote = quoted("it's");
        assert_eq!(
            cli.run.repeat_command(&cli.common),
            format!("sockspec --target localhost --cases {quote} --host-network --include-ignored")
        );
    }
}
