//! A tracing instance of our own, and the thread that reads it.
//!
//! The instance is a folder in tracefs, with buffers of its own: nothing of other users' tracing is touched, and none of
//! theirs is seen. It records sock:inet_sock_set_state (and tcp:tcp_receive_reset where there is such an event) of the
//! whole machine while a trial wants it; what belongs to no such trial is read and forgotten. It is removed with the
//! [`Tracing`]; one whose process was killed is removed by the next run, which knows it by its name: the process's id
//! and when that process began. What the lines mean is [`trace`](crate::observe::trace)'s.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::mount::{MsFlags, mount as mount_raw};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{AccessFlags, access};

use crate::observe::trace::{Event, Line, Pair, line};

/// Where tracefs is mounted: sockspec looks at no other place.
const TRACEFS: &str = "/sys/kernel/tracing";
const CHANGES: &str = "events/sock/inet_sock_set_state";
const RESETS: &str = "events/tcp/tcp_receive_reset";
/// What names of instances begin with.
const PREFIX: &str = "sockspec-";
/// How many events of one address are kept; a trial has some dozens.
const KEPT: usize = 10_000;
/// How long the kernel may take to hand over what it has recorded: only a machine that does nothing else comes near.
const PATIENCE: Duration = Duration::from_secs(5);

/// Room for about 40,000 events on each processor: three times what kernels give by themselves.
const BUFFER_KB: &str = "4096";

/// Mounts tracefs for this process alone where the machine has not mounted it. To be called while there is one thread,
/// with root's rights; without them nothing happens.
pub(super) fn mount() {
    if Path::new(TRACEFS).join("instances").exists() {
        return;
    }
    // A mount namespace of our own, in which a mount goes nowhere else, and which ends with the process.
    let nothing = None::<&str>;
    let private = unshare(CloneFlags::CLONE_NEWNS)
        .and_then(|()| mount_raw(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing));
    if private.is_ok() {
        // What does not come of it is told by `can_be_had`.
        let _ = mount_raw(Some("nodev"), TRACEFS, Some("tracefs"), MsFlags::empty(), nothing);
    }
}

/// Whether there can be an instance here. An error is the reason, and what would help. Removes what killed runs left.
pub(crate) fn can_be_had() -> Result<(), String> {
    let root = Path::new(TRACEFS);
    let format = root.join(CHANGES).join("format");
    let there = File::open(&format).and_then(|mut file| file.read(&mut [0; 64]));
    if let Err(error) = there {
        return Err(why_not(root, &error));
    }
    let instances = root.join("instances");
    access(&instances, AccessFlags::W_OK | AccessFlags::X_OK)
        .map_err(|error| format!("{}: {error}; run as root", instances.display()))?;
    remove_left(&instances, Path::new("/proc"));
    Ok(())
}

fn why_not(root: &Path, error: &io::Error) -> String {
    let shown = root.display();
    let kernel_has_it = || {
        let known = fs::read_to_string("/proc/filesystems").unwrap_or_default();
        known.split_ascii_whitespace().any(|word| word == "tracefs")
    };
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            format!("{shown}: {error}; run as root, where the kernel is not locked down")
        }
        io::ErrorKind::NotFound if root.join("trace_pipe").exists() => {
            "the kernel has no tracepoint sock:inet_sock_set_state (it came with Linux 4.16)".to_owned()
        }
        io::ErrorKind::NotFound if kernel_has_it() => {
            format!("tracefs is not mounted at {shown}; as root: mount -t tracefs nodev {shown}")
        }
        io::ErrorKind::NotFound => "this kernel was built without tracing (CONFIG_EVENT_TRACING)".to_owned(),
        _ => format!("{shown}: {error}"),
    }
}

/// Removes instances whose processes are gone.
fn remove_left(instances: &Path, proc: &Path) {
    let Ok(entries) = fs::read_dir(instances) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some((pid, began)) = name.to_str().and_then(parse_name) else { continue };
        if began_at(proc, pid) != Some(began) {
            // One that is in use, by a process that we cannot see, is busy and stays.
            let _ = fs::remove_dir(entry.path());
        }
    }
}

