//! What a host is: operating system, version, stack, what it offers. Also names: of errors, of options.

pub mod errors;
pub mod options;
pub mod probe;
pub mod process;
pub mod selector;
#[cfg(any(target_os = "macos", target_os = "freebsd"))]
pub mod sysctl;
pub mod typical;
pub mod version;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::host::call::Family;
pub use version::Version;

/// An operating system that cases can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "their names say it")]
pub enum Os {
    Linux,
    Macos,
    Freebsd,
    Windows,
}

impl Os {
    /// Every system that cases can name.
    pub const ALL: [Self; 4] = [Self::Linux, Self::Macos, Self::Freebsd, Self::Windows];

    /// The name as it is written in cases.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Linux => "linux",
            Self::Macos => "macos",
            Self::Freebsd => "freebsd",
            Self::Windows => "windows",
        }
    }

    /// The system of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|os| os.name() == name)
    }
}

impl fmt::Display for Os {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Facts about a host. Stands in every result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// Whose behaviour is expected of it.
    pub os: Os,
    /// Kernel on Linux, product version on macOS, release on FreeBSD, 10.0.build on Windows.
    pub version: Version,
    /// The version in the system's own words.
    pub version_text: String,
    /// `native`, or the stand-in that answers in the system's place: `wine 10.0`, `gvisor`.
    pub stack: String,
    /// The processor architecture.
    pub arch: String,
    /// Address families that work here.
    pub families: BTreeSet<Family>,
    /// Where states come from: `sock_diag`, `TCP_INFO`, `GetExtendedTcpTable`.
    pub oracle: String,
    /// `own namespace`, or `host`: which network the trials use.
    pub network: String,
    /// What cases may ask for with `needs`: `call connect`, `option TCP_USER_TIMEOUT`, `own namespace`.
    pub offers: BTreeSet<String>,
    /// Why something that this system could offer is not there, and what would help.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub missing: BTreeMap<String, String>,
    /// Settings that bear on sockets, with their values, as far as they can be read.
    pub settings: BTreeMap<String, String>,
    /// Who we are: `root`, `user 1000`.
    pub privileges: String,
}

/// A platform for tests: it has both address families and nothing else.
#[cfg(test)]
pub(crate) fn sample(os: Os) -> Platform {
    Platform {
        os,
        version: Version::default(),
        version_text: String::new(),
        stack: "native".to_owned(),
        arch: String::new(),
        families: BTreeSet::from([Family::Ipv4, Family::Ipv6]),
        oracle: String::new(),
        network: "host".to_owned(),
        offers: ["ipv4", "ipv6"].map(str::to_owned).into(),
        missing: BTreeMap::new(),
        settings: BTreeMap::new(),
        privileges: String::new(),
    }
}
