//! The packets of trials as files: `captures/<id>.pcapng` in the folder of reports, for what went over a wire.
//!
//! What such a file looks like inside is `wire::pcapng`'s; that it is there as a whole or not at all is `output`'s.

use std::fs;
use std::path::{Path, PathBuf};

use sockspec_harness::results::TrialResult;
use sockspec_harness::wire::pcapng;

use crate::cli::Capture;
use crate::error::Error;
use crate::exit::Gate;
use crate::output::Target;

/// The folder of captures in that of reports.
const FOLDER: &str = "captures";

/// Which trials leave a capture, and where.
#[derive(Clone, Debug)]
pub struct Captures {
    folder: PathBuf,
    which: Capture,
    gate: Gate,
    /// The captures are files already: what was read from results.json has no bytes.
    stored: bool,
}

impl Captures {
    /// Below the folder of reports.
    #[must_use]
    pub fn new(reports: &Path, which: Capture, gate: Gate) -> Self {
        Self { folder: reports.join(FOLDER), which, gate, stored: false }
    }

    /// Those that [`take_over`](Self::take_over) puts there, of trials that were run before.
    #[must_use]
    pub fn stored(reports: &Path, gate: Gate) -> Self {
        Self { stored: true, ..Self::new(reports, Capture::All, gate) }
    }

    /// Copies the captures that are in another folder of reports.
    pub fn take_over(&self, reports: &Path) -> Result<(), Error> {
        let from = reports.join(FOLDER);
        let Ok(files) = fs::read_dir(&from) else { return Ok(()) };
        for file in files.flatten().map(|file| file.path()) {
            let Some(name) = file.file_name() else { continue };
            let bytes =
                fs::read(&file).map_err(|cause| Error::Usage(format!("{}: {cause}", file.display())))?;
            Target::prepare(&self.folder.join(name))?.write(|out| out.write_all(&bytes))?;
        }
        Ok(())
    }

    /// The capture that a trial leaves, if it does.
    #[must_use]
    pub fn path(&self, trial: &TrialResult) -> Option<PathBuf> {
        let kind = trial.verdict.kind;
        let wanted = match self.which {
            Capture::All => true,
            Capture::Failed => self.gate.fails(kind),
            Capture::None => false,
        };
        let path = self.folder.join(format!("{}.pcapng", safe(&trial.id)));
        let is_there = if self.stored {
            path.is_file()
        } else {
            trial.record.packets.iter().any(|packet| !packet.bytes.is_empty())
        };
        (wanted && is_there).then_some(path)
    }

    /// Writes what a trial leaves.
    pub fn write(&self, trial: &TrialResult) -> Result<(), Error> {
        let Some(path) = self.path(trial).filter(|_| !self.stored) else { return Ok(()) };
        let file = pcapng::file(&trial.record.packets, &trial.steps);
        Target::prepare(&path)?.write(|out| out.write_all(&file))
    }
}

/// An id as the name of a file on every system. Ids are made of a-z, 0-9 and `-`, and of `/`, `[`, `,` and `]`, so that
/// two of them never have the same name.
fn safe(id: &str) -> String {
    let character = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '-' => c.to_string(),
        '/' => "__".to_owned(),
        ']' => String::new(),
        '[' => ".".to_owned(),
        _ => "_".to_owned(),
    };
    id.chars().map(character).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use sockspec_harness::judge::verdict::Kind;
    use tempfile::tempdir;

    #[test]
    fn names_are_safe_and_differ() {
        assert_eq!(safe("a/b-c[ipv4,on]"), "a__b-c.ipv4_on");
        assert_ne!(safe("a/b[c]"), safe("a/b-c"));
        assert!(!safe("../../x[\u{0}]").contains(['/', '\0']));
    }

    #[test]
    fn failures_leave_a_capture() {
        let folder = tempdir().unwrap();
        let captures = |which| Captures::new(folder.path(), which, Gate::default());
        let failed = sample::crossing();
        let mut passed = failed.clone();
        passed.verdict.kind = Kind::Pass;
        for (which, trial, there) in [
            (Capture::Failed, &failed, true),
            (Capture::Failed, &passed, false),
            (Capture::All, &passed, true),
            (Capture::All, &sample::refused(), false),
            (Capture::None, &failed, false),
        ] {
            assert_eq!(captures(which).path(trial).is_some(), there, "{which:?} {}", trial.id);
        }
        captures(Capture::None).write(&failed).unwrap();
        assert!(!folder.path().join("captures").exists());
        captures(Capture::Failed).write(&failed).unwrap();
        let name = "captures/simultaneous-close__crossing-fins.ipv4.pcapng";
        assert_eq!(fs::read(folder.path().join(name)).unwrap()[..4], [0x0a, 0x0d, 0x0d, 0x0a]);
        let merged = tempdir().unwrap();
        let stored = Captures::stored(merged.path(), Gate::default());
        assert_eq!(stored.path(&failed), None);
        stored.take_over(folder.path()).unwrap();
        assert_eq!(stored.path(&failed), Some(merged.path().join(name)));
    }
}
