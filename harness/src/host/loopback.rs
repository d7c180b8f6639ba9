//! The loopback link: both ends of a trial on this machine, in a network of our own where there is one.
//!
//! Making that network is `linux::namespace`'s; here it is handed out: an address of its own for each trial, or a
//! namespace for a trial that needs one.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::link::{Link, Request, Session, Unavailable};
use super::local::{LocalHost, Place, clock, watchdog};
use super::{Host, HostFault};
use crate::platform::{Platform, probe};

#[cfg(unix)]
use super::unix::{Native, signals};
#[cfg(windows)]
use super::windows::{Native, winsock as signals};

/// Which network the process is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Network {
    /// A namespace of its own, by `linux::namespace::enter`.
    Own,
    /// The machine's, and why.
    Machine(String),
}

impl Network {
    /// Moves the process into a network of its own, where the system has such and unless the machine's is wanted. To be
    /// called first thing in main, while the process has one thread.
    #[must_use]
    pub fn enter(machine: bool) -> Self {
        if machine {
            return Self::Machine("asked for".to_owned());
        }
        #[cfg(target_os = "linux")]
        return match super::linux::namespace::enter() {
            Ok(()) => Self::Own,
            Err(refused) => Self::Machine(refused.to_string()),
        };
        #[cfg(not(target_os = "linux"))]
        Self::Machine("this system has no network namespaces".to_owned())
    }
}

/// Makes hosts on loopback.
pub struct Loopback {
    platform: Arc<Platform>,
    network: Network,
    #[cfg(target_os = "linux")]
    own: Option<own::Addresses>,
    /// Made when the first trial asks for it.
    #[cfg(target_os = "linux")]
    wire: std::sync::OnceLock<Result<super::linux::wire::Wire, String>>,
    /// See `wire`.
    #[cfg(target_os = "linux")]
    tracing: std::sync::OnceLock<Result<Arc<super::linux::tracing::Tracing>, String>>,
}

impl Loopback {
    /// The link in the network that the process is in. To be called before trials run, on the main thread.
    pub fn new(network: &Network) -> Result<Self, HostFault> {
        signals::install()?;
        let platform = probe::probe(network)?;
        if platform.offers.contains(probe::VIRTUAL_CLOCK) {
            clock::is_virtual_from_now_on();
        }
        watchdog::start();
        Ok(Self {
            platform: Arc::new(platform),
            network: network.clone(),
            #[cfg(target_os = "linux")]
            own: (*network == Network::Own).then(own::Addresses::new),
            #[cfg(target_os = "linux")]
            wire: std::sync::OnceLock::new(),
            #[cfg(target_os = "linux")]
            tracing: std::sync::OnceLock::new(),
        })
    }

    /// Facts about this machine.
    #[must_use]
    pub fn platform(&self) -> &Arc<Platform> {
        &self.platform
    }

    /// Which network trials use, and why it is not one of our own.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// On the machine's own network nothing is set: what is wanted must be so already.
    fn open_shared(&self, request: &Request) -> Result<Box<dyn Host>, Unavailable> {
        for (name, value) in &request.settings {
            match self.platform.settings.get(name) {
                Some(now) if now == value => {}
                Some(now) => return Err(Unavailable(format!("needs {name} = {value}, which is {now} here"))),
                None => {
                    return Err(Unavailable(format!(
                        "needs {name} = {value}, which this machine does not tell"
                    )));
                }
            }
        }
        Ok(host(Place {
            platform: Arc::clone(&self.platform),
            ipv4: Ipv4Addr::LOCALHOST.into(),
            ipv6: Ipv6Addr::LOCALHOST.into(),
            abort: true,
            forget: false,
            lease: Box::new(()),
        }))
    }
}

impl Link for Loopback {
    fn open(&self, request: &Request) -> Result<Session, Unavailable> {
        let session = self.hosts(request)?;
        #[cfg(target_os = "linux")]
        if request.trace {
            let tracing = self.tracing.get_or_init(super::linux::tracing::Tracing::open);
            let tracing = tracing.as_ref().map_err(|reason| Unavailable(reason.clone()))?;
            return super::linux::traced::session(session, tracing);
        }
        Ok(session)
    }
}

impl Loopback {
    fn hosts(&self, request: &Request) -> Result<Session, Unavailable> {
        #[cfg(target_os = "linux")]
        if let Some(own) = &self.own {
            if request.wire {
                let wire = self.wire.get_or_init(|| super::linux::wire::Wire::new(&self.platform));
                return wire.as_ref().map_err(|reason| Unavailable(reason.clone()))?.open(request);
            }
            return own.open(&self.platform, request).map(Session::alone);
        }
        self.open_shared(request).map(Session::alone)
    }
}

fn host(place: Place) -> Box<dyn Host> {
    Box::new(LocalHost::<Native>::new(place))
}

#[cfg(target_os = "linux")]
mod own {
    //! Addresses and namespaces of our own.

    use std::any::Any;
    use std::collections::{BTreeMap, VecDeque};
    use std::net::IpAddr;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::{Condvar, Mutex, PoisonError};

