//! Network namespaces: one for the process, and one for a trial that needs it.
//!
//! The process enters its own before it has threads; threads and sockets are then simply in it, nothing is handed over,
//! and the kernel clears it away when the process ends, however it ends. Where that takes root's rights, a user
//! namespace gives them over the new network, and over nothing else.

#![expect(unsafe_code, reason = "fork and _exit, in a process that has one thread")]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::prctl;
use nix::unistd::{ForkResult, fork, getgid, getuid};

use super::netlink::{self, Message, TABLE_LOCAL};
use super::{rights, settings, tracing};
use crate::host::link::Unavailable;
use crate::platform::probe::privileges;

/// How many IPv6 addresses the process's namespace has.
pub const IPV6_ADDRESSES: u16 = 128;

/// The address of that number, from 1, in a unique local prefix that is ours.
#[must_use]
pub fn ipv6(number: u16) -> Ipv6Addr {
    let [a, b, c, d, ..] = IPV6_PREFIX.segments();
    Ipv6Addr::new(a, b, c, d, 0, 0, 0, number)
}

const IPV6_PREFIX: Ipv6Addr = Ipv6Addr::new(0xfd73, 0x6f63, 0x6b73, 0x7065, 0, 0, 0, 0);

/// The IPv4 address of that number, from 0: 127.1.0.1 and so on, all in 127.0.0.0/9. Comes round after 8 million.
#[must_use]
pub fn ipv4(number: u32) -> Ipv4Addr {
    const FIRST: u32 = 0x7f01_0001;
    const END: u32 = 0x7f80_0000;
    Ipv4Addr::from(FIRST + number % (END - FIRST))
}

/// Why the process stays in the network that it was started in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no network namespace: {reason}")]
pub struct Refused {
    /// What was refused, and by whom as far as that is known.
    pub reason: String,
}

/// Moves the process into a network namespace of its own, furnished with addresses, routes and settings. To be called
/// first thing in main, while the process has one thread. If it fails, nothing has changed.
pub fn enter() -> Result<(), Refused> {
    let refused = |reason: String| Refused { reason };
    // In a user namespace everybody is root: so it is asked now, and the answer kept.
    let _ = privileges();
    // A namespace that turns out to be of no use (rights denied by AppArmor, say) cannot be left again. So a child
    // tries first.
    let way = rehearse().map_err(refused)?;
    go(way).map_err(refused)?;
    // Without it the ports below 1024 are as open as all others, which cases are told by the platform's offers.
    let _ = rights::give_up_privileged_ports();
    Ok(())
}

/// How a namespace is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// By right.
    Plain,
    /// Inside a user namespace.
    User,
}

/// Tries both ways in a child; tells which works.
fn rehearse() -> Result<Way, String> {
    let (mut told, mut tell) = std::io::pipe().map_err(|error| format!("pipe: {error}"))?;
    // SAFETY: enter() is called while there is one thread, so the child may do whatever the parent may.
    match unsafe { fork() }.map_err(|error| format!("fork: {error}"))? {
        ForkResult::Child => {
            let plain = go(Way::Plain);
            let text = match &plain {
                Ok(()) => "plain".to_owned(),
                Err(plain) => match go(Way::User) {
                    Ok(()) => "user".to_owned(),
                    Err(user) => format!("{user} (and without a user namespace: {plain})"),
                },
            };
            let _ = tell.write_all(text.as_bytes());
            // SAFETY: the child ends here, without running what the parent has registered for its own end.
            unsafe { libc::_exit(0) }
        }
        ForkResult::Parent { child } => {
            drop(tell);
            let mut text = String::new();
            let read = told.read_to_string(&mut text);
            let _ = nix::sys::wait::waitpid(child, None);
            match (read, text.as_str()) {
                (Ok(_), "plain") => Ok(Way::Plain),
                (Ok(_), "user") => Ok(Way::User),
                (Ok(_), "") => Err("the process that tried it was killed".to_owned()),
                (Ok(_), _) => Err(text),
                (Err(error), _) => Err(format!("pipe: {error}")),
            }
        }
    }
}

