//! The sockets of a host by their names.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;

use super::perform::Subject;
use super::sys::{Cell, RawHandle, Sys};
use crate::host::HostFault;
use crate::host::call::{Kind, Name};

/// A table of sockets. A name stays after its socket is closed.
pub(super) struct Sockets<S> {
    by_name: BTreeMap<Name, Subject>,
    /// Sockets whose name was given to another while they were open.
    nameless: Vec<Arc<Cell>>,
    system: PhantomData<S>,
}

impl<S> Default for Sockets<S> {
    fn default() -> Self {
        Self { by_name: BTreeMap::new(), nameless: Vec::new(), system: PhantomData }
    }
}

impl<S: Sys> Sockets<S> {
    pub(super) fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    pub(super) fn get(&self, name: &str) -> Result<Subject, HostFault> {
        self.by_name.get(name).cloned().ok_or_else(|| HostFault::new(format!("no socket `{name}` was made")))
    }

    /// The handle of an open socket.
    pub(super) fn find(&self, name: &str) -> Option<(RawHandle, Kind)> {
        let subject = self.by_name.get(name)?;
        let handle = subject.cell.get();
        (handle != S::NOTHING).then_some((handle, subject.kind))
    }

    pub(super) fn kind(&self, name: &str) -> Kind {
        self.by_name.get(name).map_or(Kind::Stream, |subject| subject.kind)
    }

    pub(super) fn put(&mut self, name: &str, handle: RawHandle, kind: Kind) {
        let subject = Subject { cell: Arc::new(Cell::new(handle)), kind };
        if let Some(old) = self.by_name.insert(name.to_owned(), subject)
            && old.cell.get() != S::NOTHING
        {
            self.nameless.push(old.cell);
        }
    }

    pub(super) fn close_all(&mut self, abort: bool) {
        let named = std::mem::take(&mut self.by_name).into_values().map(|subject| subject.cell);
        for cell in named.chain(self.nameless.drain(..)) {
            let handle = cell.take(S::NOTHING);
            if handle != S::NOTHING {
                S::close(handle, abort);
            }
        }
    }
}
