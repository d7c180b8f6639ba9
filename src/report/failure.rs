//! One trial as a picture of its case: the line with a caret, what was expected and why, what happened, the transcript,
//! and the ladder where it went over a wire.
//!
//! All that comes from behaviours and files is made visible first, so that nothing of it acts on a terminal.

use std::fmt::Write as _;
use std::iter;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use anstyle::Style;

use sockspec_harness::judge::verdict::{Finding, Kind};
use sockspec_harness::record::{End, StepRecord};
use sockspec_harness::results::TrialResult;

use super::text::{one_line, visible};
use super::time::human;
use super::{Context, ladder};
use sockspec_harness::platform::process::quoted;

/// The widest that the columns of a transcript grow.
const WIDEST: usize = 60;
/// How many of the values seen while waiting are shown whole.
const SHOWN: usize = 8;
/// Less lateness than this, in ns, explains nothing.
const WORTH_TELLING: u64 = 1_000_000;

/// Draws a trial. With `styled` there are escapes for colours, for a writer that strips them where they are not wanted.
#[must_use]
pub fn render(trial: &TrialResult, context: &Context<'_>, styled: bool) -> String {
    let mut out = String::new();
    // A write to a string does not fail.
    let _ = draw(&mut out, trial, context, styled);
    out
}

/// The line that says what decided: for a summary and for JUnit's `message`.
#[must_use]
pub fn reason(trial: &TrialResult) -> String {
    let fault = trial.record.fault.as_ref().map(|fault| fault.0.as_str());
    let deciding = trial.verdict.findings.last().map(|finding| finding.text.as_str());
    let text = match trial.verdict.kind {
        Kind::Broken => fault.or(deciding),
        _ => deciding.or(fault),
    };
    one_line(text.unwrap_or("no reason is given")).into_owned()
}

/// Where the deciding step stands: `cases/refused/closed-port.yaml:7:5`.
#[must_use]
pub fn place(trial: &TrialResult, context: &Context<'_>) -> String {
    format!("{}:{}:{}", one_line(&context.files.shown(&trial.file)), trial.line, trial.column)
}

/// The style in which a verdict is shown.
#[must_use]
pub fn style(kind: Kind) -> Style {
    let color = match kind {
        Kind::Pass => anstyle::AnsiColor::Green,
        Kind::Deviates | Kind::Known | Kind::Observed => anstyle::AnsiColor::Cyan,
        Kind::Skip => anstyle::AnsiColor::Yellow,
        Kind::Fail | Kind::Fixed | Kind::Broken => anstyle::AnsiColor::Red,
    };
    Style::new().fg_color(Some(color.into())).bold()
}

fn draw(out: &mut String, trial: &TrialResult, context: &Context<'_>, styled: bool) -> std::fmt::Result {
    let kind = trial.verdict.kind;
    let (on, bold) = if styled { (style(kind), Style::new().bold()) } else { (Style::new(), Style::new()) };
    writeln!(out, "{bold}{}{bold:#}: {on}{}{on:#}", one_line(&trial.id), kind.name())?;
    if !trial.title.is_empty() {
        writeln!(out, "{}", one_line(&trial.title))?;
    }
    if kind == Kind::Skip {
        return writeln!(out, "skipped:  {}", reason(trial));
    }
    if has_something_to_say(trial) {
        writeln!(out, "{}", snippet(trial, context, styled))?;
    }
    for finding in &trial.verdict.findings {
        details(out, finding, trial)?;
    }
    if trial.runs > 1 {
        let others: u64 = trial.also.values().sum();
        writeln!(out, "runs:     {} of {} ended like this", trial.runs - others.min(trial.runs), trial.runs)?;
        for (text, count) in &trial.also {
            writeln!(out, "          {count}: {}", one_line(text))?;
        }
    }
    transcript(out, trial, bold)?;
    let ladder = ladder::draw(trial);
    if !ladder.is_empty() {
        write!(out, "on the wire:\n{ladder}")?;
    }
    if let Some(path) = context.captures.and_then(|captures| captures.path(trial)) {
        writeln!(out, "capture:  {}", one_line(&path.to_string_lossy()))?;
    }
    writeln!(out, "repeat it: {} --exact {}", context.command, quoted(&one_line(&trial.id)))
}

