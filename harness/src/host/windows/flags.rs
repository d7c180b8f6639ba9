//! The MSG_ flags by their names.

use windows_sys::Win32::Networking::WinSock as ws;

use crate::host::HostFault;

/// The number of a set of flags.
pub(super) fn number(names: &[String]) -> Result<i32, HostFault> {
    names.iter().try_fold(0, |all, name| {
        let flag = FLAGS.iter().find(|(known, _)| known == name);
        flag.map(|(_, bit)| all | bit)
            .ok_or_else(|| HostFault::new(format!("this system has no flag {name}")))
    })
}

/// What Windows has. It has no SIGPIPE either, so that what keeps it away is no bit.
pub(super) const FLAGS: &[(&str, i32)] = &[
    ("MSG_DONTROUTE", ws::MSG_DONTROUTE),
    ("MSG_INTERRUPT", ws::MSG_INTERRUPT as i32),
    ("MSG_NOSIGNAL", 0),
    ("MSG_OOB", ws::MSG_OOB),
    ("MSG_PARTIAL", ws::MSG_PARTIAL as i32),
    ("MSG_PEEK", ws::MSG_PEEK),
    ("MSG_PUSH_IMMEDIATE", ws::MSG_PUSH_IMMEDIATE),
    // A flag that calls give back; a program can pass it all the same.
    ("MSG_TRUNC", ws::MSG_TRUNC as i32),
    ("MSG_WAITALL", ws::MSG_WAITALL),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_added_up() {
        assert_eq!(number(&["MSG_PEEK".to_owned(), "MSG_NOSIGNAL".to_owned()]), Ok(2));
        assert!(number(&["MSG_CONFIRM".to_owned()]).is_err());
    }
}
