//! The two ends of the wire: two anonymous network namespaces with a TUN device in each, and the threads that carry
//! packets between the devices and the trials.
//!
//! A pair of namespaces serves many trials at once, each with addresses of its own; a trial with settings has its own
//! pair. Addresses are whole prefixes that are local by a route, so that a trial costs no message to the kernel; where a
//! kernel has no such routes (gVisor), a trial's addresses are given to the devices and taken back. All of it is held by
//! descriptors: nothing is visible outside, and nothing outlives the process.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, setns, unshare};
use socket2::{Domain, SockAddr, Socket, Type};

use super::netlink::{self, TABLE_LOCAL};
use super::{namespace, settings, tun};
use crate::host::call::{Action, Call, Completion, Family};
use crate::host::link::{Request, Session, Unavailable};
use crate::host::local::{LocalHost, Place};
use crate::host::unix::Native;
use crate::host::{CallId, Host, HostFault, Look, Progress, Seen, Until};
use crate::platform::Platform;
use crate::wire::{Cable, Port, Side};

/// Settings of the two namespaces besides those of [`settings::PINNED`].
const PINNED: &[(&str, &str, &str)] = &[
    ("net.ipv6.ip_nonlocal_bind", "1", "addresses are local by a route, which IPv6 does not let be bound"),
    ("net.ipv4.conf.all.rp_filter", "0", "the cable may invent senders"),
    ("net.ipv4.conf.default.rp_filter", "0", "as above"),
    ("net.ipv6.conf.all.accept_ra", "0", "there is no router"),
    ("net.ipv6.conf.default.accept_dad", "0", "addresses are usable at once"),
    ("net.ipv4.tcp_syncookies", "0", "a full SYN queue is the subject of cases, which turn them on"),
];

/// The name by which a case turns off that the wire's routes acknowledge every segment at once (ip-route(8)).
const QUICKACK: &str = "route.quickack";

/// How many packets may wait for the cable: a full queue loses some, and a busy machine lets it grow.
const ROOM: u32 = 10_000;

/// Makes the ends of trials.
pub(in crate::host) struct Wire {
    platform: Arc<Platform>,
    shared: Arc<Pair>,
    /// The namespace of all other trials.
    base: Arc<File>,
}

impl Wire {
    /// The shared pair. An error is the reason why there is none, and what would help.
    pub(in crate::host) fn new(platform: &Arc<Platform>) -> Result<Self, String> {
        let base =
            File::open("/proc/thread-self/ns/net").map_err(|error| format!("own namespace: {error}"))?;
        let shared = Pair::make(&BTreeMap::new())?;
        Ok(Self { platform: Arc::clone(platform), shared, base: Arc::new(base) })
    }

    pub(in crate::host) fn open(&self, request: &Request) -> Result<Session, Unavailable> {
        let pair = if request.settings.is_empty() {
            Arc::clone(&self.shared)
        } else {
            Pair::make(&request.settings).map_err(Unavailable)?
        };
        // Linux handles a packet while it is being written to the device. gVisor hands segments to threads of its own
        // (pkg/tcpip/transport/tcp/dispatcher.go), which an answer to an echo request may overtake.
        let settles = self.platform.stack != "native";
        let (number, cable) = pair.register(request.raw, settles);
        let lease = Lease {
            number,
            pair: Arc::clone(&pair),
            cable: Arc::clone(&cable),
            base: Arc::clone(&self.base),
        };
        for side in [Side::Client, Side::Server] {
            pair.ends[side as usize].furnish(side, number, &self.base).map_err(Unavailable)?;
        }
        let client = self.end(&pair, Side::Client, number, Box::new(lease));
        let server = (!request.raw).then(|| self.end(&pair, Side::Server, number, Box::new(())));
        Ok(Session { client, server, cable: Some(cable) })
    }

