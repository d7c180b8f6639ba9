//! What Linux, and what stands in for it, tells of itself.

#![expect(unsafe_code, reason = "klogctl and the time-stamp counter have no wrapper")]

use std::collections::BTreeMap;
use std::fs;
use std::thread;
use std::time::Duration;

use crate::host::linux::settings as sysctl;
use crate::host::unix;
use crate::host::unix::shown::{Shown, shown};
use crate::observe::sock_diag::SockDiag;
use crate::platform::probe::Oracle;

/// The kernel's release.
pub(in crate::platform::probe) fn version_text() -> String {
    let release = nix::sys::utsname::uname().map(|name| name.release().to_string_lossy().into_owned());
    release.unwrap_or_default()
}

/// gVisor says that it is Linux 4.4, as some Linux may be: only its log tells, which begins so whatever the version. Which
/// version that is, nothing inside tells: whoever starts it can say so.
pub(in crate::platform::probe) fn stack() -> String {
    if !kernel_log().contains("Starting gVisor") {
        return "native".to_owned();
    }
    match std::env::var(STAND_IN_VERSION).map(|version| version.trim().to_owned()) {
        Ok(version) if !version.is_empty() => format!("gvisor {version}"),
        _ => "gvisor".to_owned(),
    }
}

/// The environment variable with the version of a stand-in that does not tell it itself.
const STAND_IN_VERSION: &str = "SOCKSPEC_STAND_IN_VERSION";

/// The end of the kernel's log, where we may read it.
fn kernel_log() -> String {
    const READ_ALL: libc::c_int = 3;
    let mut log = vec![0_u8; 16 * 1024];
    // SAFETY: the buffer is as long as is said.
    let n = unsafe { libc::klogctl(READ_ALL, log.as_mut_ptr().cast(), log.len() as libc::c_int) };
    String::from_utf8_lossy(&log[..usize::try_from(n).unwrap_or(0)]).into_owned()
}

/// Where states come from: the kernel's table, or descriptors where it cannot be asked.
pub(in crate::platform::probe) fn oracle() -> Oracle {
    let nobody = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
    match SockDiag::open().and_then(|table| table.state(crate::host::call::Kind::Stream, nobody, None)) {
        Ok(_) => Oracle { name: unix::ORACLE, outlives: true, time_wait: true, waiting: true, unsent: true },
        Err(_) => {
            let Shown { waiting, unsent, time_wait } = shown();
            Oracle { name: "TCP_INFO", outlives: false, time_wait, waiting, unsent }
        }
    }
}

/// Whether a thread can be seen asleep in a call.
pub(in crate::platform::probe) fn shows_sleep() -> bool {
    fs::read("/proc/thread-self/syscall").is_ok()
}

/// What we may do in the network that we are in.
pub(in crate::platform::probe) fn rights() -> Vec<&'static str> {
    const NET_BIND_SERVICE: u64 = 1 << 10;
    let mut rights = Vec::new();
    if super::privileges() == "root" {
        rights.push("root");
    }
    let status = fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let capabilities = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    if capabilities
        .and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok())
        .is_some_and(|all| all & NET_BIND_SERVICE == 0)
    {
        rights.push("ordinary user");
    }
    // tcp_conn_request drops a SYN that meets a full accept queue.
    rights.extend(["signals", "silent listener"]);
    rights
}

/// Settings that bear on sockets.
pub(in crate::platform::probe) fn settings() -> BTreeMap<String, String> {
    sysctl::TOLD.iter().filter_map(|name| Some(((*name).to_owned(), sysctl::read(name)?))).collect()
}

/// Whether the kernel's clock jumps over the time in which nobody has anything to do: user-mode Linux, started with
/// time-travel. An error says why not.
pub(in crate::platform::probe) fn skips_idle_time() -> Result<(), String> {
    /// What no processor counts in a second, and what a skipped second does not come near.
    const FEW: u64 = 100_000_000;
    /// Whoever is kept waiting by other programs counts on meanwhile; hardly every time.
    const TRIES: u32 = 3;
    let line = fs::read_to_string("/proc/cmdline").unwrap_or_default();
    if !line.split_ascii_whitespace().any(|word| word.starts_with("time-travel")) {
        return Err("the kernel was not started with time-travel".to_owned());
    }
    let real = |_| {
        let begin = real_ticks();
        thread::sleep(Duration::from_secs(1));
        real_ticks() - begin
    };
    if (0..TRIES).map(real).any(|ticks| ticks < FEW) {
        return Ok(());
    }
    Err("a second takes as long as outside".to_owned())
}

/// A clock that no kernel of ours can change: the processor's counter. Where there is none, it stands still.
fn real_ticks() -> u64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every processor of this architecture has the instruction.
    return unsafe { std::arch::x86_64::_rdtsc() };
    #[cfg(not(target_arch = "x86_64"))]
    0
}
