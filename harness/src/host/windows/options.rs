//! Socket options, and the ioctls that go as such, by the names of the platform layer's table.

use super::raw::{self, Raw};
use super::{OS, context};
use crate::host::HostFault;
use crate::host::call::OptionValue;
use crate::host::local::sys::RawHandle;
use crate::outcome::Outcome;
use crate::platform::options::{self, Ioctl, Kind, Place, SocketOption};

pub(super) fn set(handle: RawHandle, name: &str, value: &OptionValue) -> Result<Raw<()>, HostFault> {
    let (option, place) = place(name)?;
    let mut bytes = option.encode(OS, value).map_err(|error| HostFault::new(format!("{name}: {error}")))?;
    if name == ACCEPTED
        && bytes.is_empty()
        && let Some(context) = context::of(handle)
    {
        bytes = raw::socket_of(context.listener).to_ne_bytes().to_vec();
    }
    Ok(match option.kind {
        Kind::Ioctl(_) => raw::ioctl(handle, code(place), &bytes, &mut []).map(drop),
        _ => raw::set_option(handle, place.level, place.number, &bytes),
    })
}

pub(super) fn get(handle: RawHandle, name: &str) -> Result<Raw<Outcome>, HostFault> {
    let (option, place) = place(name)?;
    if let Kind::Ioctl(_) | Kind::Context = option.kind {
        return Err(HostFault::new(format!("{name} cannot be read")));
    }
    let mut room = vec![0; option.room(OS)];
    let got = raw::option(handle, place.level, place.number, &mut room);
    Ok(got.map(|n| option.decode(OS, &room[..n])))
}

/// `SO_ERROR`, as a result.
pub(super) fn pending_error(handle: RawHandle) -> Raw<()> {
    use windows_sys::Win32::Networking::WinSock::{SO_ERROR, SOL_SOCKET};
    let mut value = [0; 4];
    raw::option(handle, SOL_SOCKET, SO_ERROR, &mut value)?;
    match i32::from_ne_bytes(value) {
        0 => Ok(()),
        code => Err(code),
    }
}

/// Whether a socket has the option: it is in the table, and Windows knows it. What can only be set is set, to what is
/// the default.
#[must_use]
pub fn has(handle: RawHandle, name: &str) -> bool {
    let Ok((option, place)) = place(name) else { return false };
    match option.kind {
        // These are only of use to sockets that the call in question has made.
        Kind::Context => true,
        Kind::Ioctl(ioctl) => {
            let input: &[u8] = match ioctl {
                Ioctl::Bool => &[1, 0, 0, 0],
                // Unspecified: leaves both as they are.
                Ioctl::InitialRto => &[0xFF, 0xFF, 0xFF, 0],
                Ioctl::KeepaliveVals => &[0; 12],
            };
            raw::ioctl(handle, code(place), input, &mut []).is_ok()
        }
        _ => raw::option(handle, place.level, place.number, &mut vec![0; option.room(OS)]).is_ok(),
    }
}

const ACCEPTED: &str = "SO_UPDATE_ACCEPT_CONTEXT";

fn place(name: &str) -> Result<(&'static SocketOption, Place), HostFault> {
    let option =
        options::find(name).ok_or_else(|| HostFault::new(format!("no option {name} in the table")))?;
    let place = option.on(OS).ok_or_else(|| HostFault::new(format!("this system has no option {name}")))?;
    Ok((option, place))
}

/// The code of an ioctl, which the table has as a signed number.
fn code(place: Place) -> u32 {
    place.number.cast_unsigned()
}
