//! `sockspec list`: the cases and their titles.

use std::io::{self, Write};

use sockspec_harness::case::suite::Suite;

use crate::cases;
use crate::cli::Common;
use crate::error::Error;
use crate::exit::Exit;
use crate::select::{Selection, Slow};

/// Lists the cases that match one of the filters.
pub fn list(filters: &[String], common: &Common, out: &mut dyn Write) -> Result<Exit, Error> {
    let suite = Suite::load(&cases::origin(common), |_| true).map_err(|error| cases::error(&error, false))?;
    let selection =
        Selection { filters: filters.to_vec(), skip: Vec::new(), exact: false, slow: Slow::Include };
    let ids = suite.cases.iter().map(|case| (case.id.as_str(), false));
    let selected = selection.select(ids);
    let width = selected.at.iter().map(|at| suite.cases[*at].id.len()).max().unwrap_or_default();
    for at in &selected.at {
        let case = &suite.cases[*at];
        let slow = if case.slow { " (slow)" } else { "" };
        writeln!(out, "{:width$}  {}{slow}", case.id, case.title).map_err(stdout)?;
    }
    if selected.at.is_empty() {
        return Err(Error::Usage("no case matches; `sockspec list` shows them all".to_owned()));
    }
    Ok(Exit::AsRecorded)
}

fn stdout(error: io::Error) -> Error {
    Error::Stdout(error.to_string())
}
