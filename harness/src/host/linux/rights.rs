//! Giving up the right to bind privileged ports.
//!
//! In a namespace of our own everybody has it, root by right and a user through the user namespace, so that nothing
//! would ever be refused. Who runs the suite must not matter: the process gives it up, and every trial binds as an
//! ordinary user does (ip(7): CAP_NET_BIND_SERVICE).

#![expect(unsafe_code, reason = "capget and capset have no wrapper in nix")]

use std::io;

/// capabilities(7): the number of CAP_NET_BIND_SERVICE.
const NET_BIND_SERVICE: u32 = 10;
/// `_LINUX_CAPABILITY_VERSION_3`, which has two words for each set.
const VERSION: u32 = 0x2008_0522;

#[repr(C)]
struct Header {
    version: u32,
    pid: libc::c_int,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Sets {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Takes CAP_NET_BIND_SERVICE from the calling thread, and so from all that it starts.
pub fn give_up_privileged_ports() -> io::Result<()> {
    let mut header = Header { version: VERSION, pid: 0 };
    let mut sets = [Sets::default(); 2];
    // SAFETY: the header and both words of the sets are laid out as capget(2) says, and live through the call.
    if unsafe { libc::syscall(libc::SYS_capget, &raw mut header, sets.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let without = !(1 << NET_BIND_SERVICE);
    sets[0].effective &= without;
    sets[0].permitted &= without;
    sets[0].inheritable &= without;
    // SAFETY: as above; the kernel only reads.
    if unsafe { libc::syscall(libc::SYS_capset, &raw mut header, sets.as_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