    use super::*;
    use crate::host::linux::{namespace, settings};

    pub(super) struct Addresses {
        /// Trials so far.
        count: AtomicU32,
        ipv6: Arc<Pool>,
    }

    impl Addresses {
        pub(super) fn new() -> Self {
            let all = (1..=namespace::IPV6_ADDRESSES).map(namespace::ipv6).collect();
            let ipv6 = Arc::new(Pool { free: Mutex::new(all), returned: Condvar::new() });
            Self { count: AtomicU32::new(0), ipv6 }
        }

        pub(super) fn open(
            &self,
            platform: &Arc<Platform>,
            request: &Request,
        ) -> Result<Box<dyn Host>, Unavailable> {
            if namespace::is_lost() {
                return Err(Unavailable("this thread could not be brought back to its network".to_owned()));
            }
            let ipv4 = namespace::ipv4(self.count.fetch_add(1, Ordering::Relaxed)).into();
            let mut platform = Arc::clone(platform);
            // A namespace takes all with it; an address of the pool is used again.
            let mut forget = false;
            let (ipv6, lease): (_, Box<dyn Any>) = if request.own || !request.settings.is_empty() {
                let own = namespace::Own::enter(&request.settings)?;
                if !request.settings.is_empty() {
                    platform = Arc::new(with_settings(&platform, &request.settings));
                }
                (namespace::ipv6(1), Box::new(own))
            } else {
                forget = true;
                let ipv6 = self.ipv6.take();
                (ipv6, Box::new(Taken { pool: Arc::clone(&self.ipv6), ip: ipv6 }))
            };
            Ok(host(Place { platform, ipv4, ipv6: IpAddr::V6(ipv6), abort: false, forget, lease }))
        }
    }

    /// The facts that hold where these settings were made, as they are read back.
    fn with_settings(platform: &Platform, wanted: &BTreeMap<String, String>) -> Platform {
        let mut platform = platform.clone();
        for name in wanted.keys() {
            if let Some(value) = settings::read(name) {
                platform.settings.insert(name.clone(), value);
            }
        }
        platform
    }

    /// IPv6 addresses, of which a source address has to be one, so that there are only so many. Taken in turn.
    struct Pool {
        free: Mutex<VecDeque<Ipv6Addr>>,
        returned: Condvar,
    }