fn has_something_to_say(trial: &TrialResult) -> bool {
    !trial.verdict.findings.is_empty() || trial.record.fault.is_some()
}

/// The step's line with a caret, labelled with what decided.
fn snippet(trial: &TrialResult, context: &Context<'_>, styled: bool) -> String {
    let label = reason(trial);
    let text = context.files.text(&trial.file);
    let line = text.as_deref().and_then(|text| text.lines().nth(trial.line.checked_sub(1)?));
    let Some(line) = line else {
        return format!(" --> {}\n     {label}", place(trial, context));
    };
    let start = line.char_indices().map(|(at, _)| at).chain([line.len()]).nth(trial.column.saturating_sub(1));
    let start = start.unwrap_or(line.len());
    let word = line[start..].find([':', ' ', ',', '}']).unwrap_or(line.len() - start);
    let shown = context.files.shown(&trial.file);
    let source = Snippet::source(line)
        .line_start(trial.line)
        .path(one_line(&shown).into_owned())
        .annotation(AnnotationKind::Primary.span(start..start + word).label(label));
    let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
    let report = [Group::with_level(Level::ERROR).element(source)];
    let drawn = renderer.decor_style(DecorStyle::Ascii).render(&report);
    drawn.trim_end_matches(['\n', ' ', '|']).to_owned()
}

fn details(out: &mut String, finding: &Finding, trial: &TrialResult) -> std::fmt::Result {
    if finding.text != trial.verdict.findings.last().map_or("", |last| &last.text) {
        writeln!(out, "also:     {}", one_line(&finding.text))?;
    }
    if let Some(expected) = &finding.expected {
        block(out, "expected:", expected)?;
    }
    match (&finding.why, &finding.source) {
        (Some(why), Some(source)) => block(out, "", &format!("because {why} ({source})"))?,
        (Some(why), None) => block(out, "", &format!("because {why}"))?,
        (None, Some(source)) => block(out, "", &format!("says {source}"))?,
        (None, None) => {}
    }
    if let Some(observed) = &finding.observed {
        let step =
            finding.step.and_then(|step| trial.record.steps.iter().rfind(|record| record.step == step));
        block(out, "observed:", &step.map_or_else(|| observed.clone(), |step| with_native(observed, step)))?;
    }
    Ok(())
}

/// A label and text that may have several lines.
fn block(out: &mut String, label: &str, text: &str) -> std::fmt::Result {
    for (label, line) in iter::once(label).chain(iter::repeat("")).zip(visible(text).lines()) {
        writeln!(out, "{label:<9} {line}")?;
    }
    Ok(())
}

/// What was observed, with the native code behind the error's name: `ECONNREFUSED (WSAECONNREFUSED 10061)`. The verdict
/// may have said it already.
fn with_native(observed: &str, step: &StepRecord) -> String {
    let native = native(step);
    if observed.contains(&native) {
        return observed.to_owned();
    }
    let name = step.outcome.as_ref().map(ToString::to_string).unwrap_or_default();
    let (name, rest) = match observed.strip_prefix(&name) {
        Some(rest) => (name.as_str(), rest),
        None => (observed, ""),
    };
    format!("{name}{native}{rest}")
}

/// The raw code of a call's error, and its native name: ` (WSAECONNREFUSED 10061)`.
fn native(step: &StepRecord) -> String {
    let Some(completion) = &step.completion else { return String::new() };
    match (&completion.native, completion.code) {
        (Some(name), Some(code)) => format!(" ({name} {code})"),
        (Some(name), None) => format!(" ({name})"),
        (None, Some(code)) => format!(" ({code})"),
        (None, None) => String::new(),
    }
}

