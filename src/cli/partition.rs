//! `--partition 2/8`: which of the parts of a run this one is.

use std::str::FromStr;

use sockspec_harness::results::Part;

/// The most parts that a run is split into; more are a typing error.
const MOST: u32 = 10_000;

/// Reads `M/N`.
pub(super) fn parse(text: &str) -> Result<Part, String> {
    let wrong = || format!("`{text}` is no part: write M/N, such as 2/8 for the second of eight");
    let (number, of) = text.split_once('/').ok_or_else(wrong)?;
    let part = Part {
        number: u32::from_str(number).map_err(|_| wrong())?,
        of: u32::from_str(of).map_err(|_| wrong())?,
    };
    match part {
        Part { of, .. } if of > MOST => Err(format!("at most {MOST} parts")),
        Part { number, of } if number == 0 || number > of => {
            Err(format!("parts are numbered from 1 to {of}"))
        }
        part => Ok(part),
    }
}
