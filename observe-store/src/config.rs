//! Settings, section `[store]`.

use std::{fmt, ops::RangeInclusive, time::Duration};

use serde::{Deserialize, Serialize};

use crate::db::Address;

/// Where things are kept, and for how long.
///
/// # Examples
///
/// ```
/// use observe_store::{Config, RetentionConfig};
///
/// let short = RetentionConfig { raw_days: 2.0, ..RetentionConfig::default() };
/// let config = Config { retention: short, ..Config::at("observe.db") };
/// assert!(config.check().is_ok());
///
/// let wrong = Config { commit_interval_seconds: 0.0, ..Config::default() };
/// assert_eq!(wrong.check().map_err(|error| error.key()), Err("store.commit_interval_seconds"));
/// ```
#[derive(Clone, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `PATH`, `sqlite:PATH`, `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, or `memory` to forget everything at the end.
    pub url: String,
    /// How long what nobody waits for may go unstored, 0.1 to 60 seconds.
    pub commit_interval_seconds: f64,
    /// About how many points of a series are packed together, 128 to 8,192.
    pub slot_points: u32,
    /// What leaves, and when.
    pub retention: RetentionConfig,
}

/// How long things are kept, and how much of them. What is too much or too old leaves, the oldest first.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionConfig {
    /// Days for which points are kept as they came in.
    pub raw_days: f64,
    /// Days for which least, greatest, sum, count and last of each minute are kept.
    pub minute_days: f64,
    /// The same of each hour.
    pub hour_days: f64,
    /// Days for which events are kept.
    pub event_days: f64,
    /// Days for which log records are kept.
    pub log_days: f64,
    /// Days for which spans are kept.
    pub span_days: f64,
    /// The most bytes of points as they came in; 0 is no bound.
    pub raw_max_bytes: u64,
    /// The most bytes of minutes; 0 is no bound.
    pub minute_max_bytes: u64,
    /// The most bytes of hours; 0 is no bound.
    pub hour_max_bytes: u64,
}

/// Says which setting cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{key} {problem}")]
pub struct InvalidConfig {
    key: &'static str,
    problem: String,
}

impl InvalidConfig {
    /// Returns the key: `store.commit_interval_seconds`.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        self.key
    }
}

impl Config {
    /// Keeps things at `url`, all else by default.
    #[must_use]
    pub fn at(url: impl Into<String>) -> Self {
        Self { url: url.into(), ..Self::default() }
    }

    /// Returns whether nothing is to outlive the process.
    #[must_use]
    pub fn is_memory(&self) -> bool {
        self.url == "memory"
    }

    /// Returns how long what nobody waits for may go unstored.
    #[must_use]
    pub fn commit_interval(&self) -> Duration {
        Duration::try_from_secs_f64(self.commit_interval_seconds).unwrap_or(Self::DEFAULT_INTERVAL)
    }

    /// Returns the url without its password.
    #[must_use]
    pub fn shown_url(&self) -> String {
        match self.url.parse::<Address>() {
            _ if self.is_memory() => self.url.clone(),
            Ok(address) => address.to_string(),
            Err(_) => "not a url that can be used".to_owned(),
        }
    }

    /// Checks every value.
    ///
    /// # Errors
    ///
    /// Says which value cannot be used, and which can.
    pub fn check(&self) -> Result<(), InvalidConfig> {
        let Self { commit_interval_seconds, slot_points, retention, .. } = self;
        if !self.is_memory() {
            let parsed = self.url.parse::<Address>();
            parsed.map_err(|error| InvalidConfig { key: "store.url", problem: error.to_string() })?;
        }
        within("store.commit_interval_seconds", *commit_interval_seconds, 0.1..=60.0)?;
        within("store.slot_points", f64::from(*slot_points), 128.0..=8_192.0)?;
        let days = [
            ("store.retention.raw_days", retention.raw_days),
            ("store.retention.minute_days", retention.minute_days),
            ("store.retention.hour_days", retention.hour_days),
            ("store.retention.event_days", retention.event_days),
            ("store.retention.log_days", retention.log_days),
            ("store.retention.span_days", retention.span_days),
        ];
        days.into_iter().try_for_each(|(key, days)| within(key, days, 0.05..=36_500.0))
    }

    const DEFAULT_INTERVAL: Duration = Duration::from_secs(2);
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url: "observe.db".to_owned(),
            commit_interval_seconds: Self::DEFAULT_INTERVAL.as_secs_f64(),
            slot_points: 1_024,
            retention: RetentionConfig::default(),
        }
    }
}

impl Default for RetentionConfig {
    fn default() -> Self {
        Self {
            raw_days: 14.0,
            minute_days: 90.0,
            hour_days: 730.0,
            event_days: 90.0,
            log_days: 14.0,
            span_days: 7.0,
            raw_max_bytes: 0,
            minute_max_bytes: 0,
            hour_max_bytes: 0,
        }
    }
}

impl fmt::Debug for Config {
    /// Leaves the url out: it may have a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("commit_interval_seconds", &self.commit_interval_seconds)
            .field("slot_points", &self.slot_points)
            .field("retention", &self.retention)
            .finish_non_exhaustive()
    }
}

fn within(key: &'static str, value: f64, range: RangeInclusive<f64>) -> Result<(), InvalidConfig> {
    let (least, most) = (range.start(), range.end());
    let problem = || format!("is {value}; it can be {least} to {most}");
    if range.contains(&value) { Ok(()) } else { Err(InvalidConfig { key, problem: problem() }) }
}