    fn end(&self, pair: &Arc<Pair>, side: Side, number: u16, lease: Box<dyn std::any::Any>) -> Box<dyn Host> {
        let place = Place {
            platform: Arc::clone(&self.platform),
            ipv4: ipv4(side, number).into(),
            ipv6: ipv6(side, number).into(),
            abort: true,
            forget: false,
            lease,
        };
        let own = Arc::clone(&pair.ends[side as usize].namespace);
        Box::new(End {
            inner: LocalHost::new(place),
            own,
            base: Arc::clone(&self.base),
            _pair: Arc::clone(pair),
        })
    }
}

/// 10.1.0.0/16 and 10.2.0.0/16.
fn ipv4(side: Side, number: u16) -> Ipv4Addr {
    let [high, low] = number.to_be_bytes();
    Ipv4Addr::new(10, 1 + side as u8, high, low)
}

/// A /64 of a unique local prefix for each side.
fn ipv6(side: Side, number: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfd73, 0x6f63, 0x6b73, 1 + side as u16, 0, 0, 0, number)
}

/// The trial that a packet belongs to: its number stands in both addresses.
fn number(bytes: &[u8]) -> Option<u16> {
    let address: &[u8] = match bytes.first()? >> 4 {
        4 => bytes.get(12..16).filter(|source| source[0] == 10 && matches!(source[1], 1 | 2))?,
        6 => bytes.get(8..24).filter(|source| source[..6] == [0xfd, 0x73, 0x6f, 0x63, 0x6b, 0x73])?,
        _ => return None,
    };
    Some(u16::from_be_bytes(address.get(address.len() - 2..)?.try_into().ok()?))
}

/// Two namespaces and what carries packets between them.
struct Pair {
    ends: [Tunnel; 2],
    trials: Mutex<HashMap<u16, Arc<Cable>>>,
    next: AtomicU16,
    /// Closing it ends the threads.
    stop: Mutex<Option<std::io::PipeWriter>>,
}

struct Tunnel {
    namespace: Arc<File>,
    device: Arc<File>,
    /// The device's number, if addresses must be given to it one by one.
    needs_addresses: Option<u32>,
}

impl Tunnel {
    /// Gives a trial's addresses to the device where no route makes them local.
    fn furnish(&self, side: Side, number: u16, base: &File) -> Result<(), String> {
        self.send(side, number, base, netlink::address_of)
    }

    /// Undoes [`furnish`](Self::furnish).
    fn clear(&self, side: Side, number: u16, base: &File) -> Result<(), String> {
        self.send(side, number, base, netlink::no_address_of)
    }

    fn send(
        &self,
        side: Side,
        number: u16,
        base: &File,
        message: impl Fn(IpAddr, u32) -> netlink::Message,
    ) -> Result<(), String> {
        let Some(index) = self.needs_addresses else { return Ok(()) };
        let addresses = [IpAddr::V4(ipv4(side, number)), IpAddr::V6(ipv6(side, number))];
        let messages = addresses.map(|ip| message(ip, index));
        within(&self.namespace, base, || netlink::send(&messages))
            .and_then(|sent| sent)
            .map_err(|error| format!("addresses of the wire: {error}"))
    }
}

/// Does something in another namespace, and comes back.
fn within<T>(there: &File, base: &File, act: impl FnOnce() -> T) -> Result<T, Errno> {
    setns(there, CloneFlags::CLONE_NEWNET)?;
    let result = act();
    setns(base, CloneFlags::CLONE_NEWNET)?;
    Ok(result)
}

impl Pair {
    fn make(wanted: &BTreeMap<String, String>) -> Result<Arc<Self>, String> {
        let end = |side: Side| {
            // On a thread of its own, which takes its namespace with it.
            thread::scope(|scope| {
                scope
                    .spawn(|| tunnel(side, wanted))
                    .join()
                    .unwrap_or_else(|_| Err("the thread broke".to_owned()))
            })
        };
        let ends = [end(Side::Client)?, end(Side::Server)?];
        let (watch, stop) = std::io::pipe().map_err(|error| format!("pipe: {error}"))?;
        let pair = Arc::new(Self {
            ends,
            trials: Mutex::new(HashMap::new()),
            next: AtomicU16::new(1),
            stop: Mutex::new(Some(stop)),
        });
        let watch = Arc::new(watch);
        for side in [Side::Client, Side::Server] {
            let device = Arc::clone(&pair.ends[side as usize].device);
            // Threads hold the pair weakly: it ends with its last trial.
            let (pair, watch) = (Arc::downgrade(&pair), Arc::clone(&watch));
            thread::Builder::new()
                .name("cable".to_owned())
                .spawn(move || carry(side, &device, &watch, &pair))
                .map_err(|error| format!("a thread for the cable: {error}"))?;
        }
        Ok(pair)
    }

