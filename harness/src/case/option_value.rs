//! The value that a step gives to a socket option: reading it, and whether the option takes such a value at all.
//!
//! Whether a system accepts a value is what cases are about; here it is only whether it can be passed, which no run
//! could do either. `{bytes: n}` can always be passed: it is for wrong calls. A value that only some systems have room
//! for, like half a second, is not refused: what the case needs may keep it from the others.

use super::args::ArgValue;
use super::diagnostic::Diagnostics;
use super::read;
use super::step::Step;
use super::yaml::{Node, Value};
use crate::host::call::OptionValue;
use crate::platform::options;

/// Finds fault with a value that cannot be passed to its option on any system.
pub(super) fn check(step: &Step, diagnostics: &mut Diagnostics) {
    let Some(option) = step.word("option").filter(|_| step.verb.name == "setsockopt").and_then(options::find)
    else {
        return;
    };
    let written = step.args.iter().find_map(|(_, value, span)| match value {
        ArgValue::Value(value) => Some((value, *span)),
        _ => None,
    });
    match written {
        Some((value, span)) => {
            if let Err(problem) = option.takes(value) {
                diagnostics.error(span, problem);
            }
        }
        None => {
            if let Err(problem) = option.takes(&WHERE_NOT_WRITTEN) {
                let help = "write `value`; where it is not written, `on` is set, which is 1";
                diagnostics.error_help(step.place.span, problem, help);
            }
        }
    }
}

/// What is set where `value` is not written.
pub(crate) const WHERE_NOT_WRITTEN: OptionValue = OptionValue::Int(1);

/// Reads a value as it is written.
pub(super) fn read(value: &Node, diagnostics: &mut Diagnostics) -> Option<OptionValue> {
    match &value.value {
        Value::Int(n) => Some(OptionValue::Int(*n)),
        Value::Bool(b) => Some(OptionValue::Int(i64::from(*b))),
        Value::Text(text) => Some(match text.as_str() {
            "on" => OptionValue::Int(1),
            "off" => OptionValue::Int(0),
            _ => read::parse_duration(text)
                .map_or_else(|| OptionValue::Text(text.clone()), OptionValue::Duration),
        }),
        Value::Map(entries) => {
            match entries.as_slice() {
                [(key, value)] if key.text == "linger" => match value.text() {
                    Some("off") => Some(OptionValue::Linger(None)),
                    _ => {
                        let duration = read::duration(value, diagnostics)?;
                        let Ok(seconds) = u16::try_from(duration.as_secs()) else {
                            diagnostics.error(value.span, "SO_LINGER counts up to 65535 s");
                            return None;
                        };
                        if duration.subsec_nanos() != 0 {
                            diagnostics.error(value.span, "SO_LINGER counts whole seconds");
                        }
                        Some(OptionValue::Linger(Some(seconds)))
                    }
                },
                [(key, value)] if key.text == "bytes" => {
                    Some(OptionValue::Raw(vec![0; read::count(value, diagnostics)?.min(4096)]))
                }
                _ => {
                    diagnostics.error(value.span, "the value of an option is a number, on, off, a time, a word, {linger: 1s} or {bytes: n}");
                    None
                }
            }
        }
        _ => {
            diagnostics.error(value.span, format!("{} is no value of an option", value.kind()));
            None
        }
    }
}

/// The value in words.
pub(super) fn text(value: &OptionValue) -> String {
    match value {
        OptionValue::Int(n) => n.to_string(),
        OptionValue::Duration(d) => format!("{d:?}"),
        OptionValue::Linger(None) => "off".to_owned(),
        OptionValue::Linger(Some(s)) => format!("linger {s}s"),
        OptionValue::Text(text) => text.clone(),
        OptionValue::Raw(bytes) => format!("{} raw bytes", bytes.len()),
    }
}
