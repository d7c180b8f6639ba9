//! Socket options under one name: where each system has them, and how their values look in memory.
//!
//! The name is the one that cases write, even where a system calls the option something else (`TCP_KEEPIDLE` is
//! `TCP_KEEPALIVE` on macOS). Encoding and decoding are pure, so that every system's are tested everywhere; the calls
//! themselves are in `host`. What value a system *answers* is said in cases, not here.
//!
//! Two traps. On macOS the time of `SO_LINGER` is in ticks of 10 ms, although the struct is the same: `1s` is passed and
//! read back as 1, as a program that knows nothing of it would do. On the BSDs a switch that is on reads back as the
//! bit that it is internally (`SO_REUSEADDR` as 4); it is shown as 1.

mod layout;
mod table;

use std::time::Duration;

use super::{Os, errors};
use crate::host::call::OptionValue;
use crate::outcome::{Data, Outcome};

/// A socket option.
#[derive(Debug)]
pub struct SocketOption {
    /// The name as cases write it.
    pub name: &'static str,
    /// What its value is.
    pub kind: Kind,
    level: Level,
    /// Per system in the order of [`Os::ALL`].
    numbers: [Option<i32>; 4],
}

/// What the value of an option is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// On or off: an int.
    Switch,
    /// An int.
    Int,
    /// A duration, with its unit per system in the order of [`Os::ALL`].
    Duration([Unit; 4]),
    /// A duration where 0 means that there is no limit.
    Timeout([Unit; 4]),
    /// `struct linger`.
    Linger,
    /// A name, without a NUL.
    Text,
    /// The pending error; reading it consumes it.
    Error,
    /// No value of its own. `SO_UPDATE_CONNECT_CONTEXT` passes nothing, `SO_UPDATE_ACCEPT_CONTEXT` the handle of the
    /// listener, which the host supplies as [`OptionValue::Raw`].
    Context,
    /// Not an option: an input buffer for `WSAIoctl`, whose code is [`Place::number`].
    Ioctl(Ioctl),
}

/// The ioctls of Windows that other systems have as options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ioctl {
    /// A BOOL.
    Bool,
    /// `TCP_INITIAL_RTO_PARAMETERS`: a duration sets the round-trip time, an int the number of SYN retransmissions.
    InitialRto,
    /// `tcp_keepalive`: 0 turns it off, a duration turns it on with that time and that interval.
    KeepaliveVals,
}

/// In what a duration is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// An int of seconds.
    Seconds,
    /// An int of milliseconds.
    Milliseconds,
    /// `struct timeval`.
    Timeval,
}

/// Where an option is on one system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The level argument; 0 for an ioctl.
    pub level: i32,
    /// The option's number, or the code of an ioctl.
    pub number: i32,
    /// The unit, if the value is a duration.
    pub unit: Option<Unit>,
}

/// A level argument; the socket level has another number on Linux.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Socket,
    Ip,
    Ipv6,
    Tcp,
    /// One that does not exist.
    Unknown,
    /// None: an ioctl.
    Ioctl,
}

/// The option of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static SocketOption> {
    table::OPTIONS.iter().find(|option| option.name == name)
}

/// Every name.
pub fn names() -> impl Iterator<Item = &'static str> {
    table::OPTIONS.iter().map(|option| option.name)
}

impl SocketOption {
    /// Where it is on that system; `None` if it is not there.
    #[must_use]
    pub fn on(&self, os: Os) -> Option<Place> {
        let number = self.numbers[os as usize]?;
        Some(Place { level: self.level.number(os), number, unit: self.unit(os) })
    }

    /// The bytes to be passed for a value on that system. [`OptionValue::Raw`] always passes as it is. An int for a
    /// duration is counted in the option's unit, in seconds where that is a timeval.
    pub fn encode(&self, os: Os, value: &OptionValue) -> Result<Vec<u8>, String> {
        match (self.kind, value) {
            (_, OptionValue::Raw(bytes)) => Ok(bytes.clone()),
            (Kind::Context, _) => Ok(Vec::new()),
            (Kind::Switch | Kind::Int | Kind::Error, OptionValue::Int(number)) => layout::int(*number),
            (Kind::Duration(_) | Kind::Timeout(_), _) => self.encode_duration(os, value),
            (Kind::Linger, _) => layout::linger(os, linger(value).ok_or_else(|| self.unfit(value))?),
            (Kind::Text, OptionValue::Text(text)) => Ok(text.clone().into_bytes()),
            (Kind::Ioctl(ioctl), _) => layout::ioctl(ioctl, value).ok_or_else(|| self.unfit(value))?,
            _ => Err(self.unfit(value)),
        }
    }

