//! A host whose connections are traced: all but the histories of states is the host's own.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::tracing::{Tracing, Watch};
use crate::host::call::{Call, Completion, Family, Name};
use crate::host::link::{Session, Unavailable};
use crate::host::{CallId, Host, HostFault, Look, Progress, Seen, Until};
use crate::observe::trace::{self, Pair};
use crate::outcome::TcpState;
use crate::platform::Platform;

/// How often a connection may change its state while its path is looked at.
const ATTEMPTS: usize = 100;

/// The same hosts, whose states are traced from now on.
pub(in crate::host) fn session(session: Session, tracing: &Arc<Tracing>) -> Result<Session, Unavailable> {
    let families = [Family::Ipv4, Family::Ipv6];
    let hosts = std::iter::once(&session.client).chain(&session.server);
    let addresses: Vec<IpAddr> = hosts.flat_map(|host| families.map(|family| host.address(family))).collect();
    let watch = Arc::new(tracing.watch(addresses).map_err(Unavailable)?);
    let traced = |inner: Box<dyn Host>| -> Box<dyn Host> {
        Box::new(Traced { inner, watch: Arc::clone(&watch), time_wait: HashSet::new() })
    };
    Ok(Session { client: traced(session.client), server: session.server.map(traced), cable: session.cable })
}

struct Traced {
    inner: Box<dyn Host>,
    watch: Arc<Watch>,
    /// Connections that were seen in TIME_WAIT, which the trace does not show.
    time_wait: HashSet<Pair>,
}

impl Traced {
    fn path(
        &mut self,
        socket: &Name,
        local: Option<SocketAddr>,
        peer: Option<SocketAddr>,
    ) -> Result<Seen, HostFault> {
        let Some(own) = local else { return Ok(Seen::Path(Vec::new())) };
        if !trace::is_known_by(own.ip()) {
            return Err(HostFault::new("a wildcard is no address by which a socket is known in a trace"));
        }
        let pair = (trace::canonical(own), peer.map(trace::canonical));
        for _ in 0..ATTEMPTS {
            // The table and the trace are read one after the other: they belong together if the table stays the same.
            let before = self.state(socket, local, peer)?;
            let events = self.watch.events(pair).map_err(HostFault::new)?;
            if self.state(socket, local, peer)? != before {
                continue;
            }
            if before == TcpState::TimeWait {
                self.time_wait.insert(pair);
            }
            let known = self.time_wait.contains(&pair);
            return trace::path(&events, before, known).map(Seen::Path).map_err(HostFault::new);
        }
        Err(HostFault::new("the state changes faster than it can be looked at"))
    }

    fn state(
        &mut self,
        socket: &Name,
        local: Option<SocketAddr>,
        peer: Option<SocketAddr>,
    ) -> Result<TcpState, HostFault> {
        let look = Look::State { socket: socket.clone(), local, peer };
        match self.inner.observe(&look)? {
            Seen::State(state) => Ok(state),
            _ => Err(HostFault::new("a look at a state saw something else")),
        }
    }

    /// What a look at a state has seen is part of the history.
    fn note(&mut self, look: &Look, seen: &Seen) {
        if let (Look::State { local: Some(local), peer, .. }, Seen::State(TcpState::TimeWait)) = (look, seen)
        {
            self.time_wait.insert((trace::canonical(*local), peer.map(trace::canonical)));
        }
    }
}

impl Host for Traced {
    fn platform(&self) -> &Platform {
        self.inner.platform()
    }

    fn address(&self, family: Family) -> IpAddr {
        self.inner.address(family)
    }

    fn run(&mut self, call: &Call, limit: Duration) -> Result<Completion, HostFault> {
        self.inner.run(call, limit)
    }

    fn start(&mut self, call: &Call) -> Result<CallId, HostFault> {
        self.inner.start(call)
    }

    fn wait(&mut self, id: CallId, until: Until, limit: Duration) -> Result<Progress, HostFault> {
        self.inner.wait(id, until, limit)
    }

    fn interrupt(&mut self, id: CallId, restart: bool) -> Result<(), HostFault> {
        self.inner.interrupt(id, restart)
    }

    fn cancel(&mut self, id: CallId) -> Result<Completion, HostFault> {
        self.inner.cancel(id)
    }

    fn lateness(&mut self) -> u64 {
        self.inner.lateness()
    }

    fn late_so_far(&self) -> u64 {
        self.inner.late_so_far()
    }

    fn behind(&self) -> u64 {
        self.inner.behind()
    }

    fn observe(&mut self, look: &Look) -> Result<Seen, HostFault> {
        if let Look::Path { socket, local, peer } = look {
            return self.path(socket, *local, *peer);
        }
        let seen = self.inner.observe(look)?;
        self.note(look, &seen);
        Ok(seen)
    }
}
