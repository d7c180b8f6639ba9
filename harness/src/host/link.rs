//! What a trial's hosts are connected by, and who makes them.

use std::collections::BTreeMap;

use super::Host;

/// What a trial asks of its link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// It binds wildcards or changes settings, and so needs a network namespace of its own where there are any.
    pub own: bool,
    /// Settings to be made, by the names that the platform gives them (sysctls).
    pub settings: BTreeMap<String, String>,
}

/// Why a link cannot be had: the reason for a skip, and what would help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

/// Makes the hosts of trials. Shared by all threads.
pub trait Link: Send + Sync {
    /// A host for one trial. It is used on the calling thread, which may be moved into another namespace.
    fn open(&self, request: &Request) -> Result<Box<dyn Host>, Unavailable>;
}
