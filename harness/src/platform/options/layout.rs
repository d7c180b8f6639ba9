//! How the values of options lie in memory, in the byte order of the machine.

use std::time::Duration;

use super::{Ioctl, Unit};
use crate::host::call::OptionValue;
use crate::platform::Os;

/// What `TCP_INITIAL_RTO_PARAMETERS` has where a field is to stay as it is: `TCP_INITIAL_RTO_UNSPECIFIED_RTT` and
/// `TCP_INITIAL_RTO_UNSPECIFIED_MAX_SYN_RETRANSMISSIONS` of mstcpip.h.
const UNSPECIFIED: (u16, u8) = (u16::MAX, u8::MAX);

pub(super) fn int(number: i64) -> Result<Vec<u8>, String> {
    let number = i32::try_from(number).map_err(|_| format!("{number} does not fit in an int"))?;
    Ok(number.to_ne_bytes().to_vec())
}

/// Reads an int of any of the lengths that systems give: Windows tells `TCP_NODELAY` in one byte.
pub(super) fn read_int(bytes: &[u8]) -> Option<i64> {
    match bytes.len() {
        1 => Some(i64::from(bytes[0])),
        2 => Some(i64::from(u16::from_ne_bytes(bytes.try_into().ok()?))),
        4 => Some(i64::from(i32::from_ne_bytes(bytes.try_into().ok()?))),
        8 => Some(i64::from_ne_bytes(bytes.try_into().ok()?)),
        _ => None,
    }
}

pub(super) fn duration(os: Os, unit: Unit, duration: Duration) -> Result<Vec<u8>, String> {
    match unit {
        Unit::Timeval if duration.subsec_nanos().is_multiple_of(1000) => {
            let seconds = i64::try_from(duration.as_secs()).map_err(|_| "too long")?;
            Ok(timeval(os, seconds, duration.subsec_micros()))
        }
        Unit::Timeval => Err("counted in whole microseconds".to_owned()),
        Unit::Seconds if duration.subsec_nanos() == 0 => count(u128::from(duration.as_secs())),
        Unit::Seconds => Err("counted in whole seconds here".to_owned()),
        Unit::Milliseconds if duration.subsec_nanos().is_multiple_of(1_000_000) => {
            count(duration.as_millis())
        }
        Unit::Milliseconds => Err("counted in whole milliseconds here".to_owned()),
    }
}

fn count(number: u128) -> Result<Vec<u8>, String> {
    int(i64::try_from(number).map_err(|_| "too long")?)
}

/// `struct timeval` of 64-bit systems: two 64-bit numbers, but on macOS the microseconds have 32 bits and padding.
pub(super) fn timeval(os: Os, seconds: i64, micros: u32) -> Vec<u8> {
    let mut bytes = seconds.to_ne_bytes().to_vec();
    if os == Os::Macos {
        bytes.extend(micros.to_ne_bytes());
        bytes.extend([0; 4]);
    } else {
        bytes.extend(i64::from(micros).to_ne_bytes());
    }
    bytes
}

/// Reads a duration; a negative number comes back as the error.
pub(super) fn read_duration(os: Os, unit: Unit, bytes: &[u8]) -> Option<Result<Duration, i64>> {
    let (number, micros) = match unit {
        Unit::Timeval => read_timeval(os, bytes)?,
        _ if bytes.len() == 4 && os == Os::Windows && unit == Unit::Milliseconds => {
            (i64::from(u32::from_ne_bytes(bytes.try_into().ok()?)), 0) // a DWORD
        }
        _ => (read_int(bytes)?, 0),
    };
    let Ok(whole) = u64::try_from(number) else { return Some(Err(number)) };
    Some(Ok(match unit {
        Unit::Milliseconds => Duration::from_millis(whole),
        Unit::Seconds | Unit::Timeval => Duration::from_secs(whole) + Duration::from_micros(micros),
    }))
}

fn read_timeval(os: Os, bytes: &[u8]) -> Option<(i64, u64)> {
    let (seconds, rest) = bytes.split_first_chunk::<8>()?;
    let micros = match os {
        Os::Macos => i64::from(i32::from_ne_bytes(*rest.first_chunk()?)),
        _ => i64::from_ne_bytes(*rest.first_chunk()?),
    };
    (bytes.len() == 16).then_some(())?;
    Some((i64::from_ne_bytes(*seconds), u64::try_from(micros).ok()?))
}

