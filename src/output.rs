//! Files that are there as a whole or not at all, and a standard output whose reader may leave.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process;

use crate::error::Error;

/// A file to be written later, whose place was tried.
#[derive(Debug)]
pub struct Target {
    /// As the user gave it.
    given: PathBuf,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// Written beside and renamed.
    File(PathBuf),
    /// A device or a pipe, written as it is: renaming would replace `/dev/null` itself.
    Device(PathBuf),
}

impl Target {
    /// Makes sure, before a long run, that `path` can be written. Leaves nothing behind, but for the folders that
    /// were missing.
    pub fn prepare(path: &Path) -> Result<Self, Error> {
        let place = Place::of(path).map_err(|cause| Error::Path { path: path.to_owned(), cause })?;
        Ok(Self { given: path.to_owned(), place })
    }

    /// The path as it was given.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.given
    }

    /// Writes the file. On any error what was there before is still there, and nothing else.
    pub fn write(&self, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Error> {
        let written = match &self.place {
            Place::File(path) => Beside::create(path).and_then(|file| file.fill(content)),
            Place::Device(path) => {
                OpenOptions::new().write(true).open(path).and_then(|file| fill(&file, content))
            }
        };
        written.map_err(|cause| Error::Report { path: self.given.clone(), cause })
    }
}

impl Place {
    fn of(path: &Path) -> io::Result<Self> {
        if path.file_name().is_none() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the name of a file is missing"));
        }
        match fs::metadata(path) {
            Ok(there) if there.is_dir() => Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder")),
            Ok(there) if !there.is_file() => Ok(Self::Device(path.to_owned())),
            Ok(_) => {
                // A link stays a link: the file it leads to is replaced.
                let path = fs::canonicalize(path)?;
                OpenOptions::new().write(true).open(&path)?;
                Beside::create(&path)?;
                Ok(Self::File(path))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if let Some(folder) = path.parent() {
                    fs::create_dir_all(folder)?;
                }
                Beside::create(path)?;
                Ok(Self::File(path.to_owned()))
            }
            Err(error) => Err(error),
        }
    }
}

/// A temporary file in the folder of the final one. Dropped, it is gone.
struct Beside<'a> {
    file: File,
    temporary: PathBuf,
    path: &'a Path,
}

impl<'a> Beside<'a> {
    fn create(path: &'a Path) -> io::Result<Self> {
        let mut name = OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(format!(".{}.tmp", process::id()));
        let temporary = path.with_file_name(name);
        let file = File::create(&temporary)?;
        Ok(Self { file, temporary, path })
    }

    fn fill(self, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        fill(&self.file, content)?;
        self.file.sync_data()?;
        fs::rename(&self.temporary, self.path)
    }
}

impl Drop for Beside<'_> {
    fn drop(&mut self) {
        // After the rename there is nothing of that name any more.
        let _ = fs::remove_file(&self.temporary);
    }
}

fn fill(file: &File, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut writer = BufWriter::new(file);
    content(&mut writer)?;
    writer.flush()
}

/// A writer whose reader may leave (`| head`): from then on it takes everything and writes nothing, because whoever
/// left has seen enough. Every other error is passed on.
#[derive(Debug)]
pub struct Leaving<W> {
    inner: W,
    left: bool,
}

impl<W: Write> Leaving<W> {
    /// Around that writer.
    pub fn new(inner: W) -> Self {
        Self { inner, left: false }
    }

    /// Whether the reader has left.
    pub fn has_left(&self) -> bool {
        self.left
    }
}

impl<W: Write> Write for Leaving<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.left {
            return Ok(bytes.len());
        }
        match self.inner.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.left = true;
                Ok(bytes.len())
            }
            other => other,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.left {
            return Ok(());
        }
        match self.inner.flush() {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.left = true;
                Ok(())
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;
    use tempfile::tempdir;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_as_a_whole() {
        let folder = tempdir().unwrap();
        let path = folder.path().join("a/b/report.json");
        let target = Target::prepare(&path).unwrap();
        assert!(names(&folder.path().join("a/b")).is_empty());
        target.write(|w| w.write_all(b"one")).unwrap();
        target.write(|w| w.write_all(b"two")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(names(&folder.path().join("a/b")), ["report.json"]);
    }

    #[test]
    fn what_was_there_survives_an_error() {
        let folder = tempdir().unwrap();
        let path = folder.path().join("report.json");
        fs::write(&path, "old").unwrap();
        let target = Target::prepare(&path).unwrap();
        let error = target
            .write(|w| {
                w.write_all(b"half")?;
                Err(io::Error::from(io::ErrorKind::StorageFull))
            })
            .unwrap_err();
        assert_eq!(error.exit().code(), 3);
        assert_eq!(
            error.to_string(),
            format!("the report {} was not written: no storage space", path.display())
        );
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["report.json"]);
    }

    #[test]
    fn a_wrong_path_is_told_before_the_run() {
        let folder = tempdir().unwrap();
        let error = Target::prepare(folder.path()).unwrap_err();
        assert_eq!(error.exit().code(), 2);
        assert_eq!(error.to_string(), format!("cannot write {}: it is a folder", folder.path().display()));
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(Target::prepare(&folder.path().join("file/report.json")).is_err());
    }

    #[test]
    fn a_link_stays_a_link() {
        let folder = tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::write(&real, "old").unwrap();
        if !Command::new("ln").arg("-s").args([&real, &link]).status().is_ok_and(|status| status.success()) {
            return;
        }
        Target::prepare(&link).unwrap().write(|w| w.write_all(b"new")).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&real).unwrap(), b"new");
    }

    #[test]
    fn a_full_device_is_an_error_and_stays_a_device() {
        if !Path::new("/dev/full").exists() {
            return;
        }
        let target = Target::prepare(Path::new("/dev/full")).unwrap();
        let error = target.write(|w| w.write_all(b"text")).unwrap_err();
        assert!(error.to_string().contains("No space left on device"), "{error}");
        assert!(!fs::metadata("/dev/full").unwrap().is_file());
    }

    #[test]
    fn a_reader_may_leave() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::Error::from(io::ErrorKind::BrokenPipe))
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut out = Leaving::new(Gone);
        writeln!(out, "text").unwrap();
        assert!(out.has_left());
        writeln!(out, "more").unwrap();
    }
}
