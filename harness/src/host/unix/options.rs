//! Socket options by the names of the platform layer's table.

use std::ffi::c_int;

use super::OS;
use super::raw::{self, Raw};
use crate::host::HostFault;
use crate::host::call::OptionValue;
use crate::host::local::sys::RawHandle;
use crate::outcome::Outcome;
use crate::platform::options;

pub(super) fn set(handle: RawHandle, name: &str, value: &OptionValue) -> Result<Raw<()>, HostFault> {
    let (option, level, number) = place(name)?;
    let bytes = option.encode(OS, value).map_err(|error| HostFault::new(format!("{name}: {error}")))?;
    Ok(raw::set_option(handle, level, number, &bytes))
}

pub(super) fn get(handle: RawHandle, name: &str) -> Result<Raw<Outcome>, HostFault> {
    let (option, level, number) = place(name)?;
    let mut room = vec![0; option.room(OS)];
    Ok(raw::option(handle, level, number, &mut room).map(|n| option.decode(OS, &room[..n])))
}

/// `SO_ERROR`, as a result.
pub(super) fn pending_error(handle: RawHandle) -> Raw<()> {
    let mut value = [0; size_of::<c_int>()];
    raw::option(handle, libc::SOL_SOCKET, libc::SO_ERROR, &mut value)?;
    match c_int::from_ne_bytes(value) {
        0 => Ok(()),
        code => Err(code),
    }
}

/// Whether a socket has the option: it is in the table, and the kernel knows it.
#[must_use]
pub fn has(handle: RawHandle, name: &str) -> bool {
    let Ok((option, level, number)) = place(name) else { return false };
    let answer = raw::option(handle, level, number, &mut vec![0; option.room(OS)]);
    !matches!(answer, Err(libc::ENOPROTOOPT | libc::EOPNOTSUPP))
}

fn place(name: &str) -> Result<(&'static options::SocketOption, c_int, c_int), HostFault> {
    let option =
        options::find(name).ok_or_else(|| HostFault::new(format!("no option {name} in the table")))?;
    let place = option.on(OS).ok_or_else(|| HostFault::new(format!("this system has no option {name}")))?;
    Ok((option, place.level, place.number))
}
