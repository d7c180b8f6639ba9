//! The settings that a namespace of ours has, and how settings are read and written.
//!
//! Only what would make trials disturb each other, or what the machine's owner may have changed, is pinned. All else
//! keeps the kernel's default, which is what cases are about.

use std::fs;
use std::io;

/// A setting that every namespace of ours has.
pub struct Pinned {
    /// As sysctl names it.
    pub name: &'static str,
    /// What it is set to; the first that the kernel takes.
    pub values: &'static [&'static str],
    /// Why it is not left alone.
    pub reason: &'static str,
}

/// All of them. One that this kernel does not have, or has for the whole machine only, is left as it is.
pub const PINNED: &[Pinned] = &[
    Pinned {
        name: "net.ipv4.tcp_congestion_control",
        values: &["cubic", "reno"],
        reason: "it is taken over from the machine, whose owner may have chosen another than the kernel's default",
    },
    Pinned {
        name: "net.ipv4.tcp_invalid_ratelimit",
        values: &["0"],
        reason: "duplicate ACKs that a case waits for would be left out",
    },
    Pinned {
        name: "net.ipv4.tcp_challenge_ack_limit",
        values: &["2147483647"],
        reason: "challenge ACKs are counted for the namespace, so trials would take them from each other",
    },
    Pinned {
        name: "net.ipv4.icmp_ratelimit",
        values: &["0"],
        reason: "unreachables are limited by destination, which trials may share",
    },
    Pinned {
        name: "net.ipv4.icmp_msgs_per_sec",
        values: &["1000000"],
        reason: "ICMP messages are counted for all trials together",
    },
    Pinned { name: "net.ipv4.icmp_msgs_burst", values: &["1000000"], reason: "as icmp_msgs_per_sec" },
    Pinned { name: "net.ipv6.icmp.ratelimit", values: &["0"], reason: "as icmp_ratelimit" },
    Pinned {
        name: "net.ipv4.tcp_no_metrics_save",
        values: &["1"],
        reason: "a connection would begin with what an earlier trial has left for its address",
    },
    Pinned {
        name: "net.ipv4.tcp_early_retrans",
        values: &["0"],
        reason: "a tail loss probe comes a few round trips after a segment, so soon that a busy machine draws it",
    },
    Pinned {
        name: "net.ipv4.tcp_autocorking",
        values: &["0"],
        reason: "while a device has not taken an earlier segment, which a busy machine delays, what is sent is gathered \
                 into one",
    },
    Pinned {
        name: "net.ipv4.tcp_max_tw_buckets",
        values: &["1048576", "262144"],
        reason: "beyond it connections skip TIME_WAIT, and it depends on the machine's memory",
    },
];

/// Sets what is pinned, in the namespace of the calling thread.
pub fn pin() {
    for pinned in PINNED {
        // A value that cannot be set stays as it is, and stands in the platform's settings as read.
        let _ = pinned.values.iter().any(|value| write(pinned.name, value).is_ok());
    }
}

/// Sets one setting in the namespace of the calling thread.
pub fn write(name: &str, value: &str) -> io::Result<()> {
    fs::write(path(name), value)
}

/// The value of a setting in the namespace of the calling thread, its words parted by single spaces.
#[must_use]
pub fn read(name: &str) -> Option<String> {
    let text = fs::read_to_string(path(name)).ok()?;
    Some(text.split_ascii_whitespace().collect::<Vec<_>>().join(" "))
}

/// /proc/sys/net shows the namespace of the thread that opens it.
fn path(name: &str) -> String {
    format!("/proc/sys/{}", name.replace('.', "/"))
}

/// What stands in a platform's settings, as far as this kernel has it.
pub const TOLD: &[&str] = &[
    "net.core.rmem_default",
    "net.core.rmem_max",
    "net.core.somaxconn",
    "net.core.wmem_default",
    "net.core.wmem_max",
    "net.ipv4.icmp_msgs_burst",
    "net.ipv4.icmp_msgs_per_sec",
    "net.ipv4.icmp_ratelimit",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_nonlocal_bind",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_abort_on_overflow",
    "net.ipv4.tcp_autocorking",
    "net.ipv4.tcp_challenge_ack_limit",
    "net.ipv4.tcp_congestion_control",
    "net.ipv4.tcp_early_retrans",
    "net.ipv4.tcp_ecn",
    "net.ipv4.tcp_fastopen",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_invalid_ratelimit",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_max_orphans",
    "net.ipv4.tcp_max_syn_backlog",
    "net.ipv4.tcp_max_tw_buckets",
    "net.ipv4.tcp_migrate_req",
    "net.ipv4.tcp_no_metrics_save",
    "net.ipv4.tcp_orphan_retries",
    "net.ipv4.tcp_retries1",
    "net.ipv4.tcp_retries2",
    "net.ipv4.tcp_rfc1337",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_sack",
    "net.ipv4.tcp_stdurg",
    "net.ipv4.tcp_syn_linear_timeouts",
    "net.ipv4.tcp_syn_retries",
    "net.ipv4.tcp_synack_retries",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_timestamps",
    "net.ipv4.tcp_tw_reuse",
    "net.ipv4.tcp_tw_reuse_delay",
    "net.ipv4.tcp_window_scaling",
    "net.ipv4.tcp_wmem",
    "net.ipv6.bindv6only",
    "net.ipv6.icmp.ratelimit",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pinned_is_told() {
        for pinned in PINNED {
            assert!(TOLD.contains(&pinned.name), "{}", pinned.name);
        }
        assert!(TOLD.is_sorted());
    }
}
