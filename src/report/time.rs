//! Points in time as reports write them (RFC 3339, UTC, whole seconds), and durations for people.

use std::time::SystemTime;

use junit_report::OffsetDateTime;

/// Now or then, as it stands in `results.json`.
#[must_use]
pub fn rfc3339(time: SystemTime) -> String {
    let t = OffsetDateTime::from(time);
    let (year, month, day) = (t.year(), u8::from(t.month()), t.day());
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", t.hour(), t.minute(), t.second())
}

/// Reads what [`rfc3339`] writes.
pub(crate) fn parse(text: &str) -> Option<OffsetDateTime> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let date = numbers(date, '-')?;
    let [year, month, day] = date;
    let [hour, minute, second] = numbers(time.split('.').next()?, ':')?;
    if !(1..=12).contains(&month) || !(1..=9999).contains(&year) {
        return None;
    }
    // Days since the epoch, with March as the first month so that a leap day is the last of its year.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - 719_468;
    OffsetDateTime::from_unix_timestamp(days * 86_400 + hour * 3_600 + minute * 60 + second).ok()
}

fn numbers(text: &str, between: char) -> Option<[i64; 3]> {
    let mut parts = text.split(between).map(|part| part.parse::<u16>().ok().map(i64::from));
    let found = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(found)
}

/// A number of ns as a person reads it: `16 µs`, `4.2 ms`, `1.04 s`.
#[must_use]
pub fn human(ns: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let ns = ns as f64;
    match ns {
        ns if ns < 1e3 => format!("{ns:.0} ns"),
        ns if ns < 1e6 => format!("{:.0} µs", ns / 1e3),
        ns if ns < 1e8 => format!("{:.1} ms", ns / 1e6),
        ns if ns < 1e9 => format!("{:.0} ms", ns / 1e6),
        ns => format!("{:.2} s", ns / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn what_is_written_can_be_read() {
        for seconds in
            [0, 951_782_399, 951_782_400, 1_709_164_800, 1_709_251_199, 1_795_305_600, 4_102_444_799]
        {
            let text = rfc3339(UNIX_EPOCH + Duration::from_secs(seconds));
            assert_eq!(parse(&text).unwrap().unix_timestamp(), i64::try_from(seconds).unwrap(), "{text}");
        }
        assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_secs(1_709_164_800)), "2024-02-29T00:00:00Z");
        assert!(parse("yesterday").is_none());
        assert!(parse("2024-13-01T00:00:00Z").is_none());
    }

    #[test]
    fn durations_are_short() {
        let texts: Vec<_> = [7, 16_400, 4_240_000, 450_000_000, 1_040_000_000].map(human).into();
        assert_eq!(texts, ["7 ns", "16 µs", "4.2 ms", "450 ms", "1.04 s"]);
    }
}