    /// Addresses for a trial, and its share of the cable.
    fn register(self: &Arc<Self>, raw: bool, settles: bool) -> (u16, Arc<Cable>) {
        let mut trials = self.trials();
        let number = loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number != 0 && !trials.contains_key(&number) {
                break number;
            }
        };
        let addresses = [Side::Client, Side::Server]
            .map(|side| [ipv4(side, number).into(), IpAddr::V6(ipv6(side, number))]);
        let devices =
            Devices([Side::Client, Side::Server].map(|side| Arc::clone(&self.ends[side as usize].device)));
        let cable = Arc::new(Cable::new(addresses, raw, number, settles, Arc::new(devices)));
        trials.insert(number, Arc::clone(&cable));
        (number, cable)
    }

    fn trials(&self) -> MutexGuard<'_, HashMap<u16, Arc<Cable>>> {
        self.trials.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.stop.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Closing a TUN device waits for the kernel, some 20 ms: not on the way of a trial.
        let devices = [0, 1].map(|end| Arc::clone(&self.ends[end].device));
        let _ = thread::Builder::new().spawn(move || drop(devices));
    }
}

/// Writes packets into the devices.
struct Devices([Arc<File>; 2]);

impl Port for Devices {
    fn deliver(&self, to: Side, bytes: &[u8]) -> std::io::Result<()> {
        (&*self.0[to as usize]).write_all(bytes)
    }
}

/// Carries what one end sends to the trials, until the pair is gone.
fn carry(side: Side, device: &File, stop: &std::io::PipeReader, pair: &std::sync::Weak<Pair>) {
    let mut buffer = vec![0; 65_536];
    loop {
        let mut ready =
            [PollFd::new(device.as_fd(), PollFlags::POLLIN), PollFd::new(stop.as_fd(), PollFlags::POLLIN)];
        match poll(&mut ready, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return,
        }
        let is = |at: usize| ready[at].revents().is_some_and(|bits| !bits.is_empty());
        if is(1) {
            return;
        }
        if !is(0) {
            continue;
        }
        let length = match (&*device).read(&mut buffer) {
            Ok(length) => length,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => continue,
            // Somebody has taken the device away: nothing comes any more.
            Err(_) => return,
        };
        let bytes = &buffer[..length];
        let Some(pair) = pair.upgrade() else { return };
        let cable = number(bytes).and_then(|number| pair.trials().get(&number).cloned());
        if let Some(cable) = cable {
            cable.arrive(side, bytes);
        }
    }
}