fn go(way: Way) -> Result<(), String> {
    match way {
        Way::Plain => {
            unshare(CloneFlags::CLONE_NEWNET).map_err(|error| format!("unshare: {error}"))?;
            tracing::mount();
        }
        Way::User => {
            let (uid, gid) = (getuid(), getgid());
            unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)
                .map_err(|error| format!("unshare of user and network: {error}"))?;
            // A change of rights takes /proc/self away from the process itself.
            let _ = prctl::set_dumpable(true);
            for (file, text) in [
                ("setgroups", "deny".to_owned()),
                ("uid_map", format!("0 {uid} 1")),
                ("gid_map", format!("0 {gid} 1")),
            ] {
                fs::write(format!("/proc/self/{file}"), text).map_err(|error| format!("{file}: {error}"))?;
            }
            let _ = prctl::set_dumpable(true);
        }
    }
    furnish(IPV6_ADDRESSES)
}

/// Makes the namespace of the calling thread one for trials. Without IPv6 in the kernel it is one for IPv4.
pub(super) fn furnish(addresses: u16) -> Result<(), String> {
    let v4 = |a, b, c, d| IpAddr::V4(Ipv4Addr::new(a, b, c, d));
    // The kernel's own local routes name 127.0.0.1 as the source and delay ACKs: ours are narrower, or replace them.
    netlink::send(&[
        netlink::loopback_up(),
        netlink::local_route(v4(127, 0, 0, 0), 9, TABLE_LOCAL),
        netlink::local_route(v4(127, 0, 0, 1), 32, TABLE_LOCAL),
        netlink::broadcast_route(v4(255, 255, 255, 255)),
    ])
    .map_err(|error| format!("loopback: {error}"))?;
    settings::pin();
    if addresses == 0 {
        return Ok(());
    }
    let messages: Vec<Message> = (1..=addresses).map(|n| netlink::address(ipv6(n).into())).collect();
    if netlink::send(&messages).is_ok() {
        // Delayed ACKs cost time, and are no reason to do without IPv6.
        let _ = quick_ipv6(addresses);
    }
    Ok(())
}

/// The kernel makes a local route of its own for each IPv6 address, later and with the highest precedence. So routes of
/// ours stand in a table that is asked before.
fn quick_ipv6(addresses: u16) -> Result<(), Errno> {
    const FIRST: u8 = 100;
    let ours = (1..=addresses).map(ipv6).chain([Ipv6Addr::LOCALHOST]);
    let mut messages: Vec<Message> = ours.map(|ip| netlink::local_address_route(ip.into(), FIRST)).collect();
    messages.extend([
        netlink::add_rule_ipv6(1, TABLE_LOCAL),
        netlink::add_rule_ipv6(0, FIRST),
        netlink::delete_rule_ipv6(0, TABLE_LOCAL),
    ]);
    netlink::send(&messages)
}

/// A namespace of a trial's own: the calling thread is in it until this is dropped, also by a panic. Threads that are
/// started meanwhile begin in it.
pub struct Own {
    base: File,
    /// It is of the thread that made it.
    thread: PhantomData<*const ()>,
}

thread_local!(static LOST: Cell<bool> = const { Cell::new(false) });

impl Own {
    /// Moves the calling thread. Takes the rights that [`enter`] has got.
    pub fn enter(wanted: &BTreeMap<String, String>) -> Result<Self, Unavailable> {
        let unavailable = |what: &str, error: &dyn std::fmt::Display| Unavailable(format!("{what}: {error}"));
        let base = File::open("/proc/thread-self/ns/net")
            .map_err(|error| unavailable("namespace of the thread", &error))?;
        unshare(CloneFlags::CLONE_NEWNET).map_err(|error| unavailable("own namespace", &error))?;
        // From here on, leaving this function in any way brings the thread back.
        let own = Self { base, thread: PhantomData };
        furnish(1).map_err(|error| unavailable("own namespace", &error))?;
        for (name, value) in wanted {
            settings::write(name, value)
                .map_err(|error| unavailable(&format!("setting {name} = {value}"), &error))?;
        }
        Ok(own)
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if setns(&self.base, CloneFlags::CLONE_NEWNET).is_err() {
            LOST.set(true);
        }
    }
}

/// Whether the calling thread could not be brought back, and so cannot run trials any more.
#[must_use]
pub fn is_lost() -> bool {
    LOST.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_stay_within_their_prefixes() {
        assert_eq!(ipv4(0).to_string(), "127.1.0.1");
        assert_eq!(ipv4(256).to_string(), "127.1.1.1");
        assert!((0..20_000_000).step_by(4999).all(|n| ipv4(n).octets()[1] < 128 && ipv4(n).octets()[1] > 0));
        assert_eq!(ipv6(128).to_string(), "fd73:6f63:6b73:7065::80");
    }
}
