//! Times and durations as people write them: `2026-01-31T12:00:00Z`, `90s`, `15m`, `6h`, `7d`.

use std::time::Duration;

use jiff::{civil, tz::TimeZone};
use observe::Timestamp;

/// Reads `90s`, `1h30m`, `7d`, or `0`.
///
/// # Errors
///
/// Says what can be written.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let invalid = || "write a number and a unit, such as 500ms, 90s, 15m, 6h, 7d or 1h30m".to_owned();
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let (mut rest, mut sum) = (text, 0_u64);
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit()).ok_or_else(invalid)?;
        let (number, after) = rest.split_at_checked(digits).ok_or_else(invalid)?;
        let end = after.find(|character: char| character.is_ascii_digit()).unwrap_or(after.len());
        let (unit, others) = after.split_at_checked(end).ok_or_else(invalid)?;
        let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(invalid)?;
        let part = number.parse::<u64>().ok().and_then(|number| number.checked_mul(*millis));
        sum = part.and_then(|part| sum.checked_add(part)).filter(|sum| *sum <= LONGEST_MS).ok_or_else(too_long)?;
        rest = others;
    }
    if text.is_empty() { Err(invalid()) } else { Ok(Duration::from_millis(sum)) }
}

/// Reads a time of RFC 3339; without a zone it is UTC, and a date alone is its first moment.
///
/// # Errors
///
/// Says what can be written.
pub(super) fn timestamp(text: &str) -> Result<Timestamp, String> {
    let instant = text.parse::<jiff::Timestamp>().or_else(|_| {
        let naive = text.parse::<civil::DateTime>().or_else(|_| text.parse::<civil::Date>().map(Into::into))?;
        Ok::<_, jiff::Error>(naive.to_zoned(TimeZone::UTC)?.timestamp())
    });
    let nanos = instant.ok().and_then(|instant| i64::try_from(instant.as_nanosecond()).ok());
    nanos
        .map(Timestamp::from_nanos)
        .ok_or_else(|| "write a time such as 2026-01-31T12:00:00Z, or a date such as 2026-01-31".to_owned())
}

/// Writes a time with as many digits of a second as it has: `2026-01-31T12:00:00.5Z`.
pub(super) fn rfc3339(timestamp: Timestamp) -> String {
    // Every `Timestamp` lies between the years 1677 and 2262, well within the range of jiff.
    let nanos = i128::from(timestamp.as_nanos());
    jiff::Timestamp::from_nanosecond(nanos).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
}

/// Writes a time with microseconds, as the HTTP interface does.
pub(super) fn rfc3339_micros(timestamp: Timestamp) -> String {
    let nanos = i128::from(timestamp.as_nanos());
    format!("{:.6}", jiff::Timestamp::from_nanosecond(nanos).unwrap_or(jiff::Timestamp::UNIX_EPOCH))
}

fn too_long() -> String {
    "that is more than a hundred years".to_owned()
}

const UNITS: [(&str, u64); 6] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000)];
/// A hundred years.
const LONGEST_MS: u64 = 36_525 * 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_numbers_with_units() {
        for (text, seconds) in [("90s", 90.0), ("15m", 900.0), ("6h", 21_600.0), ("7d", 604_800.0), ("0", 0.0)] {
            assert_eq!(duration(text).unwrap().as_secs_f64(), seconds, "{text}");
        }
        assert_eq!(duration("1h30m").unwrap(), Duration::from_secs(5_400));
        assert_eq!(duration("500ms").unwrap(), Duration::from_millis(500));
        assert_eq!(duration("0s").unwrap(), Duration::ZERO);
    }

    #[test]
    fn other_texts_are_no_durations() {
        for text in
            ["", "s", "10", "10x", "-5m", "1.5h", "5m ", "1h 30m", "99999999999999999999s", "9999999d", "5µs", "é"]
        {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_read_and_written_whole() {
        for text in ["2024-01-20T12:34:56.123456789Z", "2024-01-20T00:00:00Z", "1969-12-31T23:59:59.5Z"] {
            assert_eq!(rfc3339(timestamp(text).unwrap()), text);
        }
        assert_eq!(timestamp("2024-01-20"), timestamp("2024-01-20T00:00:00Z"));
        assert_eq!(timestamp("2024-01-20T12:00:00+02:00"), timestamp("2024-01-20T10:00:00"));
        for text in ["", "now", "1705754096", "2024-13-01", "9999-01-01T00:00:00Z"] {
            assert!(timestamp(text).is_err(), "{text}");
        }
    }
}
