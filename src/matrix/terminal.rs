//! The matrix on a terminal: two lines for each row, since names of steps are long, and outcomes are to stand in columns.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::{Cell, Known, Matrix, Row};
use crate::report::text::one_line;

/// The widest line.
const WIDTH: usize = 100;
/// What a cell is narrower than looks like another one.
const NARROWEST: usize = 11;
/// More than this no outcome needs.
const WIDEST: usize = 24;
/// What stands before the cells of a row.
const INDENT: &str = "    ";

/// How many platforms find room.
pub const MOST_PLATFORMS: usize = (WIDTH - INDENT.len()) / NARROWEST;

/// Writes the matrix. It has room for [`MOST_PLATFORMS`].
pub fn write(matrix: &Matrix, out: &mut dyn Write) -> io::Result<()> {
    let columns = matrix.columns.len().max(1);
    let width = ((WIDTH - INDENT.len()) / columns).clamp(NARROWEST, WIDEST);
    let bold = Style::new().bold();
    let heads: Vec<_> = matrix.columns.iter().map(|column| (column.short(), Style::new().bold())).collect();
    for (family, rows) in matrix.families() {
        writeln!(out, "{bold}{family}{bold:#}")?;
        line(&heads, width, out)?;
        for of_case in rows.chunk_by(|a, b| a.case == b.case) {
            case(of_case, width, out)?;
        }
        writeln!(out)?;
    }
    legend(matrix, out)
}

fn case(rows: &[Row], width: usize, out: &mut dyn Write) -> io::Result<()> {
    let bold = Style::new().bold();
    let Some(first) = rows.first() else { return Ok(()) };
    let room = WIDTH.saturating_sub(first.case.len() + 2);
    writeln!(out, "{bold}{}{bold:#}  {}", first.case, short(&one_line(&first.title), room))?;
    for row in rows {
        let label = if row.rows.is_empty() { String::new() } else { format!("  [{}]", row.rows) };
        let label = short(&label, WIDTH / 2);
        let step = format!("{} {}", row.number, one_line(&row.step));
        writeln!(out, "  {}{label}", short(&step, WIDTH - 2 - label.chars().count()))?;
        let cells: Vec<_> = row.cells.iter().map(|cell| (cell.shown(), style(cell))).collect();
        line(&cells, width, out)?;
    }
    Ok(())
}

/// Cells beside each other; a text that finds no room goes on below.
fn line(cells: &[(String, Style)], width: usize, out: &mut dyn Write) -> io::Result<()> {
    let wrapped: Vec<_> = cells.iter().map(|(text, _)| wrap(&one_line(text), width - 1)).collect();
    let height = wrapped.iter().map(Vec::len).max().unwrap_or_default();
    for at in 0..height {
        let mut pad = INDENT.len();
        for (lines, (_, style)) in wrapped.iter().zip(cells) {
            let text = lines.get(at).map_or("", String::as_str);
            if !text.is_empty() {
                write!(out, "{:pad$}{style}{text}{style:#}", "")?;
                pad = 0;
            }
            pad += width - text.chars().count();
        }
        writeln!(out)?;
    }
    Ok(())
}

/// At most so many lines of a cell.
const MOST_LINES: usize = 3;

/// Text in lines that are not wider, broken between words where that is possible.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let fits = |line: &String| line.chars().count() + 1 + word.chars().count() <= width;
        match lines.last_mut().filter(|line| fits(line)) {
            Some(line) => *line = format!("{line} {word}"),
            None => lines.push(short(word, width)),
        }
    }
    if lines.len() > MOST_LINES {
        lines.truncate(MOST_LINES);
        if let Some(last) = lines.last_mut() {
            *last = short(&format!("{last}……"), width.min(last.chars().count() + 1));
        }
    }
    lines
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
    writeln!(out, "  ?     nobody knows      -  not there or not reached      skip  not run there")
}

fn short(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}
