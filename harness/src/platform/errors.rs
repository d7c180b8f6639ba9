//! The names of errors and their numbers on every system: one table.
//!
//! Cases name an error as POSIX does; Windows has a twin for nearly all of them (`WSAECONNREFUSED` 10061). What Windows
//! alone knows goes by its native name. The table holds what calls on sockets can give, not every errno there is. The
//! Linux column is that of x86-64, which most other architectures share.
//!
//! What a system is expected to answer does not belong here; that is said in cases.

use super::Os;

/// One error of POSIX.
struct Row {
    name: &'static str,
    linux: Option<i32>,
    macos: Option<i32>,
    freebsd: Option<i32>,
    windows: Option<Native>,
}

/// An error in the words of Windows.
#[derive(Clone, Copy)]
struct Native {
    name: &'static str,
    code: i32,
}

/// The name as cases write it: the POSIX name, or the native one where it has no twin.
#[must_use]
pub fn name(os: Os, code: i32) -> Option<&'static str> {
    match ERRORS.iter().find(|row| row.code(os) == Some(code)) {
        Some(row) => Some(row.name),
        None => native_only(os, code),
    }
}

/// The name in the system's own words.
#[must_use]
pub fn native(os: Os, code: i32) -> Option<&'static str> {
    match ERRORS.iter().find(|row| row.code(os) == Some(code)) {
        Some(row) => row.native_name(os),
        None => native_only(os, code),
    }
}

/// The number of an error, named in any way that [`canonical`] takes, if that system has it.
#[must_use]
pub fn code(os: Os, name: &str) -> Option<i32> {
    let name = canonical(name)?;
    match ERRORS.iter().find(|row| row.name == name) {
        Some(row) => row.code(os),
        None if os == Os::Windows => WINDOWS_ONLY.iter().find(|it| it.name == name).map(|it| it.code),
        None => None,
    }
}

/// The one name that stands in results for an error, whether it is written so, by an alias, or natively:
/// `EWOULDBLOCK` and `WSAEWOULDBLOCK` are `EAGAIN`.
#[must_use]
pub fn canonical(name: &str) -> Option<&'static str> {
    let name = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, real)| real);
    let twin = |row: &&Row| row.name == name || row.windows.is_some_and(|windows| windows.name == name);
    match ERRORS.iter().find(twin) {
        Some(row) => Some(row.name),
        None => WINDOWS_ONLY.iter().find(|it| it.name == name).map(|it| it.name),
    }
}

/// Whether a canonical name exists on that system.
#[must_use]
pub fn exists(os: Os, name: &str) -> bool {
    code(os, name).is_some()
}

/// Every canonical name.
pub fn names() -> impl Iterator<Item = &'static str> {
    ERRORS.iter().map(|row| row.name).chain(WINDOWS_ONLY.iter().map(|it| it.name))
}

fn native_only(os: Os, code: i32) -> Option<&'static str> {
    if os != Os::Windows {
        return None;
    }
    WINDOWS_ONLY.iter().find(|it| it.code == code).map(|it| it.name)
}

impl Row {
    fn code(&self, os: Os) -> Option<i32> {
        match os {
            Os::Linux => self.linux,
            Os::Macos => self.macos,
            Os::Freebsd => self.freebsd,
            Os::Windows => self.windows.map(|windows| windows.code),
        }
    }

    fn native_name(&self, os: Os) -> Option<&'static str> {
        match os {
            Os::Windows => self.windows.map(|windows| windows.name),
            _ => Some(self.name),
        }
    }
}

/// Other names of the same error. On Linux and FreeBSD ENOTSUP is EOPNOTSUPP; on macOS it is an error of its own, so
/// that it is none here.
const ALIASES: [(&str, &str); 4] = [
    ("EWOULDBLOCK", "EAGAIN"),
    ("EDEADLOCK", "EDEADLK"),
    ("WSA_INVALID_PARAMETER", "ERROR_INVALID_PARAMETER"),
    ("ERROR_OPERATION_ABORTED", "WSA_OPERATION_ABORTED"),
];

