//! Packages of any of Debian's suites, fetched and unpacked without touching the system's own: apt is given lists, a
//! cache and a status of its own. The mirror is the machine's, read from its sources when it is needed.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cache::Cache;
use crate::child;
use crate::entry::Packages;
use crate::error::Error;

/// Fetches packages into the cache, where those that are there already are not fetched again, and unpacks them into a
/// folder.
pub fn unpack(packages: &Packages, cache: &Cache, into: &Path, told: &mut dyn Write) -> Result<(), Error> {
    let debs = fetch(packages, cache, told)?;
    fs::create_dir_all(into).map_err(Error::path(into))?;
    for deb in debs {
        child::check(Command::new("dpkg-deb").arg("--extract").arg(deb).arg(into))?;
    }
    Ok(())
}

fn fetch(packages: &Packages, cache: &Cache, told: &mut dyn Write) -> Result<Vec<PathBuf>, Error> {
    let apt = Apt::of(&packages.suite, cache)?;
    let _alone = cache.only_one(&format!("apt-{}", packages.suite))?;
    let mut debs = apt.files(&packages.names);
    // Lists that are too old name files which the mirror no longer keeps.
    if debs.as_ref().is_none_or(|debs| debs.iter().any(|deb| !deb.is_file())) {
        let _ = writeln!(told, "  reading the package lists of {}", packages.suite);
        apt.run(&["update"])?;
        let _ = writeln!(told, "  fetching {} ({})", packages.names.join(", "), packages.suite);
        let names = packages.names.iter().map(String::as_str);
        apt.run(&["download"].into_iter().chain(names).collect::<Vec<_>>())?;
        debs = apt.files(&packages.names);
    }
    debs.ok_or_else(|| {
        Error::Unavailable(format!("{} has not all of these: {:?}", packages.suite, packages.names))
    })
}

/// apt with everything of its own in a folder of the cache.
struct Apt {
    folder: PathBuf,
}

impl Apt {
    fn of(suite: &str, cache: &Cache) -> Result<Self, Error> {
        let apt = Self { folder: cache.apt(suite) };
        for folder in ["lists/partial", "cache/archives/partial", "debs"] {
            let folder = apt.folder.join(folder);
            fs::create_dir_all(&folder).map_err(Error::path(&folder))?;
        }
        let sources = apt.folder.join("sources.list");
        let keys = "/usr/share/keyrings/debian-archive-keyring.gpg";
        let line = format!("deb [signed-by={keys}] {} {suite} main\n", mirror()?);
        fs::write(&sources, line).map_err(Error::path(&sources))?;
        Ok(apt)
    }

    fn command(&self) -> Command {
        let mut command = Command::new("apt-get");
        for (option, value) in [
            ("Dir::Etc::SourceList", self.folder.join("sources.list")),
            ("Dir::Etc::SourceParts", "/dev/null".into()),
            ("Dir::State", self.folder.clone()),
            ("Dir::State::Lists", self.folder.join("lists")),
            ("Dir::State::status", "/dev/null".into()),
            ("Dir::Cache", self.folder.join("cache")),
            ("APT::Sandbox::User", "root".into()),
            ("Acquire::Languages", "none".into()),
            ("Acquire::Retries", "3".into()),
        ] {
            command.arg("-o").arg(format!("{option}={}", value.display()));
        }
        command.arg("-qq").current_dir(self.folder.join("debs")).stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Result<(), Error> {
        child::check(self.command().args(arguments)).map_err(|error| match error {
            Error::Failed(what) => Error::Unavailable(what),
            other => other,
        })
    }

    /// The files that the lists name for packages; `None` where the lists are missing, or do not have them all.
    fn files(&self, names: &[String]) -> Option<Vec<PathBuf>> {
        // In a folder where there are none: it leaves out what it would not fetch.
        let mut command = self.command();
        command.current_dir(self.folder.join("lists/partial"));
        let output = command.arg("--print-uris").arg("download").args(names).output().ok()?;
        // 'ADDRESS' NAME SIZE HASH
        let text = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
        let files = text.lines().filter_map(|line| line.split_ascii_whitespace().nth(1));
        let files: Vec<_> = files.map(|file| self.folder.join("debs").join(file)).collect();
        (files.len() == names.len()).then_some(files)
    }
}

/// The machine's own mirror, as apt understands its sources in either format.
fn mirror() -> Result<String, Error> {
    let find = || {
        let format = "$(LABEL)|$(REPO_URI)";
        let mut command = Command::new("apt-get");
        let output =
            command.args(["indextargets", "--format", format, "Created-By: Packages"]).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        text.lines().find_map(|line| line.strip_prefix("Debian|")).map(str::to_owned)
    };
    find().ok_or_else(|| {
        Error::Unavailable(
            "apt's sources name no Debian mirror (as root, `apt-get update` reads them)".to_owned(),
        )
    })
}
