//! What Unix systems have in common when they are asked what they are.

#[cfg_attr(target_os = "linux", path = "probe_linux.rs")]
#[cfg_attr(any(target_os = "macos", target_os = "freebsd"), path = "probe_bsd.rs")]
mod system;

use std::os::fd::AsRawFd;
use std::sync::OnceLock;

use socket2::{Domain, Socket, Type};

use crate::host::unix;

pub(super) use crate::host::unix::OS;
pub(super) use system::{oracle, rights, settings, shows_sleep, skips_idle_time, stack, version_text};

/// Who we are: to be asked first before the process enters a user namespace, in which everybody is root. The first
/// answer is kept.
pub fn privileges() -> String {
    static FIRST: OnceLock<String> = OnceLock::new();
    FIRST
        .get_or_init(|| {
            let user = nix::unistd::geteuid();
            if user.is_root() { "root".to_owned() } else { format!("user {user}") }
        })
        .clone()
}

/// The MSG_ flags that this system has.
pub(super) fn flags() -> impl Iterator<Item = &'static str> {
    unix::flags()
}

/// The calls that cases may choose with `via`.
pub(super) fn calls() -> impl Iterator<Item = &'static str> {
    const ALL: [&str; 14] = [
        "connect", "accept", "poll", "select", "send", "sendto", "sendmsg", "write", "writev", "recv",
        "recvfrom", "recvmsg", "read", "readv",
    ];
    let accept4 = cfg!(any(target_os = "linux", target_os = "freebsd")).then_some("accept4");
    let epoll = cfg!(target_os = "linux").then_some("epoll");
    ALL.into_iter().chain(accept4).chain(epoll)
}

/// Whether the kernel has an option: on a TCP socket over IPv4 or IPv6, or on one for datagrams.
pub(super) fn has_option(name: &str) -> bool {
    [(Domain::IPV4, Type::STREAM), (Domain::IPV6, Type::STREAM), (Domain::IPV4, Type::DGRAM)]
        .into_iter()
        .filter_map(|(domain, kind)| Socket::new(domain, kind, None).ok())
        .any(|socket| unix::has_option(unix::handle(socket.as_raw_fd()), name))
}
