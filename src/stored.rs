//! Results of an earlier run, read back from the `results.json` that it left.

use std::fs;
use std::path::Path;

use sockspec_harness::results::{FORMAT, Results};

use crate::error::Error;

/// Reads a file of results.
pub fn read(path: &Path) -> Result<Results, Error> {
    let wrong = |error: &dyn std::fmt::Display| Error::Usage(format!("{}: {error}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| wrong(&error))?;
    let results: Results = serde_json::from_str(&text).map_err(|error| wrong(&error))?;
    if results.format != FORMAT {
        return Err(wrong(&format!(
            "results in format {}; this sockspec reads format {FORMAT}",
            results.format
        )));
    }
    Ok(results)
}
