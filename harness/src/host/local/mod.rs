//! A host in this process: sockets by name, calls under a watchdog, background calls with threads of their own.
//!
//! Everything here is the same on every system; what differs is behind [`Sys`], which `unix` and `windows` implement.
//! Not here: what a call means to the kernel (`Sys`), and which network the host is in ([`loopback`](super::loopback)).

mod background;
pub mod clock;
pub mod lateness;
mod perform;
pub mod slot;
mod sockets;
pub mod sys;
pub mod watchdog;

use std::any::Any;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::call::{Action, Call, Completion, Family, Kind};
use super::{CallId, Host, HostFault, Look, Progress, Seen, Until};
use crate::platform::Platform;
use background::Background;
pub use background::TAKEN_FOR_ASLEEP;
use perform::{Done, Subject, perform};
use slot::Slot;
use sockets::Sockets;
use sys::Sys;

/// What the makers of a [`LocalHost`] give it.
pub struct Place {
    /// Facts about the host.
    pub platform: Arc<Platform>,
    /// The trial's address in each family.
    pub ipv4: IpAddr,
    /// See `ipv4`.
    pub ipv6: IpAddr,
    /// Whether connections left at the end are aborted, so that they leave nothing in a network that others use.
    pub abort: bool,
    /// Whether connections of the trial that are over, and only kept by the kernel for a while (TIME_WAIT), are taken
    /// from it at the end: a later trial with the same address would meet them.
    pub forget: bool,
    /// What is to be given back when the host has closed its sockets: a namespace, an address.
    pub lease: Box<dyn Any>,
}

/// A host whose sockets belong to this process.
pub struct LocalHost<S: Sys> {
    // Fields are dropped in this order: the observer is of the network that the lease gives back.
    sockets: Sockets<S>,
    /// The connections that were made, by their addresses.
    connections: Vec<[SocketAddr; 2]>,
    /// The background calls, each at the index that its id says.
    calls: Vec<Background>,
    observer: S::Observer,
    slot: Arc<Slot>,
    lateness: Option<lateness::Watch>,
    place: Place,
}

impl<S: Sys> LocalHost<S> {
    /// A host for the calling thread.
    #[must_use]
    pub fn new(place: Place) -> Self {
        Self {
            sockets: Sockets::default(),
            connections: Vec::new(),
            calls: Vec::new(),
            observer: S::Observer::default(),
            slot: watchdog::slot_of_this_thread::<S>(),
            lateness: None,
            place,
        }
    }

    /// The socket that a call acts on; a call that makes one needs none.
    fn subject(&mut self, call: &Call) -> Result<Subject, HostFault> {
        if matches!(call.action, Action::Socket { .. } | Action::Descriptor { .. }) {
            return Ok(Subject::none::<S>());
        }
        if !self.sockets.has(&call.socket) {
            // An accept in the background may have made it.
            self.collect()?;
        }
        if matches!(&call.action, Action::SetOption { option, .. } if option == "SO_LINGER") {
            // Closing what is left would then take as long as it lingers, also for sockets that inherit it.
            self.place.abort = true;
        }
        self.sockets.get(&call.socket)
    }

    /// Puts the sockets that finished background calls have made into the table.
    fn collect(&mut self) -> Result<(), HostFault> {
        (0..self.calls.len() as u32).try_for_each(|id| self.finished(CallId(id)).map(drop))
    }

    /// The completion of a background call that is over.
    fn finished(&mut self, id: CallId) -> Result<Option<Completion>, HostFault> {
        let call = self.background(id)?;
        let Some(done) = call.take_done()? else { return Ok(None) };
        let (call, completion) = (call.call().clone(), done.completion.clone());
        self.keep(&call, &done);
        Ok(Some(completion))
    }