/// `struct linger`: two ints, on Windows two shorts.
pub(super) fn linger(os: Os, linger: Option<u16>) -> Result<Vec<u8>, String> {
    let (on, seconds) = (u16::from(linger.is_some()), linger.unwrap_or(0));
    if os == Os::Windows {
        return Ok([on.to_ne_bytes(), seconds.to_ne_bytes()].concat());
    }
    Ok([i32::from(on).to_ne_bytes(), i32::from(seconds).to_ne_bytes()].concat())
}

/// Reads a linger: the inner value is `None` if it is off.
pub(super) fn read_linger(os: Os, bytes: &[u8]) -> Option<Option<i64>> {
    let half = if os == Os::Windows { 2 } else { 4 };
    (bytes.len() == 2 * half).then_some(())?;
    let (on, seconds) = bytes.split_at(half);
    let seconds = read_int(seconds)?;
    Some((read_int(on)? != 0).then_some(seconds))
}

/// Reads a name up to its NUL, if it has one.
pub(super) fn read_text(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8(bytes[..end].to_vec()).ok()
}

/// The input of an ioctl; `None` if the value is of a kind that it does not take.
pub(super) fn ioctl(ioctl: Ioctl, value: &OptionValue) -> Option<Result<Vec<u8>, String>> {
    match (ioctl, value) {
        (Ioctl::Bool, OptionValue::Int(number)) => Some(int(*number)),
        (Ioctl::InitialRto, OptionValue::Duration(time)) => {
            let millis =
                u16::try_from(time.as_millis()).map_err(|_| "the round-trip time is too long".to_owned());
            Some(millis.map(|millis| initial_rto(millis, UNSPECIFIED.1)))
        }
        (Ioctl::InitialRto, OptionValue::Int(times)) => {
            let times = u8::try_from(*times).map_err(|_| format!("{times} does not fit in a byte"));
            Some(times.map(|times| initial_rto(UNSPECIFIED.0, times)))
        }
        (Ioctl::KeepaliveVals, OptionValue::Int(0)) => Some(Ok(vec![0; 12])),
        (Ioctl::KeepaliveVals, OptionValue::Duration(time)) => Some(keepalive(*time)),
        _ => None,
    }
}

/// `TCP_INITIAL_RTO_PARAMETERS`: a short, a byte, and one byte of padding.
fn initial_rto(millis: u16, times: u8) -> Vec<u8> {
    let [low, high] = millis.to_ne_bytes();
    vec![low, high, times, 0]
}

/// `tcp_keepalive`: on, time, interval.
fn keepalive(time: Duration) -> Result<Vec<u8>, String> {
    let millis = u32::try_from(time.as_millis()).map_err(|_| "too long")?;
    Ok([1, millis, millis].map(u32::to_ne_bytes).concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_structs_of_windows_have_their_sizes() {
        let seconds = OptionValue::Duration(Duration::from_secs(3));
        assert_eq!(ioctl(Ioctl::InitialRto, &seconds).unwrap().unwrap(), [0xB8, 0x0B, 0xFF, 0]);
        assert_eq!(ioctl(Ioctl::InitialRto, &OptionValue::Int(2)).unwrap().unwrap(), [0xFF, 0xFF, 2, 0]);
        assert_eq!(ioctl(Ioctl::KeepaliveVals, &seconds).unwrap().unwrap().len(), 12);
        assert_eq!(ioctl(Ioctl::Bool, &OptionValue::Int(0)).unwrap().unwrap(), [0; 4]);
        assert_eq!(ioctl(Ioctl::Bool, &seconds), None);
    }

    #[test]
    fn a_timeval_of_macos_has_short_microseconds() {
        let mut bytes = timeval(Os::Macos, 1, 5);
        bytes[12..].fill(0xFF); // padding is not looked at
        assert_eq!(read_duration(Os::Macos, Unit::Timeval, &bytes), Some(Ok(Duration::new(1, 5000))));
    }

    #[cfg(all(target_os = "linux", target_pointer_width = "64"))]
    #[test]
    fn the_sizes_are_those_of_this_system() {
        assert_eq!(timeval(Os::Linux, 0, 0).len(), size_of::<libc::timeval>());
        assert_eq!(linger(Os::Linux, None).unwrap().len(), size_of::<libc::linger>());
    }
}
