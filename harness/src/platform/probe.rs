//! Finding out what this machine is. What is the same everywhere is here; each system has a file for the rest.

#[cfg_attr(unix, path = "probe_unix.rs")]
#[cfg_attr(windows, path = "probe_windows.rs")]
mod os;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use socket2::{Domain, SockAddr, Socket, Type};

use super::{Platform, Version, options};
use crate::host::HostFault;
use crate::host::call::Family;
use crate::host::loopback::Network;

pub use os::privileges;

/// Collects the facts, in the network that the process is in.
pub fn probe(network: &Network) -> Result<Platform, HostFault> {
    let families = families();
    let oracle = os::oracle();
    let mut offers: BTreeSet<String> = os::calls().map(|call| format!("call {call}")).collect();
    for family in &families {
        offers.insert(match family {
            Family::Ipv4 => "ipv4".to_owned(),
            Family::Ipv6 => "ipv6".to_owned(),
        });
    }
    offers.extend(options::names().filter(|name| os::has_option(name)).map(|name| format!("option {name}")));
    offers.extend(os::flags().map(|flag| format!("flag {flag}")));
    offers.extend(os::rights().into_iter().map(str::to_owned));
    let virtual_clock = virtual_clock();
    for (name, there) in [
        ("own namespace", *network == Network::Own),
        ("sleep of a call", os::shows_sleep() || virtual_clock.is_ok()),
        ("state of closed connections", oracle.outlives),
        ("state of sockets in TIME_WAIT", oracle.time_wait),
        ("accept queue length", oracle.waiting),
        ("unsent bytes", oracle.unsent),
    ] {
        if there {
            offers.insert(name.to_owned());
        }
    }
    let mut missing = BTreeMap::new();
    for (name, there) in [("wire", wire(network)), ("tracing", tracing()), (VIRTUAL_CLOCK, virtual_clock)] {
        match there {
            Ok(()) => {
                offers.insert(name.to_owned());
            }
            Err(reason) => {
                missing.insert(name.to_owned(), reason);
            }
        }
    }
    if let Network::Machine(reason) = network {
        missing.insert("own namespace".to_owned(), reason.clone());
    }
    let version_text = os::version_text();
    Ok(Platform {
        os: os::OS,
        version: Version::parse(&version_text)
            .ok_or_else(|| HostFault::new(format!("`{version_text}` is no version of a system")))?,
        version_text,
        stack: os::stack(),
        arch: std::env::consts::ARCH.to_owned(),
        families,
        oracle: oracle.name.to_owned(),
        network: match network {
            Network::Own => "own namespace".to_owned(),
            Network::Machine(_) => "host".to_owned(),
        },
        offers,
        missing,
        settings: os::settings(),
        privileges: privileges(),
    })
}

/// The offer of a clock that skips idle time.
pub const VIRTUAL_CLOCK: &str = "virtual clock";
/// Set by whoever starts the suite under such a clock.
const VIRTUAL: &str = "SOCKSPEC_VIRTUAL_CLOCK";

/// Whether idle time is skipped. From inside nothing tells it for sure, so whoever started the suite has to say it; but
/// their word alone is not taken.
fn virtual_clock() -> Result<(), String> {
    if std::env::var_os(VIRTUAL).is_none_or(|value| value != "1") {
        return Err("this clock runs as usual; run the suite in the lab, in linux-virtual".to_owned());
    }
    os::skips_idle_time().map_err(|why| format!("{VIRTUAL} is set, but {why}"))
}

/// Where the states of connections come from here, and what it shows.
struct Oracle {
    /// What it is called.
    name: &'static str,
    /// It shows connections whose socket is closed.
    outlives: bool,
    /// It shows TIME_WAIT of a connection whose socket is open.
    time_wait: bool,
    /// It tells how many connections wait at a listener.
    waiting: bool,
    /// It counts bytes that are not acknowledged.
    unsent: bool,
}

/// Whether there can be a wire.
fn wire(network: &Network) -> Result<(), String> {
    #[cfg(target_os = "linux")]
    return match network {
        Network::Own => crate::host::linux::wire_can_be_made(),
        Network::Machine(reason) => Err(reason.clone()),
    };
    #[cfg(not(target_os = "linux"))]
    {
        let _ = network;
        Err("only Linux has network namespaces and TUN devices in them".to_owned())
    }
}

/// Whether the history of a connection's states can be had.
fn tracing() -> Result<(), String> {
    #[cfg(target_os = "linux")]
    return crate::host::linux::states_can_be_traced();
    #[cfg(not(target_os = "linux"))]
    Err("only Linux tells the history of a connection's states".to_owned())
}

/// The families in which a socket can be made and bound to its loopback address.
fn families() -> BTreeSet<Family> {
    let works = |ip: IpAddr| {
        let address = SockAddr::from(std::net::SocketAddr::new(ip, 0));
        Socket::new(Domain::for_address(std::net::SocketAddr::new(ip, 0)), Type::STREAM, None)
            .and_then(|socket| socket.bind(&address))
            .is_ok()
    };
    [(Family::Ipv4, IpAddr::V4(Ipv4Addr::LOCALHOST)), (Family::Ipv6, IpAddr::V6(Ipv6Addr::LOCALHOST))]
        .into_iter()
        .filter(|(_, ip)| works(*ip))
        .map(|(family, _)| family)
        .collect()
}
