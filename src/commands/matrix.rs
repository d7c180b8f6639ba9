//! `sockspec matrix`: behaviours against platforms.

use std::io::Write;
use std::path::Path;

use sockspec_harness::case::suite::Suite;

use crate::cases;
use crate::cli::{Common, MatrixArgs};
use crate::error::Error;
use crate::evidence::observed::Observed;
use crate::evidence::read;
use crate::exit::Exit;
use crate::matrix::{Matrix, html, markdown, rows, terminal};
use crate::output::Target;
use crate::select::family;

/// Shows the matrix, or writes it.
pub fn matrix(args: &MatrixArgs, common: &Common, out: &mut dyn Write) -> Result<Exit, Error> {
    let wrong = |error| cases::error(&error, false);
    let suite = Suite::load(&cases::origin(common), |_| true).map_err(wrong)?;
    let observed = read::all(&args.observed)?;
    check_families(&args.family, &suite)?;
    let matrix = rows::matrix(&suite, &observed).map_err(wrong)?;
    let matrix = of_platforms(matrix, &args.platform)?.only(&args.family, args.differences);
    if let Some(path) = &args.html {
        return write_page(&matrix, &suite, &observed, args, path, out);
    }
    if args.markdown { markdown::write(&matrix, out) } else { terminal::write(&matrix, out) }
        .map_err(|error| Error::Stdout(error.to_string()))?;
    Ok(Exit::AsRecorded)
}

fn write_page(
    matrix: &Matrix,
    suite: &Suite,
    observed: &[Observed],
    args: &MatrixArgs,
    path: &Path,
    out: &mut dyn Write,
) -> Result<Exit, Error> {
    let target = Target::prepare(path)?;
    let runs = args.run.iter().map(|path| read::run(path)).collect::<Result<Vec<_>, _>>()?;
    let page = html::page(matrix, suite, observed, &runs)?;
    target.write(|file| file.write_all(page.as_bytes()))?;
    writeln!(out, "{} rows in {}", matrix.rows.len(), path.display())
        .map_err(|error| Error::Stdout(error.to_string()))?;
    Ok(Exit::AsRecorded)
}

fn check_families(wanted: &[String], suite: &Suite) -> Result<(), Error> {
    match wanted.iter().find(|wanted| !suite.cases.iter().any(|case| family(&case.id) == wanted.as_str())) {
        Some(unknown) => {
            Err(Error::Usage(format!("there is no family `{unknown}`; `sockspec list` shows the cases")))
        }
        None => Ok(()),
    }
}

/// Only the platforms that are named, by a part of their name, in that order.
fn of_platforms(matrix: Matrix, wanted: &[String]) -> Result<Matrix, Error> {
    if wanted.is_empty() {
        return Ok(matrix);
    }
    let mut shown = Vec::new();
    for part in wanted {
        let names =
            matrix.columns.iter().enumerate().filter(|(_, column)| column.name.contains(part.as_str()));
        let found: Vec<_> = names.map(|(at, _)| at).filter(|at| !shown.contains(at)).collect();
        if found.is_empty() {
            let names: Vec<_> = matrix.columns.iter().map(|column| column.name.as_str()).collect();
            return Err(Error::Usage(format!("no platform has `{part}` in its name: {}", names.join(", "))));
        }
        shown.extend(found);
    }
    Ok(matrix.of_platforms(&shown))
}
