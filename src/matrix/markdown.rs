//! The matrix as Markdown: `reports/matrix.md`. Rows in which platforms differ as tables; what all agree on is counted.

use std::io::{self, Write};

use super::kin::Kin;
use super::{Column, Matrix, Row};
use crate::commands::diff::cell;

/// Writes the matrix. Links lead from `reports/` to the cases.
pub fn write(matrix: &Matrix, out: &mut dyn Write) -> io::Result<()> {
    let differing = matrix.rows.iter().filter(|row| row.differs).count();
    writeln!(out, "# How systems differ\n")?;
    writeln!(
        out,
        "Made by `sockspec matrix --markdown` from `reports/observed/` and the cases; do not edit.\n"
    )?;
    writeln!(
        out,
        "{} behaviours, of which {differing} differ between systems. `!`: not as the specification asks. In \
         parentheses: nothing but the specification says so. `?`: nobody knows. `-`: not there, or not reached. \
         `skip`: not run there. Versions that differ from most of their system are named: `ok; 5.10: EINVAL`.\n",
        matrix.rows.len()
    )?;
    writeln!(out, "| platform | known by |\n| --- | --- |")?;
    for column in &matrix.columns {
        writeln!(out, "| {} | {} |", cell(&column.name), cell(&known_by(column)))?;
    }
    let kin = matrix.kin();
    for (family, rows) in matrix.families() {
        let same = rows.iter().filter(|row| !row.differs).count();
        writeln!(out, "\n## {family}\n")?;
        if same < rows.len() {
            let heads: Vec<_> = kin.iter().map(|kin| cell(&kin.head)).collect();
            writeln!(out, "| behaviour | step | {} |", heads.join(" | "))?;
            writeln!(out, "| --- | --- |{}", " --- |".repeat(heads.len()))?;
            rows.iter().filter(|row| row.differs).try_for_each(|row| line(row, &kin, out))?;
            writeln!(out)?;
        }
        if same > 0 {
            writeln!(out, "In {same} more rows no difference is known.")?;
        }
    }
    Ok(())
}

fn line(row: &Row, kin: &[Kin], out: &mut dyn Write) -> io::Result<()> {
    let name = row.case.split_once('/').map_or(row.case.as_str(), |(_, name)| name);
    let label = if row.rows.is_empty() { String::new() } else { format!(" ({})", cell(&row.rows)) };
    let cells: Vec<_> = kin.iter().map(|kin| cell(&kin.cell(&row.cells).shown())).collect();
    writeln!(
        out,
        "| [{name}](../cases/{}.yaml){label} | {} | {} |",
        row.case,
        cell(&row.step),
        cells.join(" | ")
    )
}

fn known_by(column: &Column) -> String {
    match &column.run {
        Some(run) => {
            let day = run.recorded.split('T').next().unwrap_or_default();
            format!("a run of {} on {day}: `{}`", run.system, run.repeat)
        }
        None => "sources that the cases name; not run here".to_owned(),
    }
}
