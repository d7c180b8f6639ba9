//! The words for addresses: a port and a place, or one of a few special values.
//!
//! ```text
//! NAME, address of NAME        the local address of a socket
//! any port                     the trial's own address, and a port that the system picks
//! port of NAME, port 80, closed port     likewise with that port
//! … on wildcard | loopback | broadcast | multicast | not local | no route | far end
//! mapped …                     the IPv4 address within IPv6 (::ffff:a.b.c.d)
//! unspecified                  port 0 on wildcard
//! broadcast, multicast, not local, no route       port 9 there
//! silent                       a listener whose queue is full: the setup `silent` makes it
//! nobody             port 4000 on far end: the one that has no socket
//! nothing                      AF_UNSPEC
//! null pointer, {family: 99}, {length: 4}         wrong arguments
//! ```

use std::fmt;

use crate::host::call::Name;

/// An address as a case writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressExpr {
    /// A port at a place.
    At {
        /// The port.
        port: PortExpr,
        /// The place.
        place: PlaceExpr,
        /// Within IPv6 as a v4-mapped address.
        mapped: bool,
    },
    /// `AF_UNSPEC`.
    Nothing,
    /// A null pointer.
    Null,
    /// An address with that number in place of its family.
    Family(i32),
    /// An address that is said to be so long.
    Length(u32),
}

/// A port as a case writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortExpr {
    /// The system picks one.
    Any,
    /// Nobody has it.
    Closed,
    /// That number.
    Number(u16),
    /// That of a socket.
    Of(Name),
}

/// A place as a case writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlaceExpr {
    /// The trial's own address.
    Own,
    /// That of a socket.
    Of(Name),
    /// A special address.
    Special(Special),
}

/// A special address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    /// 0.0.0.0, ::
    Wildcard,
    /// 127.0.0.1, ::1
    Loopback,
    /// 255.255.255.255
    Broadcast,
    /// 224.0.0.1, ff02::1
    Multicast,
    /// 192.0.2.1, 2001:db8::1: an address that this host does not have.
    NotLocal,
    /// The far end of the wire.
    Far,
    /// 198.51.100.1, 2001:db8:1::1: no route leads there in a namespace of our own.
    NoRoute,
}

const SPECIALS: &[(&str, Special)] = &[
    ("wildcard", Special::Wildcard),
    ("loopback", Special::Loopback),
    ("broadcast", Special::Broadcast),
    ("multicast", Special::Multicast),
    ("not local", Special::NotLocal),
    ("no route", Special::NoRoute),
    ("far end", Special::Far),
];

/// The port of the far end that the case plays.
pub const NOBODY: u16 = 4000;

/// The port of a destination where nothing but its place matters: discard.
const DISCARD: u16 = 9;

