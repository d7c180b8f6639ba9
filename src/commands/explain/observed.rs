//! What platforms did where a case was run: the part of an explanation that is evidence.

use std::collections::BTreeSet;
use std::io::{self, Write};

use sockspec_harness::case::answers::CellAnswers;

use super::with_rows;
use crate::evidence::mark::Mark;
use crate::evidence::observed::{Observed, ObservedCase, ObservedTrial};
use crate::rows::{Axes, variants};

/// A row of the case with what was kept of its trial.
type Kept<'a> = (&'a Axes, Option<&'a ObservedTrial>);

/// Writes what each platform did in the cells, where it ran any of them.
pub(super) fn write(
    case: &str,
    cells: &[CellAnswers],
    evidence: &[Observed],
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut heading = "\nobserved\n";
    for platform in evidence {
        let Some(kept) = platform.cases.iter().find(|kept| kept.case == case) else { continue };
        let trial = |cell: &CellAnswers| kept.trials.iter().find(|trial| trial.id == cell.id);
        let trials: Vec<Kept<'_>> = cells.iter().map(|cell| (&cell.axes, trial(cell))).collect();
        if trials.iter().all(|(_, trial)| trial.is_none()) {
            continue;
        }
        writeln!(out, "{heading}  {}, recorded {}", platform.name, platform.recorded)?;
        heading = "";
        verdicts(kept, &trials, out)?;
        outcomes(kept, &trials, out)?;
    }
    Ok(())
}

/// What was said of the trials, with the reason where they were not run or are known to fail.
fn verdicts(case: &ObservedCase, trials: &[Kept<'_>], out: &mut dyn Write) -> io::Result<()> {
    let said = |trial: &ObservedTrial| match case.reason(trial) {
        Some(reason) => format!("{}: {reason}", trial.verdict.name()),
        None => trial.verdict.name().to_owned(),
    };
    let cells: Vec<_> = trials.iter().map(|(axes, trial)| (*axes, trial.map(said))).collect();
    for variant in variants(&cells) {
        writeln!(out, "    {}", with_rows(&variant))?;
    }
    Ok(())
}

/// What came out of the steps. Where a trial does not tell of one, it came out `ok` or was not reached.
fn outcomes(case: &ObservedCase, trials: &[Kept<'_>], out: &mut dyn Write) -> io::Result<()> {
    let kept = trials.iter().filter_map(|(_, trial)| *trial);
    let steps: BTreeSet<(usize, &str)> =
        kept.flat_map(|trial| case.told(trial)).map(|told| (told.number, told.text)).collect();
    for (number, text) in steps {
        let said = |trial: &ObservedTrial| {
            let told = case.told(trial).find(|told| (told.number, told.text) == (number, text))?;
            let mark = if told.mark == Mark::Agrees { String::new() } else { format!(" ({})", told.mark) };
            Some(format!("{text}: {}{mark}", told.outcome))
        };
        let cells: Vec<_> = trials.iter().map(|(axes, trial)| (*axes, trial.and_then(said))).collect();
        for variant in variants(&cells) {
            writeln!(out, "      {}", with_rows(&variant))?;
        }
    }
    Ok(())
}
