//! What is known of sockets that AcceptEx gave: until `SO_UPDATE_ACCEPT_CONTEXT` they know neither their names nor their
//! listener, which that option is to be told.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::host::local::sys::RawHandle;

/// Where a socket comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context {
    pub(super) listener: RawHandle,
    pub(super) local: Option<SocketAddr>,
}

pub(super) fn remember(socket: RawHandle, context: Context) {
    all().insert(socket, context);
}

pub(super) fn of(socket: RawHandle) -> Option<Context> {
    all().get(&socket).copied()
}

/// To be called before the number becomes free.
pub(super) fn forget(socket: RawHandle) {
    all().remove(&socket);
}

fn all() -> MutexGuard<'static, BTreeMap<RawHandle, Context>> {
    static ALL: Mutex<BTreeMap<RawHandle, Context>> = Mutex::new(BTreeMap::new());
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}