macro_rules! errors {
    ($($name:ident $linux:tt $macos:tt $freebsd:tt $windows:tt $code:tt;)*) => {
        &[$(Row {
            name: stringify!($name),
            linux: errors!(@number $linux),
            macos: errors!(@number $macos),
            freebsd: errors!(@number $freebsd),
            windows: errors!(@native $windows $code),
        },)*]
    };
    (@number _) => { None };
    (@number $number:literal) => { Some($number) };
    (@native _ _) => { None };
    (@native $name:ident $code:literal) => { Some(Native { name: stringify!($name), code: $code }) };
}

#[rustfmt::skip]
const ERRORS: &[Row] = errors! {
    // name         linux macos freebsd windows
    EPERM           1     1     1       _ _;
    ENOENT          2     2     2       _ _;
    ESRCH           3     3     3       _ _;
    EINTR           4     4     4       WSAEINTR 10004;
    EIO             5     5     5       _ _;
    ENXIO           6     6     6       _ _;
    E2BIG           7     7     7       _ _;
    EBADF           9     9     9       WSAEBADF 10009;
    EAGAIN          11    35    35      WSAEWOULDBLOCK 10035;
    ENOMEM          12    12    12      WSA_NOT_ENOUGH_MEMORY 8;
    EACCES          13    13    13      WSAEACCES 10013;
    EFAULT          14    14    14      WSAEFAULT 10014;
    EBUSY           16    16    16      _ _;
    EEXIST          17    17    17      _ _;
    ENODEV          19    19    19      _ _;
    ENOTDIR         20    20    20      _ _;
    EISDIR          21    21    21      _ _;
    EINVAL          22    22    22      WSAEINVAL 10022;
    ENFILE          23    23    23      _ _;
    EMFILE          24    24    24      WSAEMFILE 10024;
    ENOTTY          25    25    25      _ _;
    EFBIG           27    27    27      _ _;
    ENOSPC          28    28    28      _ _;
    ESPIPE          29    29    29      _ _;
    EROFS           30    30    30      _ _;
    EPIPE           32    32    32      _ _;
    EDOM            33    33    33      _ _;
    ERANGE          34    34    34      _ _;
    EDEADLK         35    11    11      _ _;
    ENAMETOOLONG    36    63    63      WSAENAMETOOLONG 10063;
    ENOLCK          37    77    77      _ _;
    ENOSYS          38    78    78      _ _;
    ENOTEMPTY       39    66    66      WSAENOTEMPTY 10066;
    ELOOP           40    62    62      WSAELOOP 10062;
    ENODATA         61    96    _       _ _;
    ETIME           62    101   _       _ _;
    ENOSR           63    98    _       _ _;
    ENONET          64    _     _       _ _;
    EREMOTE         66    71    71      WSAEREMOTE 10071;
    ENOLINK         67    97    91      _ _;
    ECOMM           70    _     _       _ _;
    EPROTO          71    100   92      _ _;
    EBADMSG         74    94    89      _ _;
    EOVERFLOW       75    84    84      _ _;
    EILSEQ          84    92    86      _ _;
    EUSERS          87    68    68      WSAEUSERS 10068;
    ENOTSOCK        88    38    38      WSAENOTSOCK 10038;
    EDESTADDRREQ    89    39    39      WSAEDESTADDRREQ 10039;
    EMSGSIZE        90    40    40      WSAEMSGSIZE 10040;
    EPROTOTYPE      91    41    41      WSAEPROTOTYPE 10041;
    ENOPROTOOPT     92    42    42      WSAENOPROTOOPT 10042;
    EPROTONOSUPPORT 93    43    43      WSAEPROTONOSUPPORT 10043;
    ESOCKTNOSUPPORT 94    44    44      WSAESOCKTNOSUPPORT 10044;
    EOPNOTSUPP      95    102   45      WSAEOPNOTSUPP 10045;
    ENOTSUP         _     45    _       _ _;
    EPFNOSUPPORT    96    46    46      WSAEPFNOSUPPORT 10046;
    EAFNOSUPPORT    97    47    47      WSAEAFNOSUPPORT 10047;
    EADDRINUSE      98    48    48      WSAEADDRINUSE 10048;
    EADDRNOTAVAIL   99    49    49      WSAEADDRNOTAVAIL 10049;
    ENETDOWN        100   50    50      WSAENETDOWN 10050;
    ENETUNREACH     101   51    51      WSAENETUNREACH 10051;
    ENETRESET       102   52    52      WSAENETRESET 10052;
    ECONNABORTED    103   53    53      WSAECONNABORTED 10053;
    ECONNRESET      104   54    54      WSAECONNRESET 10054;
    ENOBUFS         105   55    55      WSAENOBUFS 10055;
    EISCONN         106   56    56      WSAEISCONN 10056;
    ENOTCONN        107   57    57      WSAENOTCONN 10057;
    ESHUTDOWN       108   58    58      WSAESHUTDOWN 10058;
    ETOOMANYREFS    109   59    59      WSAETOOMANYREFS 10059;
    ETIMEDOUT       110   60    60      WSAETIMEDOUT 10060;
    ECONNREFUSED    111   61    61      WSAECONNREFUSED 10061;
    EHOSTDOWN       112   64    64      WSAEHOSTDOWN 10064;
    EHOSTUNREACH    113   65    65      WSAEHOSTUNREACH 10065;
    EALREADY        114   37    37      WSAEALREADY 10037;
    EINPROGRESS     115   36    36      WSAEINPROGRESS 10036;
    ESTALE          116   70    70      WSAESTALE 10070;
    EDQUOT          122   69    69      WSAEDQUOT 10069;
    ECANCELED       125   89    85      _ _;
    EPROCLIM        _     67    67      WSAEPROCLIM 10067;
    EQFULL          _     106   _       _ _;
    ENOTCAPABLE     _     107   93      _ _;
    ECAPMODE        _     _     94      _ _;
};

