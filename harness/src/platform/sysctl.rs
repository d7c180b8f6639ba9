//! Settings of macOS and FreeBSD by name.

#![expect(unsafe_code, reason = "sysctlbyname has no wrapper that gives raw bytes")]

use std::ffi::CString;
use std::ptr;

/// The raw value.
#[must_use]
pub fn bytes(name: &str) -> Option<Vec<u8>> {
    let name = CString::new(name).ok()?;
    // A table may grow between asking for its size and for itself, so there is room for more; and a second try.
    for _ in 0..2 {
        let mut size = 0;
        // SAFETY: without a buffer only the size is written.
        let told =
            unsafe { libc::sysctlbyname(name.as_ptr(), ptr::null_mut(), &raw mut size, ptr::null_mut(), 0) };
        if told != 0 {
            return None;
        }
        let mut value = vec![0; size + size / 4 + 8];
        size = value.len();
        // SAFETY: the buffer is as long as is said.
        let got = unsafe {
            libc::sysctlbyname(name.as_ptr(), value.as_mut_ptr().cast(), &raw mut size, ptr::null_mut(), 0)
        };
        if got == 0 {
            value.truncate(size);
            return Some(value);
        }
    }
    None
}

/// The value as text: an integer of 4 or 8 bytes, or a string.
#[must_use]
pub fn text(name: &str) -> Option<String> {
    let value = bytes(name)?;
    if let Ok(four) = <[u8; 4]>::try_from(value.as_slice()) {
        return Some(i32::from_ne_bytes(four).to_string());
    }
    if let Ok(eight) = <[u8; 8]>::try_from(value.as_slice())
        && eight[7] == 0
        && eight[..7].contains(&0)
    {
        return Some(i64::from_ne_bytes(eight).to_string());
    }
    let end = value.iter().position(|byte| *byte == 0).unwrap_or(value.len());
    Some(String::from_utf8_lossy(&value[..end]).into_owned())
}
