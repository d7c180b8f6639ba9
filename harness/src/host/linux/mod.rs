//! What only Linux has: network namespaces, settings per namespace, rtnetlink, and what /proc tells of threads.

pub mod namespace;
pub mod netlink;
pub mod rights;
pub mod settings;
pub(crate) mod thread;
pub(crate) mod timers;
pub(super) mod traced;
pub(super) mod tracing;
mod tun;
pub(super) mod wire;

/// Whether the devices of a wire can be made here.
pub(crate) fn wire_can_be_made() -> Result<(), String> {
    tun::probe()
}

/// Whether states can be traced here.
pub(crate) fn states_can_be_traced() -> Result<(), String> {
    tracing::can_be_had()
}
