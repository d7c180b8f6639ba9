//! The names of a trial's sockets and their addresses, which outlive the sockets: a connection is known by its pair of
//! addresses, also after close.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::case::address::{AddressExpr, PlaceExpr, PortExpr, Special};
use crate::host::call::{Address, Family, Kind, Name};
use crate::host::{Host, HostFault, Look, Seen};
use crate::wire::Side;

/// The sockets of a trial.
#[derive(Debug)]
pub(super) struct Names {
    /// The address family of sockets that do not say another.
    family: Family,
    sockets: BTreeMap<Name, Endpoint>,
    /// The addresses of the far end of a wire.
    far: Option<[IpAddr; 2]>,
}

/// What is known of a socket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Endpoint {
    pub(super) family: Family,
    pub(super) kind: Kind,
    pub(super) local: Option<SocketAddr>,
    pub(super) peer: Option<SocketAddr>,
    /// The host that it is on.
    pub(super) side: Side,
    /// No socket of the program stands for the connection: it was closed, or not accepted yet.
    pub(super) without_socket: bool,
}

impl Names {
    pub(super) fn new(family: Family, far: Option<[IpAddr; 2]>) -> Self {
        Self { family, sockets: BTreeMap::new(), far }
    }

    /// A socket's entry; one that was never made has the trial's family and no addresses.
    pub(super) fn get(&self, name: &str) -> Endpoint {
        let unknown = Endpoint {
            family: self.family,
            kind: Kind::Stream,
            local: None,
            peer: None,
            side: Side::Client,
            without_socket: false,
        };
        self.sockets.get(name).copied().unwrap_or(unknown)
    }

    pub(super) fn set(&mut self, name: &str, endpoint: Endpoint) {
        self.sockets.insert(name.to_owned(), endpoint);
    }

    /// The address that the words mean for a socket.
    pub(super) fn resolve(
        &self,
        expr: &AddressExpr,
        socket: &str,
        host: &mut dyn Host,
    ) -> Result<Address, HostFault> {
        let Endpoint { family, kind, .. } = self.get(socket);
        let closed = || AddressExpr::At { port: PortExpr::Closed, place: PlaceExpr::Own, mapped: false };
        match expr {
            AddressExpr::Nothing => Ok(Address::Unspecified),
            AddressExpr::Null => Ok(Address::Null),
            AddressExpr::Family(n) => Ok(Address::Family(*n, self.whole(&closed(), family, kind, host)?)),
            AddressExpr::Length(n) => Ok(Address::Length(*n, self.whole(&closed(), family, kind, host)?)),
            AddressExpr::At { mapped: true, port, place } => {
                let plain = AddressExpr::At { port: port.clone(), place: place.clone(), mapped: false };
                let whole = self.whole(&plain, Family::Ipv4, kind, host)?;
                Ok(Address::Is(mapped(whole)))
            }
            AddressExpr::At { .. } => Ok(Address::Is(self.whole(expr, family, kind, host)?)),
        }
    }

    fn whole(
        &self,
        expr: &AddressExpr,
        family: Family,
        kind: Kind,
        host: &mut dyn Host,
    ) -> Result<SocketAddr, HostFault> {
        let AddressExpr::At { port, place, .. } = expr else {
            return Err(HostFault::new("no address"));
        };
        let ip = match place {
            PlaceExpr::Own => host.address(family),
            PlaceExpr::Of(name) => self.local(name)?.ip(),
            PlaceExpr::Special(Special::Far) => {
                let far = self.far.ok_or_else(|| HostFault::new("there is no far end"))?;
                far[usize::from(family == Family::Ipv6)]
            }
            PlaceExpr::Special(special) => special_ip(*special, family),
        };
        let port = match port {
            PortExpr::Any => 0,
            PortExpr::Number(n) => *n,
            PortExpr::Of(name) => self.local(name)?.port(),
            PortExpr::Closed => match host.observe(&Look::ClosedPort { ip, kind })? {
                Seen::Port(port) => port,
                _ => return Err(HostFault::new("the host found no closed port")),
            },
        };
        Ok(SocketAddr::new(ip, port))
    }

    fn local(&self, name: &str) -> Result<SocketAddr, HostFault> {
        self.get(name).local.ok_or_else(|| {
            HostFault::new(format!("the case asks for the address of `{name}`, which has none"))
        })
    }

    /// Every way in which the case language names an address.
    pub(super) fn names_of(&self, address: SocketAddr, host: &dyn Host) -> Vec<String> {
        let mut names = Vec::new();
        let plain = unmapped(address);
        let is_mapped = plain != address;
        let family = Family::of(plain.ip());
        let mut add = |port: PortExpr, place: PlaceExpr| {
            names.push(AddressExpr::At { port, place, mapped: is_mapped }.to_string());
        };
        let same_port = |(_, endpoint): &(&Name, &Endpoint)| {
            endpoint.local.is_some_and(|local| local.port() == plain.port()) && plain.port() != 0
        };
        for (name, endpoint) in &self.sockets {
            if endpoint.local.map(unmapped) == Some(plain) {
                add(PortExpr::Of(name.clone()), PlaceExpr::Of(name.clone()));
            }
        }
        let mut places = Vec::new();
        if plain.ip() == host.address(family) {
            places.push(PlaceExpr::Own);
        }
        for special in [Special::Wildcard, Special::Loopback, Special::Broadcast] {
            if plain.ip() == special_ip(special, family) {
                places.push(PlaceExpr::Special(special));
            }
        }
        if self.far.is_some_and(|far| far.contains(&plain.ip())) {
            places.push(PlaceExpr::Special(Special::Far));
        }
        for place in places {
            for (name, _) in self.sockets.iter().filter(same_port) {
                add(PortExpr::Of(name.clone()), place.clone());
            }
            if plain.port() != 0 {
                add(PortExpr::Any, place.clone());
            }
            add(PortExpr::Number(plain.port()), place);
        }
        names
    }
}

/// An IPv4 address within IPv6.
fn mapped(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) => SocketAddr::new(IpAddr::V6(v4.ip().to_ipv6_mapped()), v4.port()),
        v6 @ SocketAddr::V6(_) => v6,
    }
}

fn unmapped(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V6(v6) => {
            v6.to_ipv4_mapped().map_or(address, |v4| SocketAddr::new(v4.into(), address.port()))
        }
        IpAddr::V4(_) => address,
    }
}

fn special_ip(special: Special, family: Family) -> IpAddr {
    let (v4, v6) = match special {
        // Resolved before, by the wire.
        Special::Far => (Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED),
        Special::Wildcard => (Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED),
        Special::Loopback => (Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST),
        // IPv6 has no broadcast; its nearest relative is the group of all nodes.
        Special::Broadcast => (Ipv4Addr::BROADCAST, Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1)),
        Special::Multicast => (Ipv4Addr::new(224, 0, 0, 1), Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1)),
        // RFC 5737, RFC 3849: documentation.
        Special::NotLocal => (Ipv4Addr::new(192, 0, 2, 1), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
        Special::NoRoute => (Ipv4Addr::new(198, 51, 100, 1), Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 1)),
    };
    match family {
        Family::Ipv4 => v4.into(),
        Family::Ipv6 => v6.into(),
    }
}
