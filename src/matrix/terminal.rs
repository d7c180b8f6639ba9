//! The matrix on a terminal: below each step its outcomes, and beside each of them the platforms that have it.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::kin::Kin;
use super::{Cell, Known, Matrix, Row};
use crate::report::text::one_line;

/// The widest line.
const WIDTH: usize = 100;
/// Most outcomes are not wider.
const OUTCOME: usize = 28;
/// What stands before the cells of a row.
const INDENT: &str = "    ";

/// Writes the matrix.
pub fn write(matrix: &Matrix, out: &mut dyn Write) -> io::Result<()> {
    let bold = Style::new().bold();
    let kin = matrix.kin();
    for (family, rows) in matrix.families() {
        writeln!(out, "{bold}{family}{bold:#}")?;
        for of_case in rows.chunk_by(|a, b| a.case == b.case) {
            case(of_case, &kin, out)?;
        }
        writeln!(out)?;
    }
    legend(matrix, out)
}

fn case(rows: &[Row], kin: &[Kin], out: &mut dyn Write) -> io::Result<()> {
    let bold = Style::new().bold();
    let Some(first) = rows.first() else { return Ok(()) };
    let room = WIDTH.saturating_sub(first.case.len() + 2);
    writeln!(out, "{bold}{}{bold:#}  {}", first.case, short(&one_line(&first.title), room))?;
    for row in rows {
        let label = if row.rows.is_empty() { String::new() } else { format!("  [{}]", row.rows) };
        let label = short(&label, WIDTH / 2);
        let step = format!("{} {}", row.number, one_line(&row.step));
        writeln!(out, "  {}{label}", short(&step, WIDTH - 2 - label.chars().count()))?;
        for (cell, who) in alike(row, kin) {
            line(&cell, &who, out)?;
        }
    }
    Ok(())
}

/// The outcomes of a row, each with those who have it. Who has none is left out, unless nobody has one.
fn alike(row: &Row, kin: &[Kin]) -> Vec<(Cell, Vec<String>)> {
    let mut groups: Vec<(Cell, Vec<String>)> = Vec::new();
    for kin in kin {
        let cell = kin.cell(&row.cells);
        match groups.iter_mut().find(|(other, _)| other.shown() == cell.shown()) {
            Some((_, who)) => who.push(kin.head.clone()),
            None => groups.push((cell, vec![kin.head.clone()])),
        }
    }
    if groups.len() > 1 {
        groups.retain(|(cell, _)| cell.known != Known::Absent);
    }
    groups
}

/// An outcome and those who have it, below each other where it is wide.
fn line(cell: &Cell, who: &[String], out: &mut dyn Write) -> io::Result<()> {
    let (text, who) = (one_line(&cell.shown()).into_owned(), who.join(", "));
    let style = style(cell);
    let text = short(&text, WIDTH - INDENT.len());
    let room = WIDTH - INDENT.len() - OUTCOME - 1;
    if text.chars().count() <= OUTCOME {
        let pad = OUTCOME - text.chars().count() + 1;
        return writeln!(out, "{INDENT}{style}{text}{style:#}{:pad$}{}", "", short(&who, room));
    }
    let pad = INDENT.len() + OUTCOME + 1;
    writeln!(out, "{INDENT}{style}{text}{style:#}\n{:pad$}{}", "", short(&who, room))
}

fn style(cell: &Cell) -> Style {
    match cell.known {
        _ if cell.departs() => Style::new().fg_color(Some(AnsiColor::Yellow.into())),
        Known::Seen(_) | Known::Sourced { .. } => Style::new(),
        _ => Style::new().dimmed(),
    }
}

fn legend(matrix: &Matrix, out: &mut dyn Write) -> io::Result<()> {
    let differing = matrix.rows.iter().filter(|row| row.differs).count();
    writeln!(out, "{} rows, platforms differ in {differing}", matrix.rows.len())?;
    writeln!(out, "  !     not as the specification asks      *  not run here: as sources say")?;
    writeln!(out, "  (ok)  nothing but the specification says so")?;
    writeln!(out, "  ?     nobody knows                          skip  not run there")
}

fn short(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}
