//! `sockspec-lab list`: the entries, what they need, and whether they are prepared.

use std::io::{self, Write};

use crate::cache::Cache;
use crate::entry::Entry;
use crate::error::Error;
use crate::prepare::{is_root, missing};

/// Shows the entries.
pub fn list(entries: &[Entry], cache: &Cache, out: &mut dyn Write) -> Result<(), Error> {
    let width = entries.iter().map(|entry| entry.name.len()).max().unwrap_or(0);
    for entry in entries {
        let line = format!("{:<width$}  {:<12}  {}", entry.name, state(entry, cache)?, entry.title);
        write(out, &line)?;
        let blank = "";
        write(out, &format!("{blank:<width$}  {blank:<12}  {}", needs(entry)))?;
    }
    Ok(())
}

fn state(entry: &Entry, cache: &Cache) -> Result<&'static str, Error> {
    Ok(if cache.has(entry)? { "prepared" } else { "not prepared" })
}

fn needs(entry: &Entry) -> String {
    let suites: Vec<_> = entry.prepare.packages.iter().map(|packages| packages.suite.as_str()).collect();
    let mut needs = Vec::new();
    if entry.root {
        needs.push(if is_root() { "root".to_owned() } else { "root, which we are not".to_owned() });
    }
    if !suites.is_empty() {
        needs.push(format!("Debian's packages of {}", suites.join(", ")));
    }
    if !entry.needs.is_empty() {
        needs.push(format!("the commands {}", entry.needs.join(", ")));
    }
    let missing = missing(entry);
    if !missing.is_empty() {
        needs.push(format!("of which are MISSING: {}", missing.join(", ")));
    }
    if needs.is_empty() { "needs nothing".to_owned() } else { format!("needs {}", needs.join("; ")) }
}

fn write(out: &mut dyn Write, line: &str) -> Result<(), Error> {
    match writeln!(out, "{}", line.trim_end()) {
        // Whoever has left has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::Failed(error.to_string())),
        _ => Ok(()),
    }
}