    /// Whether a value can be passed at all, on one system or another; else why not.
    pub fn takes(&self, value: &OptionValue) -> Result<(), String> {
        let mut tries =
            Os::ALL.into_iter().filter(|os| self.on(*os).is_some()).map(|os| self.encode(os, value));
        let Some(Err(problem)) = tries.next() else { return Ok(()) };
        if tries.any(|tried| tried.is_ok()) {
            return Ok(());
        }
        Err(if problem.starts_with(self.name) { problem } else { format!("{}: {problem}", self.name) })
    }

    /// What the bytes say that a call gave. Bytes of a length that the value cannot have are shown as they are.
    #[must_use]
    pub fn decode(&self, os: Os, bytes: &[u8]) -> Outcome {
        self.decode_whole(os, bytes).unwrap_or_else(|| Outcome::Data(Data(bytes.to_vec())))
    }

    /// How many bytes a getsockopt is to ask for.
    #[must_use]
    pub fn room(&self, os: Os) -> usize {
        match self.kind {
            Kind::Text => 64, // longer than any name of an interface or of a congestion control
            Kind::Linger if os == Os::Windows => 4,
            Kind::Linger => 8,
            _ if self.unit(os) == Some(Unit::Timeval) => 16,
            _ => 4,
        }
    }

    fn unit(&self, os: Os) -> Option<Unit> {
        match self.kind {
            Kind::Duration(units) | Kind::Timeout(units) => Some(units[os as usize]),
            _ => None,
        }
    }

    fn encode_duration(&self, os: Os, value: &OptionValue) -> Result<Vec<u8>, String> {
        let unit = self.unit(os).ok_or_else(|| self.unfit(value))?;
        match (value, unit) {
            (OptionValue::Int(seconds), Unit::Timeval) => Ok(layout::timeval(os, *seconds, 0)),
            (OptionValue::Int(number), _) => layout::int(*number),
            (OptionValue::Duration(duration), _) => {
                layout::duration(os, unit, *duration).map_err(|problem| format!("{}: {problem}", self.name))
            }
            (OptionValue::Text(off), _) if off == "off" && matches!(self.kind, Kind::Timeout(_)) => {
                layout::duration(os, unit, Duration::ZERO)
            }
            _ => Err(self.unfit(value)),
        }
    }

    fn decode_whole(&self, os: Os, bytes: &[u8]) -> Option<Outcome> {
        Some(match self.kind {
            Kind::Switch => Outcome::Value(i64::from(layout::read_int(bytes)? != 0)),
            Kind::Int | Kind::Context | Kind::Ioctl(_) => Outcome::Value(layout::read_int(bytes)?),
            Kind::Duration(_) => duration_outcome(layout::read_duration(os, self.unit(os)?, bytes)?),
            Kind::Timeout(_) => match layout::read_duration(os, self.unit(os)?, bytes)? {
                Ok(Duration::ZERO) => Outcome::Text("off".to_owned()),
                other => duration_outcome(other),
            },
            Kind::Linger => Outcome::Text(match layout::read_linger(os, bytes)? {
                None => "off".to_owned(),
                Some(seconds) => format!("{seconds}s"),
            }),
            Kind::Text => Outcome::Text(layout::read_text(bytes)?),
            Kind::Error => pending_error(os, layout::read_int(bytes)?),
        })
    }

    fn unfit(&self, value: &OptionValue) -> String {
        let (wanted, given) = (self.kind.words(), words(value));
        format!("{} takes {wanted}, not {given}", self.name)
    }
}

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Self::Switch => "0 or 1",
            Self::Int | Self::Error => "a number",
            Self::Duration(_) => "a duration",
            Self::Timeout(_) => "a duration or `off`",
            Self::Linger => "`{linger: 1s}` in whole seconds or `{linger: off}`",
            Self::Text => "a name",
            Self::Context => "nothing",
            Self::Ioctl(Ioctl::Bool) => "0 or 1",
            Self::Ioctl(Ioctl::InitialRto) => {
                "a duration (the round-trip time) or a number (of retransmissions)"
            }
            Self::Ioctl(Ioctl::KeepaliveVals) => "a duration or 0",
        }
    }
}

impl Level {
    fn number(self, os: Os) -> i32 {
        match self {
            Self::Socket if os == Os::Linux => 1,
            Self::Socket => 0xffff,
            Self::Ip | Self::Ioctl => 0,
            Self::Ipv6 => 41,
            Self::Tcp => 6,
            Self::Unknown => 9999,
        }
    }
}

