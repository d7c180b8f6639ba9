//! What Windows, and what stands in for it, tells of itself.

#![expect(unsafe_code, reason = "RtlGetVersion, and the function by which Wine says who it is")]

use std::collections::BTreeMap;
use std::ffi::{CStr, c_char};

use windows_sys::Wdk::System::SystemServices::RtlGetVersion;
use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleA, GetProcAddress};
use windows_sys::Win32::System::SystemInformation::OSVERSIONINFOW;

use socket2::{Domain, Socket, Type};
use std::os::windows::io::AsRawSocket;

use super::Oracle;
use crate::host::windows;

pub(super) use crate::host::windows::OS;

/// 10.0.build, which GetVersionEx would not tell to a program without a manifest.
pub(super) fn version_text() -> String {
    let size = size_of::<OSVERSIONINFOW>() as u32;
    let mut version = OSVERSIONINFOW { dwOSVersionInfoSize: size, ..OSVERSIONINFOW::default() };
    // SAFETY: fills in a struct whose size it was told.
    unsafe { RtlGetVersion(&raw mut version) };
    format!("{}.{}.{}", version.dwMajorVersion, version.dwMinorVersion, version.dwBuildNumber)
}

/// Wine has a function that Windows has not, and that is there to be asked.
pub(super) fn stack() -> String {
    match wine_version() {
        Some(version) => format!("wine {version}"),
        None => "native".to_owned(),
    }
}

fn wine_version() -> Option<String> {
    // SAFETY: names that end with NUL; the library is always loaded. The function takes nothing and gives a string
    // that is never freed.
    unsafe {
        let ntdll = GetModuleHandleA(c"ntdll.dll".as_ptr().cast());
        let found = GetProcAddress(ntdll, c"wine_get_version".as_ptr().cast())?;
        let ask = std::mem::transmute::<
            unsafe extern "system" fn() -> isize,
            unsafe extern "C" fn() -> *const c_char,
        >(found);
        let version = ask();
        (!version.is_null()).then(|| CStr::from_ptr(version).to_string_lossy().into_owned())
    }
}

/// Where states come from. Wine's table is made of the open sockets, and it does not have SIO_TCP_INFO, by which bytes
/// that are not acknowledged are counted.
pub(super) fn oracle() -> Oracle {
    let native = wine_version().is_none();
    Oracle { name: windows::ORACLE, outlives: native, time_wait: native, waiting: false, unsent: native }
}

/// Whether a thread can be seen asleep in a call.
pub(super) fn shows_sleep() -> bool {
    false
}

/// Nothing that sockets need: every port can be bound by everybody.
pub(super) fn rights() -> Vec<&'static str> {
    Vec::new()
}

/// Who we are.
pub fn privileges() -> String {
    std::env::var("USERNAME").map_or_else(|_| "user".to_owned(), |name| format!("user {name}"))
}

/// The MSG_ flags that Windows has.
pub(super) fn flags() -> impl Iterator<Item = &'static str> {
    windows::flags()
}

/// The calls that cases may choose with `via`. `call poll` is that of POSIX, although cases may write `poll` for WSAPoll.
pub(super) fn calls() -> impl Iterator<Item = &'static str> {
    const ALL: [&str; 14] = [
        "connect",
        "WSAConnect",
        "accept",
        "AcceptEx",
        "select",
        "WSAPoll",
        "send",
        "sendto",
        "WSASend",
        "WSASendTo",
        "recv",
        "recvfrom",
        "WSARecv",
        "WSARecvFrom",
    ];
    let (connect_ex, disconnect_ex) = windows::has_extensions();
    let extensions = [connect_ex.then_some("ConnectEx"), disconnect_ex.then_some("DisconnectEx")];
    ALL.into_iter().chain(extensions.into_iter().flatten())
}

/// Whether Windows has an option: on a TCP socket over IPv4 or IPv6, or on one for datagrams.
pub(super) fn has_option(name: &str) -> bool {
    [(Domain::IPV4, Type::STREAM), (Domain::IPV6, Type::STREAM), (Domain::IPV4, Type::DGRAM)]
        .into_iter()
        .filter_map(|(domain, kind)| Socket::new(domain, kind, None).ok())
        .any(|socket| windows::has_option(windows::handle(socket.as_raw_socket()), name))
}

/// Settings that bear on sockets: those are in the registry, and none is read.
pub(super) fn settings() -> BTreeMap<String, String> {
    BTreeMap::new()
}

/// See the one of Linux: no other system has such a clock.
pub(in crate::platform::probe) fn skips_idle_time() -> Result<(), String> {
    Err("only user-mode Linux skips idle time".to_owned())
}
