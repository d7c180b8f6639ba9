//! What stands at the end of a run on the terminal: counts per family, reasons of skips, failures by name, one last
//! line. Failures were drawn in full when they happened.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anstyle::Style;

use sockspec_harness::judge::verdict::Kind;
use sockspec_harness::results::{Results, TrialResult};

use super::Context;
use super::failure::{self, reason, render, style};
use super::time::human;
use crate::exit::Gate;
use crate::select::family;

/// What the summary needs besides the results.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Show what passed and what differs from the specification.
    pub verbose: bool,
    /// Show the last line alone.
    pub quiet: bool,
    /// What is forbidden is listed with the failures.
    pub gate: Gate,
    /// How many slow trials were left out.
    pub slow: u64,
    /// Where reports were written, as the user gave it.
    pub reports: Option<String>,
}

/// Writes the summary, with styles for a writer that strips them where they are not wanted.
pub fn write(
    results: &Results,
    context: &Context<'_>,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let trials = &results.trials;
    if options.verbose {
        // Failures were drawn when they happened.
        for trial in
            trials.iter().filter(|trial| !is_bad(trial, &options.gate) && trial.verdict.kind != Kind::Skip)
        {
            writeln!(out, "{}", render(trial, context, true))?;
        }
    }
    if !options.quiet {
        table(trials, out)?;
        skips(trials, out)?;
    }
    let mut bad = trials.iter().filter(|trial| is_bad(trial, &options.gate)).peekable();
    if bad.peek().is_some() && !options.quiet {
        writeln!(out, "\nnot as recorded:")?;
        for trial in bad {
            let on = style(trial.verdict.kind);
            writeln!(out, "  {on}{:<8}{on:#} {}", trial.verdict.kind.name(), trial.id)?;
            writeln!(out, "           {}: {}", failure::place(trial, context), reason(trial))?;
        }
    }
    if !options.quiet {
        writeln!(out)?;
    }
    last_line(results, options, out)
}

fn is_bad(trial: &TrialResult, gate: &Gate) -> bool {
    gate.fails(trial.verdict.kind)
}