    impl Pool {
        fn take(&self) -> Ipv6Addr {
            let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
            loop {
                if let Some(ip) = free.pop_front() {
                    return ip;
                }
                free = self.returned.wait(free).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    struct Taken {
        pool: Arc<Pool>,
        ip: Ipv6Addr,
    }

    impl Drop for Taken {
        fn drop(&mut self) {
            self.pool.free.lock().unwrap_or_else(PoisonError::into_inner).push_back(self.ip);
            self.pool.returned.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::Duration;

    use super::*;
    use crate::host::call::{Action, Address, Call, Choice, Completion, Family, Kind, Mode};
    use crate::host::{Look, Progress, Seen, Until};
    use crate::outcome::{Data, Outcome};

    const LIMIT: Duration = Duration::from_secs(5);

    fn open() -> Box<dyn Host> {
        let link = Loopback::new(&Network::Machine("a test".to_owned())).unwrap();
        link.open(&Request::default()).unwrap().client
    }

    fn call(socket: &str, action: Action) -> Call {
        Call { socket: socket.to_owned(), action, mode: Mode::Blocking }
    }

    fn run(host: &mut dyn Host, socket: &str, action: Action) -> Completion {
        host.run(&call(socket, action), LIMIT).unwrap()
    }

    fn socket(kind: Kind) -> Action {
        Action::Socket { family: Choice::Known(Family::Ipv4), kind: Choice::Known(kind), protocol: 0 }
    }

    fn bind(host: &mut dyn Host, name: &str, kind: Kind) -> SocketAddr {
        run(host, name, socket(kind));
        let any = SocketAddr::new(host.address(Family::Ipv4), 0);
        run(host, name, Action::Bind { address: Address::Is(any) }).local.unwrap()
    }

    fn connect(to: SocketAddr) -> Action {
        Action::Connect { to: Address::Is(to), via: "connect".to_owned() }
    }

    fn connected(host: &mut dyn Host) {
        let listening = bind(host, "listener", Kind::Stream);
        run(host, "listener", Action::Listen { backlog: 1 });
        run(host, "client", socket(Kind::Stream));
        assert_eq!(run(host, "client", connect(listening)).outcome, Outcome::Ok);
        let accept = Action::Accept { new: "server".to_owned(), via: "accept".to_owned() };
        assert_eq!(run(host, "listener", accept).local, Some(listening));
    }

    fn send(to: Option<SocketAddr>) -> Action {
        let via = if to.is_some() { "sendto" } else { "send" };
        Action::Send {
            data: Data(b"hello".to_vec()),
            to: to.map(Address::Is),
            flags: Vec::new(),
            via: via.to_owned(),
        }
    }

    fn recv() -> Action {
        Action::Recv { size: 16, flags: Vec::new(), via: "recv".to_owned() }
    }

    #[test]
    fn a_closed_port_refuses() {
        let mut host = open();
        let ip = host.address(Family::Ipv4);
        let Seen::Port(port) = host.observe(&Look::ClosedPort { ip, kind: Kind::Stream }).unwrap() else {
            panic!("no port");
        };
        run(&mut *host, "client", socket(Kind::Stream));
        let to = SocketAddr::new(ip, port);
        let refused = run(&mut *host, "client", connect(to));
        assert_eq!(refused.outcome, Outcome::Error("ECONNREFUSED".to_owned()));
        assert_eq!(refused.peer, Some(to));
        assert!(refused.begin <= refused.end);
    }

    #[test]
    fn a_call_that_blocks_is_ended_at_its_limit() {
        let mut host = open();
        connected(&mut *host);
        let limit = Duration::from_millis(30);
        let done = host.run(&call("client", recv()), limit).unwrap();
        assert_eq!(done.outcome, Outcome::Blocks);
        assert!(u128::from(done.end - done.begin) >= limit.as_nanos());
        assert_eq!(run(&mut *host, "client", send(None)).outcome, Outcome::Ok);
    }

    #[test]
    #[cfg_attr(windows, ignore = "Wine does not wait for all")]
    fn a_call_that_waits_for_more_than_came_still_blocks() {
        let mut host = open();
        connected(&mut *host);
        let all = Action::Recv { size: 100, flags: vec!["MSG_WAITALL".to_owned()], via: "recv".to_owned() };
        run(&mut *host, "server", send(None));
        let done = host.run(&call("client", all.clone()), Duration::from_millis(30)).unwrap();
        let hello = Some(Outcome::Data(Data(b"hello".to_vec())));
        assert_eq!((done.outcome, done.moved), (Outcome::Blocks, hello.clone()));
        run(&mut *host, "server", send(None));
        let id = host.start(&call("client", all)).unwrap();
        assert_eq!(host.wait(id, Until::Asleep, LIMIT), Ok(Progress::Asleep));
        let done = host.cancel(id).unwrap();
        assert_eq!((done.outcome, done.moved), (Outcome::Blocks, hello));
    }

    #[test]
    fn a_background_call_goes_on_until_its_cause_or_its_cancellation() {
        let mut host = open();
        connected(&mut *host);
        let id = host.start(&call("client", recv())).unwrap();
        assert_eq!(host.wait(id, Until::Asleep, LIMIT), Ok(Progress::Asleep));
        run(&mut *host, "server", send(None));
        let Progress::Done(done) = host.wait(id, Until::Done, LIMIT).unwrap() else {
            panic!("still under way")
        };
        assert_eq!(done.outcome, Outcome::Data(Data(b"hello".to_vec())));
        let id = host.start(&call("client", recv())).unwrap();
        assert_eq!(host.wait(id, Until::Asleep, LIMIT), Ok(Progress::Asleep));
        assert_eq!(host.cancel(id).unwrap().outcome, Outcome::Blocks);
    }

    #[test]
    fn a_datagram_tells_its_sender() {
        let mut host = open();
        let receiver = bind(&mut *host, "receiver", Kind::Datagram);
        let sender = bind(&mut *host, "sender", Kind::Datagram);
        assert_eq!(run(&mut *host, "sender", send(Some(receiver))).outcome, Outcome::Ok);
        let recvfrom = Action::Recv { size: 16, flags: Vec::new(), via: "recvfrom".to_owned() };
        let got = run(&mut *host, "receiver", recvfrom);
        assert_eq!(got.outcome, Outcome::Data(Data(b"hello".to_vec())));
        assert_eq!(got.peer, Some(sender));
    }

    #[cfg(unix)]
    #[test]
    fn a_closed_descriptor_is_never_another_ones_file() {
        use nix::fcntl::{FcntlArg, fcntl};

        // The highest number that select can take, as a process has it in which many trials run at once.
        let null = std::fs::File::open("/dev/null").unwrap();
        let high = fcntl(&null, FcntlArg::F_DUPFD_CLOEXEC(1023)).unwrap();
        let mut host = open();
        let what = crate::host::call::DescriptorKind::Closed;
        run(&mut *host, "wrong", Action::Descriptor { what });
        let ready = Action::Ready { via: "select".to_owned(), timeout: None };
        assert!(host.run(&call("wrong", ready), LIMIT).unwrap_err().0.contains("1023 is in use"));
        assert_eq!(run(&mut *host, "wrong", Action::Close).outcome, Outcome::Error("EBADF".to_owned()));
        nix::unistd::close(high).unwrap();
    }

    #[test]
    fn a_name_that_was_closed_is_nobody_elses_socket() {
        let mut host = open();
        run(&mut *host, "client", socket(Kind::Stream));
        assert_eq!(run(&mut *host, "client", Action::Close).outcome, Outcome::Ok);
        assert!(matches!(run(&mut *host, "client", Action::Close).outcome, Outcome::Error(_)));
        assert!(host.run(&call("never", Action::Close), LIMIT).is_err());
    }
}
