//! `sockspec accept`: what to write where a run was not as expected. It edits nothing.

use std::io::{self, Write};
use std::path::Path;

use anstyle::Style;

use sockspec_harness::case::suite::Suite;

use crate::cases::{self, Files};
use crate::cli::Common;
use crate::error::Error;
use crate::evidence::accept::{Proposal, of_stand_in, of_system};
use crate::evidence::{distil, read};
use crate::exit::Exit;
use crate::report::CaseFiles;

/// Shows a snippet, and its place, for each outcome that was not expected. Ends 1 where there is one.
pub fn accept(results: &Path, common: &Common, out: &mut dyn Write) -> Result<Exit, Error> {
    let run = read::run(results)?;
    let origin = cases::origin(common);
    let wrong = |error| cases::error(&error, false);
    let suite = Suite::load(&origin, |_| true).map_err(wrong)?;
    let trials = suite.trials(&run.platform).map_err(wrong)?;
    if let [first, ..] = distil::foreign(&run, &trials).as_slice() {
        return Err(Error::Usage(format!(
            "{} was made with other cases: {first} is not there, or has other steps; run the suite again, or name its \
             cases with --cases",
            results.display()
        )));
    }
    let proposals = if run.platform.stack == "native" {
        of_system(&run, &trials)
    } else {
        let known = suite.deviations(&run.platform).map_err(wrong)?;
        let word = run.platform.stack.split(' ').next().unwrap_or_default();
        let text = suite.deviations_text(&format!("deviations/{word}.yaml"));
        of_stand_in(&run, &trials, known.as_ref().zip(text.as_deref()))
    };
    write(&proposals, &Files(origin), out).map_err(|error| Error::Stdout(error.to_string()))?;
    Ok(if proposals.is_empty() { Exit::AsRecorded } else { Exit::NotAsRecorded })
}

fn write(proposals: &[Proposal], files: &Files, out: &mut dyn Write) -> io::Result<()> {
    let bold = Style::new().bold();
    for Proposal { file, line, what, example, trials, snippet } in proposals {
        let more = if *trials > 1 { format!(" and {} more", trials - 1) } else { String::new() };
        writeln!(out, "# {example}{more}\n{bold}{}:{line}{bold:#}: {what}", files.shown(file))?;
        writeln!(out, "{snippet}")?;
    }
    if proposals.is_empty() {
        return writeln!(out, "everything is as expected");
    }
    writeln!(out, "{} to be looked at; replace TODO by the reason and its source", proposals.len())
}
