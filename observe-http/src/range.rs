//! Ranges of time in queries.

use std::time::Duration;

use observe_core::Timestamp;

use crate::{
    FieldError, Problem,
    extract::{Fields, Parameter, Shape},
};

/// The beginning of the range.
pub(crate) static START: Parameter =
    Parameter::new("start", Shape::Time, "The beginning of the range; not together with `seconds`.");

/// The end of the range.
pub(crate) static END: Parameter =
    Parameter::new("end", Shape::Time, "The end of the range, not part of it; now where it is absent.");

/// The length of the range.
pub(crate) static SECONDS: Parameter = Parameter::new(
    "seconds",
    Shape::Integer { min: 1, max: MAX_SECONDS },
    "The length of the range up to now; not together with `start` and `end`.",
);

/// A range as it was asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RangeQuery {
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    seconds: Option<u64>,
}

/// A range of time: `[start, end)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Range {
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
}

impl Range {
    /// Reaches back from `now` by `length`. The newest sample carries the present moment and belongs to it.
    pub(crate) fn last(length: Duration, now: Timestamp) -> Self {
        let end = now + Duration::from_nanos(1);
        Self { start: end - length, end }
    }
}

impl RangeQuery {
    /// Reads `start`, `end` and `seconds`.
    pub(crate) fn from_fields(fields: &mut Fields<'_>) -> Self {
        if fields.has(SECONDS.name) && (fields.has(START.name) || fields.has(END.name)) {
            let message = "give either `seconds` or `start` and `end`";
            fields.fail(FieldError::query(SECONDS.name, "conflict", message));
        }
        let range = Self { start: fields.time(&START), end: fields.time(&END), seconds: fields.unsigned(&SECONDS) };
        if let (Some(start), Some(end)) = (range.start, range.end)
            && start >= end
        {
            fields.fail(FieldError::query(START.name, "empty_range", "`start` must be before `end`"));
        }
        range
    }

    /// Fills in what was left out; `None` for `default` is everything there is.
    pub(crate) fn resolve(self, now: Timestamp, default: Option<Duration>) -> Result<Range, Problem> {
        if let Some(seconds) = self.seconds {
            return Ok(Range::last(Duration::from_secs(seconds), now));
        }
        let present = Range::last(Duration::ZERO, now).end;
        let end = self.end.unwrap_or(if default.is_some() || self.start.is_some() { present } else { Timestamp::MAX });
        let first = default.map_or(Timestamp::MIN, |length| end - length);
        let start = self.start.unwrap_or(first);
        if start >= end {
            let error = FieldError::query(START.name, "empty_range", "`start` must be before `end`");
            return Err(Problem::validation(vec![error]));
        }
        Ok(Range { start, end })
    }
}

const MAX_SECONDS: i64 = 604_800;

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1_000)
    }

    #[test]
    fn seconds_reach_back_from_now_and_include_it() {
        let query = RangeQuery { seconds: Some(10), ..RangeQuery::default() };

        let range = query.resolve(second(100), None).unwrap();

        assert!(range.start > second(90) && range.end > second(100));
    }

    #[test]
    fn what_is_left_out_is_filled_in() {
        let nothing = RangeQuery::default();
        let from = RangeQuery { start: Some(second(50)), ..nothing };
        let until = RangeQuery { end: Some(second(50)), ..nothing };
        let minute = Some(Duration::from_secs(60));

        assert_eq!(nothing.resolve(second(100), None).unwrap().start, Timestamp::MIN);
        assert!(from.resolve(second(100), minute).unwrap().end > second(100));
        assert_eq!(until.resolve(second(100), minute).unwrap(), Range { start: second(-10), end: second(50) });
    }

    #[test]
    fn a_start_in_the_future_is_refused() {
        let query = RangeQuery { start: Some(second(200)), ..RangeQuery::default() };

        assert!(query.resolve(second(100), None).is_err());
    }
}