macro_rules! windows_only {
    ($($name:ident $code:literal;)*) => { &[$(Native { name: stringify!($name), code: $code },)*] };
}

/// Errors of Windows without a twin in POSIX: those of Winsock, and those of the system below it, which overlapped calls
/// may give. WSAECANCELLED is about name lookups and no twin of ECANCELED. The first is no error of a call but the end of
/// the thread that makes it, where Wine reads a null pointer that Windows refuses.
const WINDOWS_ONLY: &[Native] = windows_only! {
    EXCEPTION_ACCESS_VIOLATION -1073741819;
    ERROR_ACCESS_DENIED 5;
    WSA_INVALID_HANDLE 6;
    ERROR_HANDLE_EOF 38;
    ERROR_NOT_SUPPORTED 50;
    ERROR_NETNAME_DELETED 64;
    ERROR_INVALID_PARAMETER 87;
    ERROR_BROKEN_PIPE 109;
    ERROR_SEM_TIMEOUT 121;
    ERROR_INSUFFICIENT_BUFFER 122;
    ERROR_PIPE_NOT_CONNECTED 233;
    ERROR_MORE_DATA 234;
    WSA_WAIT_TIMEOUT 258;
    WSA_OPERATION_ABORTED 995;
    WSA_IO_INCOMPLETE 996;
    WSA_IO_PENDING 997;
    ERROR_NOT_FOUND 1168;
    ERROR_CONNECTION_REFUSED 1225;
    ERROR_GRACEFUL_DISCONNECT 1226;
    ERROR_ADDRESS_ALREADY_ASSOCIATED 1227;
    ERROR_ADDRESS_NOT_ASSOCIATED 1228;
    ERROR_CONNECTION_INVALID 1229;
    ERROR_CONNECTION_ACTIVE 1230;
    ERROR_NETWORK_UNREACHABLE 1231;
    ERROR_HOST_UNREACHABLE 1232;
    ERROR_PROTOCOL_UNREACHABLE 1233;
    ERROR_PORT_UNREACHABLE 1234;
    ERROR_REQUEST_ABORTED 1235;
    ERROR_CONNECTION_ABORTED 1236;
    ERROR_NO_SYSTEM_RESOURCES 1450;
    WSASYSNOTREADY 10091;
    WSAVERNOTSUPPORTED 10092;
    WSANOTINITIALISED 10093;
    WSAEDISCON 10101;
    WSAENOMORE 10102;
    WSAECANCELLED 10103;
    WSAEINVALIDPROCTABLE 10104;
    WSAEINVALIDPROVIDER 10105;
    WSAEPROVIDERFAILEDINIT 10106;
    WSASYSCALLFAILURE 10107;
    WSAEREFUSED 10112;
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn an_error_has_one_name() {
        assert_eq!(name(Os::Linux, 111), Some("ECONNREFUSED"));
        assert_eq!(name(Os::Macos, 61), Some("ECONNREFUSED"));
        assert_eq!(name(Os::Windows, 10061), Some("ECONNREFUSED"));
        assert_eq!(native(Os::Windows, 10061), Some("WSAECONNREFUSED"));
        assert_eq!(native(Os::Freebsd, 61), Some("ECONNREFUSED"));
        assert_eq!(name(Os::Windows, 1225), Some("ERROR_CONNECTION_REFUSED"));
        assert_eq!(name(Os::Windows, 111), None);
        assert_eq!(name(Os::Linux, 10061), None);
        assert_eq!(name(Os::Linux, 995), None);
    }

    #[test]
    fn aliases_and_native_names_have_a_canonical_one() {
        for (written, canon) in [
            ("ECONNREFUSED", "ECONNREFUSED"),
            ("WSAECONNREFUSED", "ECONNREFUSED"),
            ("EWOULDBLOCK", "EAGAIN"),
            ("WSAEWOULDBLOCK", "EAGAIN"),
            ("WSAESHUTDOWN", "ESHUTDOWN"),
            ("WSAEDISCON", "WSAEDISCON"),
            ("WSA_INVALID_PARAMETER", "ERROR_INVALID_PARAMETER"),
            ("WSA_NOT_ENOUGH_MEMORY", "ENOMEM"),
        ] {
            assert_eq!(canonical(written), Some(canon));
        }
        assert_eq!(canonical("ECONREFUSED"), None);
        assert_eq!(code(Os::Windows, "EWOULDBLOCK"), Some(10035));
        assert_eq!(code(Os::Linux, "WSAEDISCON"), None);
        assert!(exists(Os::Macos, "ENOTSUP") && !exists(Os::Linux, "ENOTSUP"));
    }

    #[test]
    fn no_number_and_no_name_stands_twice() {
        let all: Vec<_> = names().collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        for os in Os::ALL {
            let mut codes: Vec<_> = ERRORS.iter().filter_map(|row| row.code(os)).collect();
            if os == Os::Windows {
                codes.extend(WINDOWS_ONLY.iter().map(|it| it.code));
            }
            assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), codes.len(), "{os}");
        }
        for (alias, real) in ALIASES {
            assert!(all.contains(&real) && !all.contains(&alias));
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_linux_numbers_are_those_of_libc() {
        macro_rules! check {
            ($($name:ident)*) => { [$((stringify!($name), libc::$name)),*] };
        }
        let known = check!(
            EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG EBADF EAGAIN ENOMEM EACCES EFAULT EBUSY EEXIST ENODEV ENOTDIR EISDIR
            EINVAL ENFILE EMFILE ENOTTY EFBIG ENOSPC ESPIPE EROFS EPIPE EDOM ERANGE EDEADLK ENAMETOOLONG ENOLCK ENOSYS
            ENOTEMPTY ELOOP ENODATA ETIME ENOSR ENONET EREMOTE ENOLINK ECOMM EPROTO EBADMSG EOVERFLOW EILSEQ EUSERS
            ENOTSOCK EDESTADDRREQ EMSGSIZE EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT EOPNOTSUPP EPFNOSUPPORT
            EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETDOWN ENETUNREACH ENETRESET ECONNABORTED ECONNRESET ENOBUFS EISCONN
            ENOTCONN ESHUTDOWN ETOOMANYREFS ETIMEDOUT ECONNREFUSED EHOSTDOWN EHOSTUNREACH EALREADY EINPROGRESS ESTALE
            EDQUOT ECANCELED
        );
        assert_eq!(known.len(), ERRORS.iter().filter(|row| row.linux.is_some()).count());
        for (error, number) in known {
            assert_eq!(code(Os::Linux, error), Some(number), "{error}");
            assert_eq!(name(Os::Linux, number), Some(error));
        }
        assert_eq!(libc::EWOULDBLOCK, libc::EAGAIN);
        assert_eq!(libc::ENOTSUP, libc::EOPNOTSUPP);
    }
}
