//! A platform that nobody has run here, as the cases take it: a current version with its defaults, on which everything is
//! there that such a system can have. What is expected of it can then be told.

use std::collections::{BTreeMap, BTreeSet};

use super::{Os, Platform, Version, options};
use crate::case::expand::NEEDS;
use crate::host::call::Family;

/// A current version of each system.
const VERSIONS: [(Os, &[u32]); 4] =
    [(Os::Linux, &[6, 18]), (Os::Macos, &[15]), (Os::Freebsd, &[14, 2]), (Os::Windows, &[10, 0, 19045])];

/// Defaults that cases ask for.
const SETTINGS: [(Os, &str, &str); 1] = [(Os::Freebsd, "net.inet.tcp.nolocaltimewait", "1")];

/// Calls that not every system has.
const CALLS: [(&str, &[Os]); 18] = [
    ("poll", UNIX),
    ("sendmsg", UNIX),
    ("write", UNIX),
    ("writev", UNIX),
    ("recvmsg", UNIX),
    ("read", UNIX),
    ("readv", UNIX),
    ("epoll", &[Os::Linux]),
    ("accept4", &[Os::Linux, Os::Freebsd]),
    ("WSAConnect", &[Os::Windows]),
    ("WSAPoll", &[Os::Windows]),
    ("WSASend", &[Os::Windows]),
    ("WSASendTo", &[Os::Windows]),
    ("WSARecv", &[Os::Windows]),
    ("WSARecvFrom", &[Os::Windows]),
    ("ConnectEx", &[Os::Windows]),
    ("AcceptEx", &[Os::Windows]),
    ("DisconnectEx", &[Os::Windows]),
];

/// Calls that every system has.
const COMMON_CALLS: [&str; 7] = ["connect", "accept", "select", "send", "sendto", "recv", "recvfrom"];

const UNIX: &[Os] = &[Os::Linux, Os::Macos, Os::Freebsd];

/// Flags that not every system has.
const FLAGS: [(&str, &[Os]); 11] = [
    ("MSG_CONFIRM", &[Os::Linux]),
    ("MSG_DONTWAIT", &[Os::Linux, Os::Macos, Os::Freebsd]),
    ("MSG_EOF", &[Os::Macos, Os::Freebsd]),
    ("MSG_EOR", &[Os::Linux, Os::Macos, Os::Freebsd]),
    ("MSG_ERRQUEUE", &[Os::Linux]),
    ("MSG_FASTOPEN", &[Os::Linux]),
    ("MSG_INTERRUPT", &[Os::Windows]),
    ("MSG_MORE", &[Os::Linux]),
    ("MSG_PARTIAL", &[Os::Windows]),
    ("MSG_PUSH_IMMEDIATE", &[Os::Windows]),
    ("MSG_ZEROCOPY", &[Os::Linux]),
];

/// Flags that every system has.
const COMMON_FLAGS: [&str; 6] =
    ["MSG_DONTROUTE", "MSG_NOSIGNAL", "MSG_OOB", "MSG_PEEK", "MSG_TRUNC", "MSG_WAITALL"];

/// A current version of that system, with its defaults.
#[must_use]
pub fn platform(os: Os) -> Platform {
    let version = VERSIONS.iter().find(|(of, _)| *of == os).map_or(&[][..], |(_, version)| version);
    let version = Version(version.to_vec());
    let settings = SETTINGS.iter().filter(|(of, ..)| *of == os);
    Platform {
        os,
        version_text: version.to_string(),
        version,
        stack: "native".to_owned(),
        arch: "x86_64".to_owned(),
        families: [Family::Ipv4, Family::Ipv6].into(),
        oracle: "none".to_owned(),
        network: "none".to_owned(),
        offers: offers(os),
        missing: BTreeMap::new(),
        settings: settings.map(|(_, name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        privileges: "root".to_owned(),
    }
}

fn offers(os: Os) -> BTreeSet<String> {
    fn of(os: Os, table: &[(&'static str, &[Os])]) -> Vec<&'static str> {
        table.iter().filter(|(_, systems)| systems.contains(&os)).map(|(name, _)| *name).collect()
    }
    let calls = COMMON_CALLS.into_iter().chain(of(os, &CALLS)).map(|name| format!("call {name}"));
    let flags = COMMON_FLAGS.into_iter().chain(of(os, &FLAGS)).map(|name| format!("flag {name}"));
    let has = |name: &&str| options::find(name).is_some_and(|option| option.on(os).is_some());
    let options = options::names().filter(has).map(|name| format!("option {name}"));
    let needs = NEEDS.iter().map(|(name, _)| (*name).to_owned());
    calls.chain(flags).chain(options).chain(needs).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_has_its_own_calls() {
        assert!(platform(Os::Windows).offers.contains("call ConnectEx"));
        assert!(!platform(Os::Macos).offers.contains("call accept4"));
        assert!(platform(Os::Linux).offers.contains("wire"));
        assert_eq!(platform(Os::Freebsd).settings["net.inet.tcp.nolocaltimewait"], "1");
    }

    #[test]
    fn what_this_system_has_is_known_here() {
        let network = crate::host::loopback::Network::Machine("a test".to_owned());
        let Ok(here) = crate::platform::probe::probe(&network) else { return };
        let typical = platform(here.os);
        let unknown = |name: &&String| {
            ["call ", "flag "].iter().any(|kind| name.starts_with(kind)) && !typical.offers.contains(*name)
        };
        assert_eq!(here.offers.iter().filter(unknown).collect::<Vec<_>>(), [] as [&String; 0]);
    }
}
