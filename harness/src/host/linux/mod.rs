//! What only Linux has: network namespaces, settings per namespace, rtnetlink, and what /proc tells of threads.

pub mod namespace;
pub mod netlink;
pub mod rights;
pub mod settings;
pub(crate) mod thread;
