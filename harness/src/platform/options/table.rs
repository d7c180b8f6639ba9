//! The table of options: name, kind, level, and the number on Linux, macOS, FreeBSD and Windows.
//!
//! Numbers of Linux are the generic ones (x86-64, ARM; not MIPS, SPARC, PA-RISC). Sources: the libc crate for Unix,
//! windows-sys for Windows; `TCP_CONNECTIONTIMEOUT` from xnu's netinet/tcp.h.

use super::{Ioctl, Kind, Level, SocketOption, Unit};

const TIMEVAL: [Unit; 4] = [Unit::Timeval, Unit::Timeval, Unit::Timeval, Unit::Milliseconds];
const SECONDS: [Unit; 4] = [Unit::Seconds; 4];
const MILLISECONDS: [Unit; 4] = [Unit::Milliseconds; 4];
const CONNECT: [Unit; 4] = [Unit::Milliseconds, Unit::Seconds, Unit::Seconds, Unit::Seconds];

macro_rules! options {
    ($($name:literal ($kind:expr) $level:ident $linux:tt $macos:tt $freebsd:tt $windows:tt;)*) => {
        &[$(SocketOption {
            name: $name,
            kind: $kind,
            level: Level::$level,
            numbers: [options!(@ $linux), options!(@ $macos), options!(@ $freebsd), options!(@ $windows)],
        },)*]
    };
    (@ _) => { None };
    (@ ($number:literal)) => { Some($number) };
    (@ $number:literal) => { Some($number) };
}

