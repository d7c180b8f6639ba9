//! Making a stack in the cache: packages first, then the entry's script. What failed is taken up again where it was;
//! what is whole is never made twice.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::apt;
use crate::cache::Cache;
use crate::child::{self, Ended, Event};
use crate::entry::Entry;
use crate::error::Error;

/// The longest that a script may take: a kernel is built in minutes.
const LIMIT: Duration = Duration::from_secs(60 * 60);
/// How often it is told that a script is still at it.
const STILL: Duration = Duration::from_secs(30);
/// How many lines of a script's output are shown when it fails.
const SHOWN: usize = 15;

/// Sees to it that an entry's stack is in the cache.
pub fn prepare(entry: &Entry, cache: &Cache, again: bool, told: &mut dyn Write) -> Result<(), Error> {
    available(entry)?;
    if cache.has(entry)? && !again {
        return Ok(());
    }
    let _alone = cache.only_one(&entry.name)?;
    // Whoever held the lock may have made it.
    if cache.has(entry)? && !again {
        return Ok(());
    }
    let folder = cache.folder(entry)?;
    let begin = Instant::now();
    let _ = writeln!(told, "{}: preparing {}", entry.name, folder.display());
    let new = cache.beside(entry)?;
    if again {
        remove(&new)?;
    }
    make(entry, cache, &new, told).map_err(|error| match error {
        Error::Failed(text) => {
            Error::Failed(format!("{}: {text}\nwhat is done is kept in {}", entry.name, new.display()))
        }
        other => other,
    })?;
    remove(&folder)?;
    fs::rename(&new, &folder).map_err(Error::path(&folder))?;
    for older in cache.older(entry)? {
        remove(&older)?;
    }
    let _ = writeln!(told, "{}: prepared in {} s", entry.name, begin.elapsed().as_secs());
    Ok(())
}

/// Whether the machine has what the entry needs.
pub fn available(entry: &Entry) -> Result<(), Error> {
    if let Some(command) = missing(entry).first() {
        return Err(Error::Unavailable(format!("{} needs the command {command}", entry.name)));
    }
    if entry.root && !is_root() {
        return Err(Error::Unavailable(format!("{} is started by root only", entry.name)));
    }
    Ok(())
}

/// Commands that an entry needs and the machine has not.
#[must_use]
pub fn missing(entry: &Entry) -> Vec<&str> {
    entry.needs.iter().map(String::as_str).filter(|name| !child::has_command(name)).collect()
}

/// Whether the lab may do everything.
#[must_use]
pub fn is_root() -> bool {
    sockspec_harness::platform::probe::privileges() == "root"
}

fn make(entry: &Entry, cache: &Cache, new: &Path, told: &mut dyn Write) -> Result<(), Error> {
    let work = new.join("work");
    fs::create_dir_all(&work).map_err(Error::path(&work))?;
    for packages in &entry.prepare.packages {
        let place = if packages.temporary { &work } else { new };
        apt::unpack(packages, cache, &place.join(&packages.suite), told)?;
    }
    if let Some(script) = &entry.prepare.script {
        run_script(entry, script, new, &work, told)?;
    }
    remove(&work)
}

fn run_script(
    entry: &Entry,
    script: &str,
    new: &Path,
    work: &Path,
    told: &mut dyn Write,
) -> Result<(), Error> {
    let mut command = Command::new("setpriv");
    // It ends with the lab.
    command.args(["--pdeathsig", "KILL", "sh", "-eu"]).arg(entry.folder.join(script)).current_dir(work);
    command.envs(&entry.prepare.environment);
    command.env("PREPARED", new).env("WORK", work).env("ENTRY", &entry.folder);
    let log = new.join("log");
    let mut file = fs::File::create(&log).map_err(Error::path(&log))?;
    let mut last = Vec::new();
    let mut spoken = Instant::now();
    let begin = spoken;
    let ended = child::follow(command, LIMIT, STILL, |event| {
        match event {
            Event::Line(line) => {
                let _ = writeln!(file, "{line}");
                if let Some(progress) = line.strip_prefix("= ") {
                    let _ = writeln!(told, "  {progress}");
                    spoken = Instant::now();
                }
                last.push(line);
                if last.len() > SHOWN {
                    last.remove(0);
                }
            }
            Event::Tick => {}
        }
        if spoken.elapsed() >= STILL {
            let _ = writeln!(told, "  still at it after {} s", begin.elapsed().as_secs());
            spoken = Instant::now();
        }
        true
    })?;
    match ended {
        Ended::With(status) if status.success() => Ok(()),
        ended => Err(Error::Failed(format!(
            "{script} failed ({ended:?}), all of it in {}:\n  {}",
            log.display(),
            last.join("\n  ")
        ))),
    }
}

fn remove(folder: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::path(folder)(error)),
        _ => Ok(()),
    }
}
