//! The MSG_ flags by their names.

use std::ffi::c_int;

use crate::host::HostFault;

/// The number of a set of flags.
pub(super) fn number(names: &[String]) -> Result<c_int, HostFault> {
    names.iter().try_fold(0, |all, name| {
        let flag = FLAGS.iter().find(|(known, _)| known == name);
        flag.map(|(_, bit)| all | bit)
            .ok_or_else(|| HostFault::new(format!("this system has no flag {name}")))
    })
}

/// What this system has.
pub(super) const FLAGS: &[(&str, c_int)] = &[
    ("MSG_DONTROUTE", libc::MSG_DONTROUTE),
    ("MSG_DONTWAIT", libc::MSG_DONTWAIT),
    ("MSG_EOR", libc::MSG_EOR),
    ("MSG_OOB", libc::MSG_OOB),
    ("MSG_PEEK", libc::MSG_PEEK),
    ("MSG_TRUNC", libc::MSG_TRUNC),
    ("MSG_WAITALL", libc::MSG_WAITALL),
    ("MSG_NOSIGNAL", libc::MSG_NOSIGNAL),
    #[cfg(target_os = "linux")]
    ("MSG_CONFIRM", libc::MSG_CONFIRM),
    #[cfg(target_os = "linux")]
    ("MSG_ERRQUEUE", libc::MSG_ERRQUEUE),
    #[cfg(target_os = "linux")]
    ("MSG_FASTOPEN", libc::MSG_FASTOPEN),
    #[cfg(target_os = "linux")]
    ("MSG_MORE", libc::MSG_MORE),
    #[cfg(target_os = "freebsd")]
    ("MSG_EOF", libc::MSG_EOF),
    #[cfg(target_os = "macos")]
    ("MSG_EOF", libc::MSG_EOF),
];
