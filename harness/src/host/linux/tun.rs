//! TUN devices: a network device whose other side is a file of ours (Documentation/networking/tuntap.rst).

#![expect(unsafe_code, reason = "TUNSETIFF is an ioctl that nix has no wrapper for")]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;

use nix::net::if_::if_nametoindex;

/// What a user can do where devices are refused.
const HELP: &str = "run as root, or let this user read and write /dev/net/tun";

/// Its name is of its namespace alone.
const NAME: &str = "wire";
/// Packets without a header in front.
const FLAGS: i16 = (libc::IFF_TUN | libc::IFF_NO_PI) as i16;

/// Makes a device in the namespace of the calling thread: its file, and its index there.
pub(super) fn open() -> Result<(File, u32), String> {
    let file = device().map_err(|error| format!("/dev/net/tun: {error}; {HELP}"))?;
    // SAFETY: an ifreq is plain data, for which zeros are values.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(NAME.bytes()) {
        *to = from.cast_signed();
    }
    request.ifr_ifru.ifru_flags = FLAGS;
    // SAFETY: the descriptor is open, and the request lives through the call.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF as libc::Ioctl, &raw mut request) };
    if result < 0 {
        return Err(format!("a TUN device: {}", io::Error::last_os_error()));
    }
    let index = if_nametoindex(NAME).map_err(|error| format!("the index of a TUN device: {error}"))?;
    Ok((file, index))
}

/// Whether a device could be opened at all.
pub(super) fn probe() -> Result<(), String> {
    device().map(drop).map_err(|error| format!("/dev/net/tun: {error}; {HELP}"))
}

fn device() -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open("/dev/net/tun")
}
