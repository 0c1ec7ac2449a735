//! The wire forms of time: RFC 3339 with microseconds or milliseconds, and seconds since the epoch.

use std::{fmt, time::Duration};

use jiff::tz::TimeZone;
use observe_core::Timestamp;
use serde::{Serialize, Serializer};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type},
    },
};

/// One of the forms in which answers write times.
pub(crate) trait WireTime: From<Timestamp> + Serialize + ToSchema + Send + 'static {}

/// A time as routes below `/api/v1` write it: `2024-01-20T12:34:56.789012Z`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rfc3339(pub(crate) Timestamp);

/// A time with milliseconds: `2024-01-20T12:34:56.789Z`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rfc3339Millis(pub(crate) Timestamp);

/// A time as the root routes of the analytics document write it: `1705754096.789012`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct EpochSeconds(pub(crate) Timestamp);

impl WireTime for EpochSeconds {}
impl WireTime for Rfc3339 {}

impl From<Timestamp> for EpochSeconds {
    fn from(timestamp: Timestamp) -> Self {
        Self(timestamp)
    }
}

impl From<Timestamp> for Rfc3339 {
    fn from(timestamp: Timestamp) -> Self {
        Self(timestamp)
    }
}

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6}", civil(self.0))
    }
}

impl fmt::Display for Rfc3339Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", civil(self.0))
    }
}

impl Serialize for EpochSeconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(epoch_seconds(self.0))
    }
}

impl Serialize for Rfc3339 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Rfc3339Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl PartialSchema for EpochSeconds {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Number).description(Some("Seconds since 1970-01-01T00:00:00Z.")).into()
    }
}

impl PartialSchema for Rfc3339 {
    fn schema() -> RefOr<Schema> {
        date_time()
    }
}

impl PartialSchema for Rfc3339Millis {
    fn schema() -> RefOr<Schema> {
        date_time()
    }
}

impl ToSchema for EpochSeconds {}
impl ToSchema for Rfc3339 {}
impl ToSchema for Rfc3339Millis {}

/// Returns seconds down to the millisecond.
pub(crate) fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e3).round() / 1e3
}

/// Returns milliseconds down to the microsecond.
pub(crate) fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// Reads RFC 3339 with up to nine digits of a second; a time without a zone is UTC.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let instant = text.parse::<jiff::Timestamp>().or_else(|_| {
        let naive = text.parse::<jiff::civil::DateTime>()?;
        Ok::<_, jiff::Error>(naive.to_zoned(TimeZone::UTC)?.timestamp())
    });
    i64::try_from(instant.ok()?.as_nanosecond()).ok().map(Timestamp::from_nanos)
}

/// Returns the float that is nearest: all nanoseconds at once are more than a float can hold.
fn epoch_seconds(timestamp: Timestamp) -> f64 {
    let nanos = timestamp.as_nanos();
    nanos.div_euclid(NANOS) as f64 + nanos.rem_euclid(NANOS) as f64 / NANOS as f64
}

fn civil(timestamp: Timestamp) -> jiff::Timestamp {
    // Every `Timestamp` lies between the years 1677 and 2262, well within the range of jiff.
    jiff::Timestamp::from_nanosecond(i128::from(timestamp.as_nanos())).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}

fn date_time() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))).into()
}

const NANOS: i64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn digits_of_a_second_are_fixed() {
        let timestamp = Timestamp::from_nanos(1_705_754_096_500_000_000);

        assert_eq!(Rfc3339(timestamp).to_string(), "2024-01-20T12:34:56.500000Z");
        assert_eq!(Rfc3339Millis(timestamp).to_string(), "2024-01-20T12:34:56.500Z");
        assert_eq!(serde_json::to_string(&EpochSeconds(timestamp)).unwrap(), "1705754096.5");
    }

    #[test]
    fn zones_nanoseconds_and_naive_times_are_read() {
        let expected = Some(Timestamp::from_nanos(1_705_754_096_123_456_789));

        for text in [
            "2024-01-20T12:34:56.123456789Z",
            "2024-01-20T14:34:56.123456789+02:00",
            "2024-01-20T12:34:56.123456789",
            "2024-01-20 12:34:56.123456789",
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_times() {
        for text in ["", "now", "1705754096", "2024-13-01T00:00:00Z", "2024-01-20T25:00:00Z", "9999-01-01T00:00:00Z"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn epoch_seconds_are_what_their_digits_say() {
        for millis in 0..1_000 {
            let timestamp = Timestamp::from_millis(1_705_754_096_000 + millis);
            let digits: f64 = format!("1705754096.{millis:03}").parse().unwrap();

            assert_eq!(epoch_seconds(timestamp).to_bits(), digits.to_bits(), "{millis}");
        }
    }

    proptest! {
        #[test]
        fn any_time_survives_with_microseconds(micros in i64::MIN / 1_000..i64::MAX / 1_000) {
            let timestamp = Timestamp::from_nanos(micros * 1_000);

            prop_assert_eq!(parse(&Rfc3339(timestamp).to_string()), Some(timestamp));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = parse(&text);
        }
    }
}