impl AddressExpr {
    /// Reads an address. An error is a message for the reader.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("an address is missing".to_owned());
        }
        match text {
            "nothing" => return Ok(Self::Nothing),
            "null pointer" => return Ok(Self::Null),
            "nobody" => return Ok(at(PortExpr::Number(NOBODY), PlaceExpr::Special(Special::Far))),
            "unspecified" => return Ok(at(PortExpr::Number(0), PlaceExpr::Special(Special::Wildcard))),
            _ => {}
        }
        if let Some(rest) = text.strip_prefix("mapped ") {
            return match Self::parse(rest)? {
                Self::At { port, place, mapped: false } => Ok(Self::At { port, place, mapped: true }),
                _ => Err("only an address can be mapped".to_owned()),
            };
        }
        if let Some((_, special)) = SPECIALS.iter().find(|(word, _)| *word == text) {
            return Ok(at(PortExpr::Number(DISCARD), PlaceExpr::Special(*special)));
        }
        if let Some(name) = text.strip_prefix("address of ") {
            return Ok(at(PortExpr::Of(name.to_owned()), PlaceExpr::Of(name.to_owned())));
        }
        let (port, place) = match text.split_once(" on ") {
            Some((port, place)) => {
                let Some((_, special)) = SPECIALS.iter().find(|(word, _)| *word == place) else {
                    let known: Vec<_> = SPECIALS.iter().map(|(word, _)| *word).collect();
                    return Err(format!("unknown place `{place}`; known are: {}", known.join(", ")));
                };
                (port, PlaceExpr::Special(*special))
            }
            None => (text, PlaceExpr::Own),
        };
        let port = if port == "any port" {
            PortExpr::Any
        } else if port == "closed port" {
            PortExpr::Closed
        } else if let Some(name) = port.strip_prefix("port of ") {
            PortExpr::Of(name.to_owned())
        } else if let Some(number) = port.strip_prefix("port ") {
            PortExpr::Number(number.parse().map_err(|_| format!("`{number}` is no port: 0 to 65535"))?)
        } else if matches!(place, PlaceExpr::Own) {
            return Ok(at(PortExpr::Of(text.to_owned()), PlaceExpr::Of(text.to_owned())));
        } else {
            return Err(format!("`{port}` is no port: any port, closed port, port N, port of NAME"));
        };
        Ok(at(port, place))
    }

    /// The sockets that it refers to.
    pub fn sockets(&self) -> impl Iterator<Item = &Name> {
        let (port, place) = match self {
            Self::At { port, place, .. } => (Some(port), Some(place)),
            _ => (None, None),
        };
        let port = match port {
            Some(PortExpr::Of(name)) => Some(name),
            _ => None,
        };
        let place = match place {
            Some(PlaceExpr::Of(name)) => Some(name),
            _ => None,
        };
        port.into_iter().chain(place.filter(|place| Some(*place) != port))
    }

    /// Whether the address is one that trials would share, so that they need a namespace each.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::At { place: PlaceExpr::Special(Special::Wildcard | Special::Loopback), .. })
    }
}

fn at(port: PortExpr, place: PlaceExpr) -> AddressExpr {
    AddressExpr::At { port, place, mapped: false }
}

impl fmt::Display for AddressExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::Null => f.write_str("null pointer"),
            Self::Family(n) => write!(f, "{{family: {n}}}"),
            Self::Length(n) => write!(f, "{{length: {n}}}"),
            Self::At { port, place, mapped } => {
                if *mapped {
                    f.write_str("mapped ")?;
                }
                match (port, place) {
                    (PortExpr::Number(0), PlaceExpr::Special(Special::Wildcard)) => {
                        f.write_str("unspecified")
                    }
                    (PortExpr::Of(a), PlaceExpr::Of(b)) if a == b => write!(f, "address of {a}"),
                    (port, PlaceExpr::Of(name)) => write!(f, "{port} at {name}"),
                    (port, PlaceExpr::Own) => write!(f, "{port}"),
                    (port, PlaceExpr::Special(special)) => {
                        let word = SPECIALS.iter().find(|(_, s)| s == special).map_or("?", |(word, _)| word);
                        write!(f, "{port} on {word}")
                    }
                }
            }
        }
    }
}

impl fmt::Display for PortExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any port"),
            Self::Closed => f.write_str("closed port"),
            Self::Number(n) => write!(f, "port {n}"),
            Self::Of(name) => write!(f, "port of {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_forms_read_as_themselves() {
        for text in [
            "address of client 2",
            "any port",
            "any port on wildcard",
            "closed port",
            "port of listener on wildcard",
            "port 80",
            "port 9 on no route",
            "mapped address of listener",
            "mapped any port on wildcard",
            "unspecified",
            "nothing",
            "null pointer",
        ] {
            assert_eq!(AddressExpr::parse(text).map(|a| a.to_string()), Ok(text.to_owned()));
        }
        assert_eq!(
            AddressExpr::parse("listener").map(|a| a.to_string()),
            Ok("address of listener".to_owned())
        );
        assert_eq!(
            AddressExpr::parse("no route").map(|a| a.to_string()),
            Ok("port 9 on no route".to_owned())
        );
    }

    #[test]
    fn what_is_no_address_says_why() {
        for text in ["", "port x", "any port on mars", "x on wildcard", "mapped nothing", "port 70000"] {
            assert!(AddressExpr::parse(text).is_err(), "{text}");
        }
    }
}
