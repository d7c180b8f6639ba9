//! What a trial's hosts are connected by, and who makes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Host;
use crate::wire::Cable;

/// What a trial asks of its link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// It binds wildcards or changes settings, and so needs a network namespace of its own where there are any.
    pub own: bool,
    /// Settings to be made, by the names that the platform gives them (sysctls).
    pub settings: BTreeMap<String, String>,
    /// Two hosts and a cable between them.
    pub wire: bool,
    /// The far end of the cable has no socket: the case plays it.
    pub raw: bool,
    /// The histories of states are asked for.
    pub trace: bool,
}

/// Why a link cannot be had: the reason for a skip, and what would help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

/// The hosts of one trial.
pub struct Session {
    /// The host on which sockets are made where the case does not say.
    pub client: Box<dyn Host>,
    /// The other one, on a wire whose far end has sockets.
    pub server: Option<Box<dyn Host>>,
    /// What is between them, on a wire.
    pub cable: Option<Arc<Cable>>,
}

impl Session {
    /// One host that talks to itself.
    #[must_use]
    pub fn alone(client: Box<dyn Host>) -> Self {
        Self { client, server: None, cable: None }
    }
}

/// Makes the hosts of trials. Shared by all threads.
pub trait Link: Send + Sync {
    /// The hosts for one trial. They are used on the calling thread, which may be moved into another namespace.
    fn open(&self, request: &Request) -> Result<Session, Unavailable>;
}
