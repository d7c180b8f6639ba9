//! `sockspec diff A B`: what is new, gone or different between two runs, with both outcomes.

use std::io::{self, Write};
use std::path::Path;

use anstyle::Style;

use sockspec_harness::case::suite::Suite;

use crate::cases;
use crate::cli::Common;
use crate::error::Error;
use crate::evidence::compare::{Change, Comparison, Difference, compare};
use crate::evidence::observed::Observed;
use crate::evidence::read;
use crate::exit::Exit;
use crate::report::text::one_line;

/// Compares two runs, or what was kept of them.
pub fn diff(a: &Path, b: &Path, markdown: bool, common: &Common, out: &mut dyn Write) -> Result<Exit, Error> {
    let suite = Suite::load(&cases::origin(common), |_| true).map_err(|error| cases::error(&error, false))?;
    let (a, b) = (read::either(a, &suite)?, read::either(b, &suite)?);
    let comparison = compare(&a, &b);
    let write = if markdown { write_markdown } else { write_text };
    write(&a, &b, &comparison, out).map_err(|error| Error::Stdout(error.to_string()))?;
    Ok(if comparison.differences.is_empty() { Exit::AsRecorded } else { Exit::NotAsRecorded })
}

fn write_text(a: &Observed, b: &Observed, comparison: &Comparison, out: &mut dyn Write) -> io::Result<()> {
    let bold = Style::new().bold();
    writeln!(out, "- {}\n+ {}\n", heading(a), heading(b))?;
    for difference in &comparison.differences {
        let Difference { change, case, trials, before, after, .. } = difference;
        writeln!(out, "{}: {bold}{case}{bold:#}{}", change.name(), rows(difference, *trials))?;
        if let Some((number, text)) = &difference.step {
            writeln!(out, "    {number} {}", one_line(text))?;
        }
        writeln!(out, "    - {}\n    + {}", one_line(before), one_line(after))?;
    }
    if !comparison.differences.is_empty() {
        writeln!(out)?;
    }
    writeln!(out, "{}", summary(comparison))
}

fn write_markdown(
    a: &Observed,
    b: &Observed,
    comparison: &Comparison,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "### Sockets: {} against {}\n\n{}", cell(&a.name), cell(&b.name), summary(comparison))?;
    for change in [Change::Different, Change::Gone, Change::New] {
        let mut of_change = comparison.differences.iter().filter(|one| one.change == change).peekable();
        if of_change.peek().is_none() {
            continue;
        }
        writeln!(out, "\n#### {}\n", change.name())?;
        writeln!(
            out,
            "| behaviour | step | {} | {} |\n| --- | --- | --- | --- |",
            cell(&a.name),
            cell(&b.name)
        )?;
        for difference in of_change {
            let step = difference
                .step
                .as_ref()
                .map_or_else(String::new, |(number, text)| format!("{number} {text}"));
            writeln!(
                out,
                "| {}{} | {} | {} | {} |",
                cell(&difference.case),
                cell(&rows(difference, difference.trials)),
                cell(&step),
                cell(&difference.before),
                cell(&difference.after)
            )?;
        }
    }
    Ok(())
}

fn heading(observed: &Observed) -> String {
    let platform = &observed.platform;
    let stack = if platform.stack == "native" { String::new() } else { format!(", {}", platform.stack) };
    format!(
        "{}: {} {}{stack}, {}",
        observed.name,
        platform.os,
        one_line(&platform.version_text),
        observed.recorded
    )
}

fn rows(difference: &Difference, trials: usize) -> String {
    match (difference.rows.as_str(), trials) {
        ("", 1) => String::new(),
        ("", n) => format!(" ({n} trials)"),
        (rows, 1) => format!(" [{rows}]"),
        (rows, n) => format!(" [{rows}] ({n} trials)"),
    }
}

fn summary(comparison: &Comparison) -> String {
    let count = |change| -> usize {
        let of_change = comparison.differences.iter().filter(|one| one.change == change);
        of_change.map(|one| one.trials).sum()
    };
    format!(
        "trials: {} different, {} gone, {} new, {} the same",
        count(Change::Different),
        count(Change::Gone),
        count(Change::New),
        comparison.same
    )
}

/// Text for a cell of a table.
pub(crate) fn cell(text: &str) -> String {
    one_line(text).replace('|', "\\|").replace('<', "&lt;").replace('[', "\\[").replace('*', "\\*")
}
