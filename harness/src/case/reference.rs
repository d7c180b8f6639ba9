//! The generated parts of `cases/README.md`: what the tables say, as Markdown. What is written by hand is not here.

use super::args::FLAGS;
use super::expand::NEEDS;
use super::model::CASE_KEYS;
use super::segment;
use super::verbs::{Arg, ArgKind, Class, OutcomeKind, STEP_KEYS, Subject, VERBS, Verb};
use crate::platform::options;

/// The parts of `cases/README.md` that are generated, by the name in their markers: `<!-- generated: verbs -->` to
/// `<!-- end: verbs -->`.
#[must_use]
pub fn parts() -> Vec<(&'static str, String)> {
    vec![
        ("case keys", table(["key", "what it is"], CASE_KEYS)),
        ("step keys", table(["key", "what it is"], STEP_KEYS)),
        ("needs", table(["need", "what it says"], NEEDS)),
        ("flags", sentence(FLAGS)),
        ("options", sentence(options::names())),
        ("segment keys", table(["key", "what it is"], segment::KEYS)),
        ("verbs", verbs_markdown()),
    ]
}

/// Every verb: what it does, its arguments, its outcomes, an example.
#[must_use]
pub fn verbs_markdown() -> String {
    let mut text = String::new();
    for verb in VERBS {
        text.push_str(&format!("### {}\n\n{}\n\n", verb.name, verb.about));
        text.push_str(&format!("The value is {}. {}\n\n", subject(verb.subject), class(verb)));
        if !verb.args.is_empty() {
            text.push_str("| argument | what it says | value |\n| --- | --- | --- |\n");
            for arg in verb.args {
                text.push_str(&argument(arg));
            }
            text.push('\n');
        }
        text.push_str(&format!("{}\n\n```yaml\n{}\n```\n\n", outcomes(verb), verb.example));
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn subject(subject: Subject) -> &'static str {
    match subject {
        Subject::Socket => "a socket",
        Subject::SocketOrNew => {
            "a socket; one that is not there is made: a stream socket of the trial's address family"
        }
        Subject::NewSocket => "the name for a new socket",
        Subject::Sockets => "a socket, or a map of sockets to what is expected of each",
        Subject::Call => "a background call",
        Subject::Pattern => "a pattern of segments",
        Subject::Cable => "the word `cable`",
        Subject::Setup => "the name of a setup",
        Subject::Count => "a number",
    }
}

fn class(verb: &Verb) -> &'static str {
    match verb.class {
        Class::Call => "It is a call.",
        Class::Look => "It looks until the expected value is there.",
        Class::Background => "It acts on a call that goes on.",
        Class::Wire => "It is for `link: wire`.",
        Class::Macro => "It stands for other steps.",
    }
}

fn argument(arg: &Arg) -> String {
    let kind = match arg.kind {
        ArgKind::Address => "an address".to_owned(),
        ArgKind::Bool => "`true` or `false`".to_owned(),
        ArgKind::Data => "data".to_owned(),
        ArgKind::Duration => "a time".to_owned(),
        ArgKind::Flags => "MSG_ flags".to_owned(),
        ArgKind::Expression => "a sum of numbers and names".to_owned(),
        ArgKind::Segment | ArgKind::SegmentWant => "a segment".to_owned(),
        ArgKind::Int => "a whole number".to_owned(),
        ArgKind::NewSocket => "a new name".to_owned(),
        ArgKind::Option => "an option".to_owned(),
        ArgKind::OptionValue => {
            "a number, `on`, `off`, a time, a word, `{linger: 1s}`, `{bytes: n}`".to_owned()
        }
        ArgKind::Steps => "a list of steps".to_owned(),
        ArgKind::Word(words) => format!("{}, or a number that is passed as it is", alternatives(words)),
        ArgKind::OneOf(words) if arg.name == "via" => {
            format!("{}; the first is the default", alternatives(words))
        }
        ArgKind::OneOf(words) => alternatives(words),
    };
    let required = if arg.required { ", required" } else { "" };
    format!("| `{}`{required} | {} | {kind} |\n", arg.name, arg.about)
}

fn outcomes(verb: &Verb) -> String {
    if verb.outcomes.is_empty() {
        return "It has no outcome of its own.".to_owned();
    }
    let kinds: Vec<_> = verb.outcomes.iter().copied().map(OutcomeKind::about).collect();
    let default =
        if verb.ok_by_default { "`ok` where nothing is written" } else { "what is expected must be written" };
    format!("Outcomes: {}; {default}.", kinds.join(", "))
}

fn alternatives(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn table(head: [&str; 2], rows: &[(&str, &str)]) -> String {
    let mut text = format!("| {} | {} |\n| --- | --- |\n", head[0], head[1]);
    for (key, about) in rows {
        text.push_str(&format!("| `{key}` | {} |\n", about.replace('|', "\\|")));
    }
    text
}

fn sentence<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<_> = words.into_iter().map(|word| format!("`{word}`")).collect();
    let mut lines = String::new();
    let mut width = 0;
    for (i, word) in words.iter().enumerate() {
        let last = i + 1 == words.len();
        let word = format!("{word}{}", if last { "." } else { "," });
        if width + word.len() > 118 {
            lines.push('\n');
            width = 0;
        } else if i > 0 {
            lines.push(' ');
            width += 1;
        }
        width += word.len();
        lines.push_str(&word);
    }
    lines.push('\n');
    lines
}