/// A duration as cases write it: `2s`, `200ms`, in the largest unit that leaves no rest.
#[must_use]
pub fn duration_text(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    match nanos {
        _ if nanos.is_multiple_of(1_000_000_000) => format!("{}s", nanos / 1_000_000_000),
        _ if nanos.is_multiple_of(1_000_000) => format!("{}ms", nanos / 1_000_000),
        _ if nanos.is_multiple_of(1000) => format!("{}us", nanos / 1000),
        _ => format!("{nanos}ns"),
    }
}

/// A negative number is no duration but means something of its own, and is shown as it is.
fn duration_outcome(read: Result<Duration, i64>) -> Outcome {
    match read {
        Ok(duration) => Outcome::Text(duration_text(duration)),
        Err(negative) => Outcome::Value(negative),
    }
}

fn pending_error(os: Os, code: i64) -> Outcome {
    if code == 0 {
        return Outcome::Ok;
    }
    let name = i32::try_from(code).ok().and_then(|code| errors::name(os, code));
    Outcome::Error(name.map_or_else(|| format!("error {code}"), str::to_owned))
}

/// The value of a linger: off, or on with so many seconds. `None` if the value is none.
fn linger(value: &OptionValue) -> Option<Option<u16>> {
    match value {
        OptionValue::Linger(linger) => Some(*linger),
        OptionValue::Text(off) if off == "off" => Some(None),
        OptionValue::Duration(time) if time.subsec_nanos() == 0 => {
            u16::try_from(time.as_secs()).ok().map(Some)
        }
        _ => None,
    }
}