/// Counts per family; only kinds that occur have a column.
fn table(trials: &[TrialResult], out: &mut dyn Write) -> io::Result<()> {
    let mut families: BTreeMap<&str, BTreeMap<Kind, u64>> = BTreeMap::new();
    let mut total: BTreeMap<Kind, u64> = BTreeMap::new();
    for trial in trials {
        *families.entry(family(&trial.id)).or_default().entry(trial.verdict.kind).or_default() += 1;
        *total.entry(trial.verdict.kind).or_default() += 1;
    }
    if families.is_empty() {
        return Ok(());
    }
    let width = families.keys().map(|name| name.chars().count()).max().unwrap_or(0).max("family".len());
    write!(out, "{:<width$}", "family")?;
    for kind in total.keys() {
        write!(out, "  {:>8}", kind.name())?;
    }
    writeln!(out)?;
    let all = (families.len() > 1).then_some(("all", total.clone()));
    for (name, counts) in families.into_iter().chain(all) {
        write!(out, "{name:<width$}")?;
        for kind in total.keys() {
            match counts.get(kind) {
                Some(count) => {
                    let on = if *kind == Kind::Pass { Style::new() } else { style(*kind) };
                    write!(out, "  {on}{count:>8}{on:#}")?;
                }
                None => write!(out, "  {:>8}", "-")?,
            }
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Reasons of skips, the most frequent first.
fn skips(trials: &[TrialResult], out: &mut dyn Write) -> io::Result<()> {
    let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
    for trial in trials.iter().filter(|trial| trial.verdict.kind == Kind::Skip) {
        *reasons.entry(reason(trial)).or_default() += 1;
    }
    if reasons.is_empty() {
        return Ok(());
    }
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by(|(a, n), (b, m)| m.cmp(n).then_with(|| a.cmp(b)));
    writeln!(out, "\nskipped:")?;
    for (reason, count) in reasons {
        writeln!(out, "{count:>8}  {reason}")?;
    }
    Ok(())
}

/// Writes the line that says it all.
pub fn last_line(results: &Results, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let count = |kind| results.trials.iter().filter(|trial| trial.verdict.kind == kind).count();
    let total = results.trials.len();
    write!(out, "{total} trial{}", if total == 1 { "" } else { "s" })?;
    for (i, kind) in Kind::ALL.into_iter().filter(|kind| count(*kind) > 0).enumerate() {
        let on = style(kind);
        write!(out, "{}{on}{} {}{on:#}", if i == 0 { ": " } else { ", " }, count(kind), kind.name())?;
    }
    if options.slow > 0 {
        write!(out, "; {} slow left out (--include-ignored)", options.slow)?;
    }
    if results.not_run > 0 {
        write!(out, "; interrupted, {} not run", results.not_run)?;
    }
    let platform = &results.platform;
    write!(out, "; {} on {} {}", human(results.duration), platform.os, platform.version)?;
    if platform.stack != "native" {
        write!(out, " by {}", super::text::one_line(&platform.stack))?;
    }
    if let Some(reports) = &options.reports {
        write!(out, "; reports in {reports}")?;
    }
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, Files};
    use super::*;

    fn summary(trials: Vec<TrialResult>, options: &Options) -> String {
        let mut out = Vec::new();
        let context = Context { files: &Files, command: "sockspec --target localhost", captures: None };
        write(&sample::results(trials), &context, options, &mut anstream::StripStream::new(&mut out))
            .unwrap();
        String::from_utf8(out).unwrap()
    }

    fn some_of_each() -> Vec<TrialResult> {
        let mut skip = sample::trial("accept/queue", Kind::Skip);
        skip.verdict.findings = vec![sample::finding(None, "no IPv6 on this machine", "", "")];
        vec![
            sample::trial("accept/order[ipv4]", Kind::Pass),
            skip.clone(),
            skip,
            sample::trial("refused/aaa", Kind::Deviates),
            sample::refused(),
        ]
    }

    #[test]
    fn counts_reasons_and_failures_are_told() {
        let options = Options { slow: 2, reports: Some("reports/latest".into()), ..Options::default() };
        assert_eq!(
            summary(some_of_each(), &options),
            "\
family       pass  deviates      skip      fail
accept          1         -         2         -
refused         -         1         -         1
all             1         1         2         1

skipped:
       2  no IPv6 on this machine

not as recorded:
  fail     refused/closed-port[ipv4]
           cases/refused/closed-port.yaml:7:5: connect client: expected ECONNREFUSED, got ETIMEDOUT

5 trials: 1 pass, 1 deviates, 2 skip, 1 fail; 2 slow left out (--include-ignored); 2.31 s on linux 6.18.44; reports in reports/latest
"
        );
    }

    #[test]
    fn quiet_is_one_line_and_verbose_shows_what_passed() {
        let quiet = summary(some_of_each(), &Options { quiet: true, ..Options::default() });
        assert_eq!(quiet, "5 trials: 1 pass, 1 deviates, 2 skip, 1 fail; 2.31 s on linux 6.18.44\n");
        let verbose = summary(some_of_each(), &Options { verbose: true, ..Options::default() });
        assert!(verbose.starts_with("accept/order[ipv4]: pass\nA behaviour\n"), "{verbose}");
        assert!(verbose.contains("refused/aaa: deviates"));
    }

    #[test]
    fn nothing_is_said_of_what_did_not_occur() {
        let cut_short = Results { not_run: 7, ..sample::results(Vec::new()) };
        let mut out = Vec::new();
        last_line(&cut_short, &Options::default(), &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert_eq!(out, "0 trials; interrupted, 7 not run; 2.31 s on linux 6.18.44\n");
    }
}
