//! What only Linux has: network namespaces, settings per namespace, rtnetlink, and what /proc tells of threads.

pub mod namespace;
pub mod netlink;
pub mod rights;
pub mod settings;
pub(crate) mod thread;
mod tun;
pub(super) mod wire;

/// Whether the devices of a wire can be made here.
pub(crate) fn wire_can_be_made() -> Result<(), String> {
    tun::probe()
}
