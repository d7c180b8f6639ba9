//! Starting Winsock, which no call works without.

#![expect(unsafe_code, reason = "WSAStartup")]

use std::sync::OnceLock;

use windows_sys::Win32::Networking::WinSock::{WSADATA, WSAStartup};

use crate::host::HostFault;

/// Starts it, once and for the life of the process.
pub fn install() -> Result<(), HostFault> {
    static DONE: OnceLock<i32> = OnceLock::new();
    let code = *DONE.get_or_init(|| {
        let mut data = WSADATA::default();
        // SAFETY: fills in a WSADATA.
        unsafe { WSAStartup(VERSION, &raw mut data) }
    });
    if code == 0 { Ok(()) } else { Err(HostFault::new(format!("Winsock does not start: error {code}"))) }
}

/// 2.2
const VERSION: u16 = 0x0202;