#[rustfmt::skip]
pub(super) const OPTIONS: &[SocketOption] = options! {
    // name                    kind                     level  linux macos  freebsd windows
    "SO_REUSEADDR"             (Kind::Switch)           Socket 2     0x4    0x4     0x4;
    "SO_REUSEPORT"             (Kind::Switch)           Socket 15    0x200  0x200   _;
    "SO_EXCLUSIVEADDRUSE"      (Kind::Switch)           Socket _     _      _       (-5);
    "SO_REUSE_UNICASTPORT"     (Kind::Switch)           Socket _     _      _       0x3007;
    "SO_LINGER"                (Kind::Linger)           Socket 13    0x80   0x80    0x80;
    "SO_RCVTIMEO"              (Kind::Timeout(TIMEVAL)) Socket 20    0x1006 0x1006  0x1006;
    "SO_SNDTIMEO"              (Kind::Timeout(TIMEVAL)) Socket 21    0x1005 0x1005  0x1005;
    "SO_RCVBUF"                (Kind::Int)              Socket 8     0x1002 0x1002  0x1002;
    "SO_SNDBUF"                (Kind::Int)              Socket 7     0x1001 0x1001  0x1001;
    "SO_RCVLOWAT"              (Kind::Int)              Socket 18    0x1004 0x1004  0x1004;
    "SO_SNDLOWAT"              (Kind::Int)              Socket 19    0x1003 0x1003  0x1003;
    "SO_ERROR"                 (Kind::Error)            Socket 4     0x1007 0x1007  0x1007;
    "SO_TYPE"                  (Kind::Int)              Socket 3     0x1008 0x1008  0x1008;
    "SO_DOMAIN"                (Kind::Int)              Socket 39    _      0x1019  _;
    "SO_PROTOCOL"              (Kind::Int)              Socket 38    _      0x1016  _;
    "SO_ACCEPTCONN"            (Kind::Switch)           Socket 30    0x2    0x2     0x2;
    "SO_KEEPALIVE"             (Kind::Switch)           Socket 9     0x8    0x8     0x8;
    "SO_OOBINLINE"             (Kind::Switch)           Socket 10    0x100  0x100   0x100;
    "SO_BROADCAST"             (Kind::Switch)           Socket 6     0x20   0x20    0x20;
    "SO_DONTROUTE"             (Kind::Switch)           Socket 5     0x10   0x10    0x10;
    "SO_DEBUG"                 (Kind::Switch)           Socket 1     0x1    0x1     0x1;
    "SO_NOSIGPIPE"             (Kind::Switch)           Socket _     0x1022 0x800   _;
    "SO_BINDTODEVICE"          (Kind::Text)             Socket 25    _      _       _;
    "SO_UPDATE_CONNECT_CONTEXT" (Kind::Context)         Socket _     _      _       0x7010;
    "SO_UPDATE_ACCEPT_CONTEXT" (Kind::Context)          Socket _     _      _       0x700B;
    "SO_CONNECT_TIME"          (Kind::Int)              Socket _     _      _       0x700C;
    "SO_PAUSE_ACCEPT"          (Kind::Switch)           Socket _     _      _       0x3003;
    "SO_CONDITIONAL_ACCEPT"    (Kind::Switch)           Socket _     _      _       0x3002;
    "TCP_NODELAY"              (Kind::Switch)           Tcp    1     1      1       1;
    "TCP_MAXSEG"               (Kind::Int)              Tcp    2     2      2       4;
    "TCP_KEEPIDLE"             (Kind::Duration(SECONDS)) Tcp   4     0x10   256     3;
    "TCP_KEEPINTVL"            (Kind::Duration(SECONDS)) Tcp   5     0x101  512     17;
    "TCP_KEEPCNT"              (Kind::Int)              Tcp    6     0x102  1024    16;
    "TCP_SYNCNT"               (Kind::Int)              Tcp    7     _      _       _;
    "TCP_LINGER2"              (Kind::Duration(SECONDS)) Tcp   8     _      _       _;
    "TCP_DEFER_ACCEPT"         (Kind::Timeout(SECONDS)) Tcp    9     _      _       _;
    "TCP_QUICKACK"             (Kind::Switch)           Tcp    12    _      _       _;
    "TCP_CORK"                 (Kind::Switch)           Tcp    3     _      _       _;
    "TCP_CONGESTION"           (Kind::Text)             Tcp    13    _      64      _;
    "TCP_USER_TIMEOUT"         (Kind::Timeout(MILLISECONDS)) Tcp 18  _      _       _;
    "TCP_CONNECTIONTIMEOUT"    (Kind::Timeout(SECONDS)) Tcp    _     0x20   _       _;
    "TCP_KEEPINIT"             (Kind::Duration(SECONDS)) Tcp   _     _      128     _;
    "TCP_MAXRT"                (Kind::Duration(SECONDS)) Tcp   _     _      _       5;
    "connect timeout"          (Kind::Timeout(CONNECT)) Tcp    18    0x20   128     5;
    "TCP_FASTOPEN"             (Kind::Int)              Tcp    23    0x105  1025    15;
    "IP_TTL"                   (Kind::Int)              Ip     2     4      4       4;
    "IP_TOS"                   (Kind::Int)              Ip     1     3      3       3;
    "IP_RECVERR"               (Kind::Switch)           Ip     11    _      _       75;
    "IP_FREEBIND"              (Kind::Switch)           Ip     15    _      _       _;
    "IP_TRANSPARENT"           (Kind::Switch)           Ip     19    _      _       _;
    "IP_BIND_ADDRESS_NO_PORT"  (Kind::Switch)           Ip     24    _      _       _;
    "IP_PKTINFO"               (Kind::Switch)           Ip     8     26     _       19;
    "IP_MULTICAST_TTL"         (Kind::Int)              Ip     33    10     10      10;
    "IPV6_V6ONLY"              (Kind::Switch)           Ipv6   26    27     27      27;
    "IPV6_UNICAST_HOPS"        (Kind::Int)              Ipv6   16    4      4       4;
    "IPV6_RECVERR"             (Kind::Switch)           Ipv6   25    _      _       75;
    "unknown option"           (Kind::Int)              Tcp    9999  9999   9999    9999;
    "unknown level"            (Kind::Int)              Unknown 1    1      1       1;
    "SIO_UDP_CONNRESET"        (Kind::Ioctl(Ioctl::Bool)) Ioctl _    _      _       (-1744830452); // 0x9800_000C
    "SIO_TCP_INITIAL_RTO"      (Kind::Ioctl(Ioctl::InitialRto)) Ioctl _ _   _       (-1744830447); // 0x9800_0011
    "SIO_KEEPALIVE_VALS"       (Kind::Ioctl(Ioctl::KeepaliveVals)) Ioctl _ _ _      (-1744830460); // 0x9800_0004
};

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::super::find;
    use super::*;
    use crate::platform::Os;

    #[test]
    fn the_linux_numbers_are_those_of_libc() {
        macro_rules! check {
            ($level:ident: $($name:ident)*) => { [$((stringify!($name), libc::$level, libc::$name)),*] };
        }
        let socket = check!(SOL_SOCKET: SO_REUSEADDR SO_REUSEPORT SO_LINGER SO_RCVTIMEO SO_SNDTIMEO SO_RCVBUF SO_SNDBUF
            SO_RCVLOWAT SO_SNDLOWAT SO_ERROR SO_TYPE SO_DOMAIN SO_PROTOCOL SO_ACCEPTCONN SO_KEEPALIVE SO_OOBINLINE
            SO_BROADCAST SO_DONTROUTE SO_DEBUG SO_BINDTODEVICE);
        let tcp = check!(IPPROTO_TCP: TCP_NODELAY TCP_MAXSEG TCP_KEEPIDLE TCP_KEEPINTVL TCP_KEEPCNT TCP_SYNCNT
            TCP_USER_TIMEOUT TCP_LINGER2 TCP_DEFER_ACCEPT TCP_QUICKACK TCP_CORK TCP_CONGESTION TCP_FASTOPEN);
        let ip = check!(IPPROTO_IP: IP_TTL IP_TOS IP_RECVERR IP_FREEBIND IP_TRANSPARENT IP_BIND_ADDRESS_NO_PORT
            IP_PKTINFO IP_MULTICAST_TTL);
        let ipv6 = check!(IPPROTO_IPV6: IPV6_V6ONLY IPV6_UNICAST_HOPS IPV6_RECVERR);
        let known: Vec<_> = socket.into_iter().chain(tcp).chain(ip).chain(ipv6).collect();
        for (name, level, number) in &known {
            let place = find(name).and_then(|option| option.on(Os::Linux)).unwrap();
            assert_eq!((place.level, place.number), (*level, *number), "{name}");
        }
        let here = OPTIONS.iter().filter(|option| option.on(Os::Linux).is_some()).count();
        assert_eq!(here, known.len() + 3, "all but `connect timeout` and the two unknown ones");
    }
}