/// One line for each step up to the one that decided, which is marked.
fn transcript(out: &mut String, trial: &TrialResult, bold: Style) -> std::fmt::Result {
    let decided = matches!(trial.verdict.kind, Kind::Fail | Kind::Fixed | Kind::Broken)
        .then(|| trial.verdict.findings.last().and_then(|finding| finding.step))
        .flatten();
    let shown = |record: &&StepRecord| decided.is_none_or(|last| record.step <= last);
    let mut rows: Vec<Row> =
        trial.record.steps.iter().filter(shown).map(|record| row(record, trial)).collect();
    // Where the harness failed, the step may have left no record.
    if let Some(step) = decided.filter(|step| trial.record.steps.iter().all(|record| record.step != *step)) {
        let text = step_text(trial, step);
        rows.push(Row {
            step,
            at: String::new(),
            text,
            outcome: "did not end".into(),
            took: String::new(),
            more: String::new(),
        });
    }
    if rows.is_empty() {
        return Ok(());
    }
    let width = |column: fn(&Row) -> &str| {
        rows.iter().map(|row| column(row).chars().count()).max().unwrap_or(0).min(WIDEST)
    };
    let (text, outcome, took) = (width(|row| &row.text), width(|row| &row.outcome), width(|row| &row.took));
    writeln!(out, "transcript:")?;
    for row in rows {
        let (mark, on) = if Some(row.step) == decided { (">", bold) } else { (" ", Style::new()) };
        let line = format!(
            "{mark} {:>3}  {:>11}  {:<text$}  {:<outcome$}  {:>took$}  {}",
            row.step + 1,
            row.at,
            row.text,
            row.outcome,
            row.took,
            row.more
        );
        writeln!(out, "{on}{}{on:#}", line.trim_end())?;
    }
    Ok(())
}

struct Row {
    step: usize,
    at: String,
    text: String,
    outcome: String,
    took: String,
    more: String,
}

fn row(record: &StepRecord, trial: &TrialResult) -> Row {
    let mut outcome = match (&record.outcome, record.end) {
        (Some(outcome), _) => one_line(&outcome.to_string()).into_owned(),
        (None, End::Asleep) => "asleep".to_owned(),
        (None, _) => "-".to_owned(),
    };
    if let Some(signal) = record.completion.as_ref().and_then(|completion| completion.signal.as_deref()) {
        let _ = write!(outcome, " + {}", one_line(signal));
    }
    let mut more = Vec::new();
    let seen = seen(record);
    if !seen.is_empty() {
        more.push(format!("seen {seen}"));
    }
    match record.end {
        End::Limit => more.push("the limit ran out".to_owned()),
        End::CannotCome => more.push("cannot come any more".to_owned()),
        End::Done | End::Asleep | End::Settled => {}
    }
    if record.late >= WORTH_TELLING {
        more.push(format!("the machine was {} late", human(record.late)));
    }
    more.extend(record.note.as_deref().map(|note| one_line(note).into_owned()));
    #[expect(clippy::cast_precision_loss, reason = "three decimals are shown")]
    let at = record.begin as f64 / 1e6;
    Row {
        step: record.step,
        at: format!("{at:.3} ms"),
        text: step_text(trial, record.step),
        outcome,
        took: human(record.finish.saturating_sub(record.begin)),
        more: more.join("; "),
    }
}

fn step_text(trial: &TrialResult, step: usize) -> String {
    trial.steps.get(step).map_or_else(|| format!("step {}", step + 1), |text| one_line(text).into_owned())
}

/// The values that were seen, if there is more to them than the outcome: `SYN_SENT … ESTABLISHED`.
fn seen(record: &StepRecord) -> String {
    let values: Vec<String> =
        record.seen.iter().map(|sample| one_line(&sample.value.to_string()).into_owned()).collect();
    if values.len() < 2 {
        return String::new();
    }
    if values.len() <= SHOWN {
        return values.join(" … ");
    }
    let (first, last) = (&values[..SHOWN / 2], &values[values.len() - SHOWN / 2..]);
    format!("{} … ({} more) … {}", first.join(" … "), values.len() - SHOWN, last.join(" … "))
}

#[cfg(test)]
#[path = "failure_tests.rs"]
mod tests;