    /// Enters the socket that a call has made.
    fn keep(&mut self, call: &Call, done: &Done) {
        // IPv4 addresses are used once.
        if self.place.forget
            && done.completion.local.is_some_and(|local| local.is_ipv6())
            && let (Some(local), Some(peer)) = (done.completion.local, done.completion.peer)
            && matches!(call.action, Action::Connect { .. } | Action::Accept { .. })
        {
            self.connections.push([local, peer]);
        }
        let Some(handle) = done.made else { return };
        match &call.action {
            Action::Accept { new, .. } | Action::Dup { new } => {
                let kind = self.sockets.kind(&call.socket);
                self.sockets.put(new, handle, kind);
            }
            Action::Socket { kind, .. } => {
                let kind = match kind {
                    super::call::Choice::Known(kind) => *kind,
                    super::call::Choice::Raw(_) => Kind::Stream,
                };
                self.sockets.put(&call.socket, handle, kind);
            }
            _ => self.sockets.put(&call.socket, handle, Kind::Stream),
        }
    }

    fn background(&mut self, id: CallId) -> Result<&mut Background, HostFault> {
        self.calls
            .get_mut(id.0 as usize)
            .ok_or_else(|| HostFault::new(format!("no call {} was started", id.0)))
    }
}

impl<S: Sys> Host for LocalHost<S> {
    fn platform(&self) -> &Platform {
        &self.place.platform
    }

    fn address(&self, family: Family) -> IpAddr {
        match family {
            Family::Ipv4 => self.place.ipv4,
            Family::Ipv6 => self.place.ipv6,
        }
    }

    fn run(&mut self, call: &Call, limit: Duration) -> Result<Completion, HostFault> {
        let subject = self.subject(call)?;
        let done = perform::<S>(&subject, call, &self.slot, clock::after(limit))?;
        self.keep(call, &done);
        Ok(done.completion)
    }

    fn start(&mut self, call: &Call) -> Result<CallId, HostFault> {
        let subject = self.subject(call)?;
        self.calls.push(Background::start::<S>(subject, call.clone())?);
        Ok(CallId(self.calls.len() as u32 - 1))
    }

    fn wait(&mut self, id: CallId, until: Until, limit: Duration) -> Result<Progress, HostFault> {
        let progress = self.background(id)?.wait(until, limit);
        match self.finished(id)? {
            Some(completion) => Ok(Progress::Done(Box::new(completion))),
            None => Ok(progress),
        }
    }

    fn interrupt(&mut self, id: CallId, restart: bool) -> Result<(), HostFault> {
        self.background(id)?.interrupt(restart);
        Ok(())
    }

    fn cancel(&mut self, id: CallId) -> Result<Completion, HostFault> {
        self.background(id)?.cancel()?;
        self.finished(id)?.ok_or_else(|| HostFault::new("a cancelled call has no completion"))
    }

    fn behind(&self) -> u64 {
        S::behind()
    }

    fn lateness(&mut self) -> u64 {
        // Nobody is late where idle time is skipped, and naps without end would be all that goes on.
        if clock::is_virtual() {
            return 0;
        }
        match &self.lateness {
            Some(watch) => watch.late(),
            None => {
                self.lateness = Some(lateness::Watch::begin::<S>());
                0
            }
        }
    }

    fn late_so_far(&self) -> u64 {
        self.lateness.as_ref().map_or(0, lateness::Watch::so_far)
    }

    fn observe(&mut self, look: &Look) -> Result<Seen, HostFault> {
        let handle = match look {
            Look::State { socket, .. } | Look::Received { socket } | Look::Unsent { socket } => {
                if !self.sockets.has(socket) {
                    self.collect()?;
                }
                // A connection outlives its socket, so a name that is gone is no fault for a look at the state.
                self.sockets.find(socket)
            }
            Look::ClosedPort { .. } | Look::Path { .. } => None,
        };
        S::look(&mut self.observer, handle, look)
    }
}

impl<S: Sys> Drop for LocalHost<S> {
    fn drop(&mut self) {
        for call in &mut self.calls {
            // A thread that cannot be ended stays; the trial is reported broken by whoever cancelled it before.
            let _ = call.cancel();
        }
        let _ = self.collect();
        self.sockets.close_all(self.place.abort);
        S::forget(&mut self.observer, &self.connections);
    }
}