fn parse_name(name: &str) -> Option<(u32, u64)> {
    let (pid, began) = name.strip_prefix(PREFIX)?.split_once('-')?;
    Some((pid.parse().ok()?, began.parse().ok()?))
}

/// When a process began, in ticks since the machine did; `None` where there is no such process.
fn began_at(proc: &Path, pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(proc.join(pid.to_string()).join("stat")).ok()?;
    // The name of the program, in parentheses, may have anything in it. Of what is behind it, this is the 20th.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// A tracing instance with its reader. Dropped, it is gone.
pub(in crate::host) struct Tracing {
    shared: Arc<Shared>,
    folder: PathBuf,
    // `None` once the instance is being removed.
    marker: Option<File>,
    switch: Mutex<Option<File>>,
    /// Closing it ends the reader.
    stop: Option<PipeWriter>,
    reader: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    kept: Mutex<Kept>,
    changed: Condvar,
}

#[derive(Default)]
struct Kept {
    /// The addresses of the trials that want to know.
    addresses: HashMap<IpAddr, Watched>,
    /// How many trials that are.
    watches: usize,
    /// The last marker that was given out, and the last that was read.
    given: u64,
    read: u64,
    /// How many events the kernel had no room for.
    lost: u64,
    /// Why nothing is read any more.
    ended: Option<String>,
}

#[derive(Default)]
struct Watched {
    watches: usize,
    events: HashMap<Pair, Vec<Event>>,
    count: usize,
}

impl Tracing {
    /// Makes the instance. An error is the reason why there is none.
    pub(in crate::host) fn open() -> Result<Arc<Self>, String> {
        can_be_had()?;
        let pid = std::process::id();
        let began = began_at(Path::new("/proc"), pid).ok_or("/proc does not tell when this process began")?;
        let folder = Path::new(TRACEFS).join("instances").join(format!("{PREFIX}{pid}-{began}"));
        let failed = |error: io::Error| format!("a tracing instance: {error}");
        match fs::create_dir(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
            // Our own name: left by an attempt that failed.
            _ => {}
        }
        // From here on it is removed whatever happens.
        let mut tracing = Self {
            shared: Arc::default(),
            folder,
            marker: None,
            switch: Mutex::new(None),
            stop: None,
            reader: None,
        };
        tracing.furnish().map_err(failed)?;
        Ok(Arc::new(tracing))
    }

    fn furnish(&mut self) -> io::Result<()> {
        self.write("tracing_on", "0")?;
        // Without this clock events of two processors could not be put in order.
        self.write("trace_clock", "global")?;
        // The reader is woken by every event; older kernels know no other way.
        let _ = self.write("buffer_percent", "0");
        // Other programs' sockets fill it too, while the reader waits for a processor. A kernel that has not got as much
        // keeps what it has.
        let _ = self.write("buffer_size_kb", BUFFER_KB);
        self.write(&format!("{CHANGES}/filter"), "protocol == 6")?;
        self.write(&format!("{CHANGES}/enable"), "1")?;
        let _ = self.write(&format!("{RESETS}/enable"), "1");
        self.marker = Some(OpenOptions::new().write(true).open(self.folder.join("trace_marker"))?);
        let switch = OpenOptions::new().write(true).open(self.folder.join("tracing_on"))?;
        self.switch = Mutex::new(Some(switch));
        let mut how = OpenOptions::new();
        let pipe = how.read(true).custom_flags(libc::O_NONBLOCK).open(self.folder.join("trace_pipe"))?;
        let (watch, stop) = io::pipe()?;
        self.stop = Some(stop);
        let shared = Arc::clone(&self.shared);
        let read = move || {
            let ended = follow(pipe, &watch, &shared)
                .err()
                .map_or_else(|| "it was ended".to_owned(), |e| e.to_string());
            shared.lock().ended = Some(ended);
            shared.changed.notify_all();
        };
        self.reader = Some(thread::Builder::new().name("tracing".to_owned()).spawn(read)?);
        Ok(())
    }

    fn write(&self, file: &str, value: &str) -> io::Result<()> {
        OpenOptions::new().write(true).open(self.folder.join(file))?.write_all(value.as_bytes())
    }

    /// Keeps the events of these addresses from now on.
    pub(super) fn watch(self: &Arc<Self>, addresses: Vec<IpAddr>) -> Result<Watch, String> {
        self.count(1);
        let mut watch = Watch { tracing: Arc::clone(self), addresses: Vec::new(), lost: 0 };
        // What went on between these addresses before is none of this trial's business.
        self.barrier()?;
        let mut kept = self.shared.lock();
        for address in &addresses {
            kept.addresses.entry(*address).or_default().watches += 1;
        }
        watch.lost = kept.lost;
        drop(kept);
        watch.addresses = addresses;
        Ok(watch)
    }

    /// Records while there is a trial that wants to know.
    fn count(&self, change: isize) {
        // The lock of the switch is held over both, so that the last to come decides.
        let switch = self.switch.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kept = self.shared.lock();
        let before = kept.watches;
        kept.watches = before.saturating_add_signed(change);
        let (was, is) = (before > 0, kept.watches > 0);
        drop(kept);
        if was != is
            && let Some(mut switch) = switch.as_ref()
        {
            // A failure shows at the next barrier, which does not come through.
            let _ = switch.write_all(if is { b"1" } else { b"0" });
        }
    }

    /// Returns when everything that has happened so far has been read. The second marker is why that is sure: the reader
    /// looks at one processor's buffer after the other, and so may see the first marker before an older event.
    fn barrier(&self) -> Result<(), String> {
        self.mark()?;
        self.mark()
    }

    fn mark(&self) -> Result<(), String> {
        let mut kept = self.shared.lock();
        kept.given += 1;
        let number = kept.given;
        let marker = self.marker.as_ref().ok_or("the tracing instance is gone")?;
        // Under the lock, so that markers are read in the order of their numbers.
        (&*marker)
            .write_all(format!("barrier {number}\n").as_bytes())
            .map_err(|error| format!("trace_marker: {error}"))?;
        let end = Instant::now() + PATIENCE;
        while kept.read < number {
            if let Some(ended) = &kept.ended {
                return Err(format!("the trace is not read any more: {ended}"));
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err("the kernel does not hand over what it has traced".to_owned());
            }
            kept = self.shared.changed.wait_timeout(kept, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }
}

impl Drop for Tracing {
    fn drop(&mut self) {
        // An instance with an open file is busy.
        self.stop.take();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        self.marker.take();
        self.switch.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if fs::remove_dir(&self.folder).is_err() {
            // The next run tries again.
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn take(&mut self, text: &str) {
        match line(text) {
            Line::Event(pair, event) => self.keep(pair, event),
            Line::Marker(text) => {
                let number = text.strip_prefix("barrier ").and_then(|number| number.parse().ok());
                self.read = self.read.max(number.unwrap_or(0));
            }
            Line::Lost(n) => self.lost += n,
            Line::Other => {}
        }
    }

    fn keep(&mut self, pair: Pair, event: Event) {
        // Without a port it is no connection yet.
        if pair.0.port() == 0 {
            return;
        }
        let Some(watched) = self.addresses.get_mut(&pair.0.ip()) else { return };
        if watched.count == KEPT {
            self.lost += 1;
            return;
        }
        watched.count += 1;
        watched.events.entry(pair).or_default().push(event);
    }
}

/// Reads lines until the instance is to be removed.
fn follow(mut pipe: File, stop: &PipeReader, shared: &Shared) -> io::Result<()> {
    let mut buffer = vec![0; 65_536];
    let mut text = Vec::new();
    loop {
        let mut ready =
            [PollFd::new(pipe.as_fd(), PollFlags::POLLIN), PollFd::new(stop.as_fd(), PollFlags::POLLIN)];
        match poll(&mut ready, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        if ready[1].revents().is_some_and(|bits| !bits.is_empty()) {
            return Ok(());
        }
        match pipe.read(&mut buffer) {
            Ok(length) => text.extend_from_slice(&buffer[..length]),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                continue;
            }
            Err(error) => return Err(error),
        }
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let mut kept = shared.lock();
        for line in text[..whole].split(|byte| *byte == b'\n') {
            kept.take(&String::from_utf8_lossy(line));
        }
        drop(kept);
        shared.changed.notify_all();
        text.drain(..whole);
    }
}

/// A trial's interest in its addresses.
pub(super) struct Watch {
    tracing: Arc<Tracing>,
    addresses: Vec<IpAddr>,
    /// What had been lost when it began.
    lost: u64,
}

impl Watch {
    /// Everything that has happened to a connection so far.
    pub(super) fn events(&self, pair: Pair) -> Result<Vec<Event>, String> {
        if !self.addresses.contains(&pair.0.ip()) {
            return Err(format!("{} is no address of this trial, so its states are not traced", pair.0.ip()));
        }
        self.tracing.barrier()?;
        let kept = self.tracing.shared.lock();
        if kept.lost != self.lost {
            return Err(format!("{} events of the kernel's trace were lost", kept.lost - self.lost));
        }
        let watched = kept.addresses.get(&pair.0.ip());
        Ok(watched.and_then(|watched| watched.events.get(&pair)).cloned().unwrap_or_default())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut kept = self.tracing.shared.lock();
        for address in &self.addresses {
            if let Some(watched) = kept.addresses.get_mut(address) {
                watched.watches -= 1;
                if watched.watches == 0 {
                    kept.addresses.remove(address);
                }
            }
        }
        drop(kept);
        self.tracing.count(-1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_its_process() {
        assert_eq!(parse_name("sockspec-12-345"), Some((12, 345)));
        for other in ["sockspec-12", "sockspec-a-b", "other-1-2", "sockspec-1-2-3", ""] {
            assert_eq!(parse_name(other), None, "{other}");
        }
        let own = began_at(Path::new("/proc"), std::process::id());
        assert!(own.is_some());
        assert_ne!(own, began_at(Path::new("/proc"), 1));
    }

    #[test]
    fn what_killed_runs_left_is_removed_and_nothing_else() {
        let root = std::env::temp_dir().join(format!("sockspec-tracing-{}", std::process::id()));
        let (instances, proc) = (root.join("instances"), root.join("proc"));
        fs::create_dir_all(proc.join("12")).unwrap();
        let stat = "12 (a) b) S 1 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 345 1 1";
        fs::write(proc.join("12/stat"), stat).unwrap();
        for name in ["sockspec-12-345", "sockspec-12-344", "sockspec-13-345", "other", "sockspec-x"] {
            fs::create_dir_all(instances.join(name)).unwrap();
        }
        remove_left(&instances, &proc);
        let mut left: Vec<_> = fs::read_dir(&instances)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, ["other", "sockspec-12-345", "sockspec-x"]);
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn only_watched_addresses_are_kept_and_not_without_end() {
        let mut kept = Kept::default();
        kept.addresses.entry("10.1.0.1".parse().unwrap()).or_default().watches = 1;
        let line = |ip: &str, port: u16| {
            format!(
                "x-1 [000] ..... 1.000002: inet_sock_set_state: family=AF_INET protocol=IPPROTO_TCP sport={port} dport=9 \
                 saddr={ip} daddr=10.2.0.1 saddrv6=::ffff:{ip} daddrv6=::ffff:10.2.0.1 oldstate=TCP_SYN_SENT \
                 newstate=TCP_ESTABLISHED"
            )
        };
        for (ip, port) in [("10.1.0.2", 7), ("10.1.0.1", 0), ("10.1.0.1", 7)] {
            kept.take(&line(ip, port));
        }
        let pairs = &kept.addresses[&"10.1.0.1".parse::<IpAddr>().unwrap()].events;
        assert_eq!(pairs.len(), 1);
        for _ in 0..KEPT {
            kept.take(&line("10.1.0.1", 8));
        }
        assert_eq!(kept.lost, 1);
        kept.take("CPU:0 [LOST 4 EVENTS]");
        assert_eq!(kept.lost, 5);
    }
}
