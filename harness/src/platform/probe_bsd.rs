//! What macOS and FreeBSD tell of themselves.

use std::collections::BTreeMap;

use crate::host::unix;
use crate::platform::probe::Oracle;
use crate::platform::sysctl;

/// The product version on macOS; the release on FreeBSD, which has no product.
pub(in crate::platform::probe) fn version_text() -> String {
    sysctl::text("kern.osproductversion").or_else(|| sysctl::text("kern.osrelease")).unwrap_or_default()
}

/// Nothing stands in for it.
pub(in crate::platform::probe) fn stack() -> String {
    "native".to_owned()
}

/// Where states come from.
pub(in crate::platform::probe) fn oracle() -> Oracle {
    let there = sysctl::bytes(unix::ORACLE).is_some();
    Oracle { name: unix::ORACLE, outlives: there, time_wait: there, waiting: false, unsent: true }
}

/// Whether a thread can be seen asleep in a call.
pub(in crate::platform::probe) fn shows_sleep() -> bool {
    false
}

/// What we may do.
pub(in crate::platform::probe) fn rights() -> Vec<&'static str> {
    let rights = if super::privileges() == "root" { "root" } else { "ordinary user" };
    vec![rights, "signals"]
}

/// Settings that bear on sockets, as far as the system has them.
pub(in crate::platform::probe) fn settings() -> BTreeMap<String, String> {
    TOLD.iter().filter_map(|name| Some(((*name).to_owned(), sysctl::text(name)?))).collect()
}

const TOLD: &[&str] = &[
    "kern.ipc.soacceptqueue",
    "kern.ipc.somaxconn",
    "net.inet.icmp.icmplim",
    "net.inet.ip.portrange.first",
    "net.inet.ip.portrange.last",
    "net.inet.tcp.blackhole",
    "net.inet.tcp.cc.algorithm",
    "net.inet.tcp.delayed_ack",
    "net.inet.tcp.fast_finwait2_recycle",
    "net.inet.tcp.fin_timeout",
    "net.inet.tcp.finwait2_timeout",
    "net.inet.tcp.icmp_may_rst",
    "net.inet.tcp.keepcnt",
    "net.inet.tcp.keepidle",
    "net.inet.tcp.keepinit",
    "net.inet.tcp.keepintvl",
    "net.inet.tcp.msl",
    "net.inet.tcp.nolocaltimewait",
    "net.inet.tcp.syncache.rst_on_sock_fail",
    "net.inet.udp.maxdgram",
    "net.inet6.ip6.v6only",
];

/// See the one of Linux: no other system has such a clock.
pub(in crate::platform::probe) fn skips_idle_time() -> Result<(), String> {
    Err("only user-mode Linux skips idle time".to_owned())
}