fn words(value: &OptionValue) -> String {
    match value {
        OptionValue::Int(number) => number.to_string(),
        OptionValue::Duration(duration) => duration_text(*duration),
        OptionValue::Linger(None) => "`off`".to_owned(),
        OptionValue::Linger(Some(seconds)) => format!("{seconds}s"),
        OptionValue::Text(text) => format!("`{text}`"),
        OptionValue::Raw(_) => "raw bytes".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn option(name: &str) -> &'static SocketOption {
        find(name).unwrap_or_else(|| panic!("{name}"))
    }

    #[test]
    fn an_option_is_found_where_it_is() {
        let place = |name, os| option(name).on(os).map(|place| (place.level, place.number));
        assert_eq!(place("SO_REUSEADDR", Os::Linux), Some((1, 2)));
        assert_eq!(place("SO_REUSEADDR", Os::Macos), Some((0xffff, 4)));
        assert_eq!(place("SO_REUSEPORT", Os::Windows), None);
        assert_eq!(place("SO_EXCLUSIVEADDRUSE", Os::Windows), Some((0xffff, -5)));
        assert_eq!(place("unknown option", Os::Freebsd), Some((6, 9999)));
        assert_eq!(place("unknown level", Os::Linux), Some((9999, 1)));
        assert_eq!(place("SIO_UDP_CONNRESET", Os::Windows), Some((0, 0x9800_000C_u32 as i32)));
        assert!(find("SO_REUSEADR").is_none());
        assert_eq!(names().count(), names().collect::<std::collections::BTreeSet<_>>().len());
    }

    #[test]
    fn the_option_that_bounds_a_connect_has_four_units() {
        let bound = option("connect timeout");
        let value = OptionValue::Duration(Duration::from_secs(2));
        for (os, number, bytes) in
            [(Os::Linux, 18, 2000_i32), (Os::Macos, 0x20, 2), (Os::Freebsd, 128, 2), (Os::Windows, 5, 2)]
        {
            assert_eq!(bound.on(os).unwrap().number, number);
            assert_eq!(bound.encode(os, &value).unwrap(), bytes.to_ne_bytes());
            assert_eq!(bound.decode(os, &bytes.to_ne_bytes()), Outcome::Text("2s".into()));
        }
        let short = OptionValue::Duration(Duration::from_millis(300));
        assert_eq!(bound.encode(Os::Linux, &short).unwrap(), 300_i32.to_ne_bytes());
        assert!(bound.encode(Os::Macos, &short).unwrap_err().contains("whole seconds"));
    }

    #[test]
    fn a_receive_timeout_survives_each_layout() {
        let timeout = option("SO_RCVTIMEO");
        let value = OptionValue::Duration(Duration::from_millis(1200));
        for (os, len) in [(Os::Linux, 16), (Os::Macos, 16), (Os::Freebsd, 16), (Os::Windows, 4)] {
            let bytes = timeout.encode(os, &value).unwrap();
            assert_eq!(bytes.len(), len);
            assert_eq!(timeout.room(os), len);
            assert_eq!(timeout.decode(os, &bytes), Outcome::Text("1200ms".into()));
            let off = timeout.encode(os, &OptionValue::Text("off".into())).unwrap();
            assert_eq!(timeout.decode(os, &off), Outcome::Text("off".into()));
        }
        assert_eq!(timeout.decode(Os::Linux, &[1, 2]), Outcome::Data(Data(vec![1, 2])));
    }

    #[test]
    fn linger_is_off_or_whole_seconds() {
        let option = option("SO_LINGER");
        for os in Os::ALL {
            for (value, text) in [(None, "off"), (Some(0), "0s"), (Some(7), "7s")] {
                let bytes = option.encode(os, &OptionValue::Linger(value)).unwrap();
                assert_eq!(bytes.len(), option.room(os));
                assert_eq!(option.decode(os, &bytes), Outcome::Text(text.into()), "{os}");
            }
        }
        assert!(option.encode(Os::Linux, &OptionValue::Duration(Duration::from_millis(1500))).is_err());
    }

    #[test]
    fn a_pending_error_is_named() {
        let option = option("SO_ERROR");
        assert_eq!(option.decode(Os::Linux, &111_i32.to_ne_bytes()), Outcome::Error("ECONNREFUSED".into()));
        assert_eq!(
            option.decode(Os::Windows, &10061_i32.to_ne_bytes()),
            Outcome::Error("ECONNREFUSED".into())
        );
        assert_eq!(option.decode(Os::Macos, &0_i32.to_ne_bytes()), Outcome::Ok);
        assert_eq!(option.decode(Os::Linux, &9999_i32.to_ne_bytes()), Outcome::Error("error 9999".into()));
    }

    #[test]
    fn switches_names_and_numbers() {
        let reuse = option("SO_REUSEADDR");
        assert_eq!(reuse.encode(Os::Linux, &OptionValue::Int(1)).unwrap(), 1_i32.to_ne_bytes());
        assert_eq!(reuse.decode(Os::Macos, &4_i32.to_ne_bytes()), Outcome::Value(1));
        assert_eq!(option("TCP_NODELAY").decode(Os::Windows, &[1]), Outcome::Value(1));
        let control = option("TCP_CONGESTION");
        assert_eq!(control.encode(Os::Linux, &OptionValue::Text("cubic".into())).unwrap(), b"cubic");
        assert_eq!(control.decode(Os::Linux, b"reno\0\0\0"), Outcome::Text("reno".into()));
        assert_eq!(option("TCP_LINGER2").decode(Os::Linux, &(-1_i32).to_ne_bytes()), Outcome::Value(-1));
        let raw = OptionValue::Raw(vec![1, 2, 3]);
        assert_eq!(reuse.encode(Os::Linux, &raw).unwrap(), [1, 2, 3]);
        assert!(reuse.encode(Os::Linux, &OptionValue::Int(1 << 40)).is_err());
        let wrong = reuse.encode(Os::Linux, &OptionValue::Text("yes".into())).unwrap_err();
        assert_eq!(wrong, "SO_REUSEADDR takes 0 or 1, not `yes`");
    }

    #[test]
    fn a_value_is_taken_where_one_system_has_room_for_it() {
        let takes = |name, value| option(name).takes(&value);
        assert_eq!(takes("connect timeout", OptionValue::Duration(Duration::from_millis(300))), Ok(()));
        assert_eq!(takes("SO_RCVTIMEO", OptionValue::Int(i64::MAX)), Ok(()));
        assert_eq!(takes("SO_LINGER", OptionValue::Raw(vec![0; 3])), Ok(()));
        assert_eq!(
            takes("TCP_KEEPIDLE", OptionValue::Duration(Duration::from_millis(300))),
            Err("TCP_KEEPIDLE: counted in whole seconds here".to_owned())
        );
        assert!(takes("SO_LINGER", OptionValue::Int(1)).is_err());
    }

    #[test]
    fn durations_are_written_as_in_cases() {
        for (nanos, text) in
            [(0, "0s"), (2_000_000_000, "2s"), (1_500_000_000, "1500ms"), (4000, "4us"), (7, "7ns")]
        {
            assert_eq!(duration_text(Duration::from_nanos(nanos)), text);
        }
    }
}