/// Makes one end: a namespace with a device whose other side is the harness.
fn tunnel(side: Side, wanted: &BTreeMap<String, String>) -> Result<Tunnel, String> {
    unshare(CloneFlags::CLONE_NEWNET).map_err(|error| format!("unshare: {error}"))?;
    namespace::furnish(0)?;
    let (device, index) = tun::open()?;
    for (name, value, _) in PINNED {
        // What this kernel does not have needs no pinning.
        let _ = settings::write(name, value);
    }
    let own = [(IpAddr::V4(ipv4(side, 0)), 16), (IpAddr::V6(ipv6(side, 0)), 64)];
    let far = [(IpAddr::V4(ipv4(side.other(), 0)), 16), (IpAddr::V6(ipv6(side.other(), 0)), 64)];
    let quick = wanted.get(QUICKACK).is_none_or(|value| value != "0");
    for at in [0, 1] {
        let far_route = netlink::device_route(far[at].0, far[at].1, index);
        let messages = [
            netlink::link_up_with_room(index, ROOM),
            netlink::local_route(own[at].0, own[at].1, TABLE_LOCAL),
            if quick { far_route } else { far_route.plain() },
        ];
        match netlink::send(&messages) {
            Ok(()) => {}
            // Without IPv6 in the kernel the wire is one for IPv4.
            Err(_) if at == 1 => {}
            Err(error) => return Err(format!("routes of the wire: {error}")),
        }
    }
    // Else a packet waits in the queue while another processor sends from it, and TCP gathers what is sent behind it. A
    // kernel without traffic control has one processor, or does without.
    let _ = netlink::send(&[netlink::no_queue(index)]);
    for (name, value) in wanted.iter().filter(|(name, _)| *name != QUICKACK) {
        settings::write(name, value).map_err(|error| format!("setting {name} = {value}: {error}"))?;
    }
    let namespace = File::open("/proc/thread-self/ns/net").map_err(|error| format!("namespace: {error}"))?;
    let needs_addresses = (!is_local(ipv4(side, u16::MAX))).then_some(index);
    Ok(Tunnel { namespace: Arc::new(namespace), device: Arc::new(device), needs_addresses })
}

/// Whether a socket in the namespace of the calling thread may have that address.
fn is_local(ip: Ipv4Addr) -> bool {
    let address = SockAddr::from(SocketAddr::from((ip, 0)));
    Socket::new(Domain::IPV4, Type::DGRAM, None).is_ok_and(|socket| socket.bind(&address).is_ok())
}

/// A trial's hold on its addresses.
struct Lease {
    number: u16,
    pair: Arc<Pair>,
    cable: Arc<Cable>,
    /// The namespace to come back to.
    base: Arc<File>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        // What a case has closed may still be sending its FIN: a reset ends it, so that no orphan stays in the kernel.
        self.cable.reset_all();
        self.pair.trials().remove(&self.number);
        for side in [Side::Client, Side::Server] {
            // An address that stays is nobody's: numbers come round late.
            let _ = self.pair.ends[side as usize].clear(side, self.number, &self.base);
        }
    }
}

/// A host in one of the namespaces: sockets are made there, and looked at there; all else knows its socket.
struct End {
    inner: LocalHost<Native>,
    own: Arc<File>,
    base: Arc<File>,
    _pair: Arc<Pair>,
}

impl End {
    fn there<T>(
        &mut self,
        act: impl FnOnce(&mut LocalHost<Native>) -> Result<T, HostFault>,
    ) -> Result<T, HostFault> {
        let inner = &mut self.inner;
        within(&self.own, &self.base, || act(inner))
            .map_err(|error| HostFault::new(format!("setns: {error}")))?
    }
}

impl Host for End {
    fn platform(&self) -> &Platform {
        self.inner.platform()
    }

    fn address(&self, family: Family) -> IpAddr {
        self.inner.address(family)
    }

    fn run(&mut self, call: &Call, limit: std::time::Duration) -> Result<Completion, HostFault> {
        match call.action {
            Action::Socket { .. } => self.there(|host| host.run(call, limit)),
            _ => self.inner.run(call, limit),
        }
    }

    fn start(&mut self, call: &Call) -> Result<CallId, HostFault> {
        self.inner.start(call)
    }

    fn wait(&mut self, id: CallId, until: Until, limit: std::time::Duration) -> Result<Progress, HostFault> {
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
        self.there(|host| host.observe(look))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_trial_stands_in_its_packets() {
        let mut v4 = [0; 20];
        v4[0] = 0x45;
        v4[12..16].copy_from_slice(&ipv4(Side::Server, 0x1234).octets());
        assert_eq!(number(&v4), Some(0x1234));
        let mut v6 = [0; 40];
        v6[0] = 0x60;
        v6[8..24].copy_from_slice(&ipv6(Side::Client, 7).octets());
        assert_eq!(number(&v6), Some(7));
        assert_eq!(number(&[0x45; 20]), None);
        assert_eq!(number(&[]), None);
    }
}
