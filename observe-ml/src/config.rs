//! Settings, section `[ml]`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Which detectors run, and how.
///
/// # Examples
///
/// ```
/// use observe_ml::{Config, ZscoreConfig, detectors};
///
/// let quiet = Config { zscore: ZscoreConfig { threshold: 6.0, ..ZscoreConfig::default() }, ..Config::default() };
/// assert_eq!(detectors(&quiet)?.len(), 2);
///
/// let wrong = Config { detectors: vec!["zcore".into()], ..Config::default() };
/// let error = detectors(&wrong).err().ok_or("accepted")?;
/// assert_eq!(error.key(), "ml.detectors");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The names of the detectors that run.
    pub detectors: Vec<String>,
    /// The largest p-value with which `/trends` calls a slope rising or falling, 0 to 1; the sign alone decides at 1.
    pub trend_significance: f64,
    /// The detector `zscore`.
    pub zscore: ZscoreConfig,
    /// The detector `trend`.
    pub trend: TrendConfig,
}

/// The detector `zscore`: a point far from the mean of the window before it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ZscoreConfig {
    /// The length of the window in seconds, 60 to 86,400. At most 1,024 points are kept.
    pub window_seconds: u64,
    /// How many standard deviations from the mean are too far, 1 to 1,000.
    pub threshold: f64,
    /// The metrics that are watched: names, in which `*` stands for anything.
    pub metrics: Vec<String>,
}

/// The detector `trend`: a window through which a straight line rises or falls.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrendConfig {
    /// The length of the window in seconds, 60 to 86,400. At most 1,024 points are kept.
    pub window_seconds: u64,
    /// The largest p-value of a slope that counts as one, above 0 and at most 0.5.
    pub significance: f64,
    /// The metrics that are watched: names, in which `*` stands for anything.
    pub metrics: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            detectors: vec!["zscore".to_owned(), "trend".to_owned()],
            trend_significance: 1.0,
            zscore: ZscoreConfig::default(),
            trend: TrendConfig::default(),
        }
    }
}

impl Default for ZscoreConfig {
    fn default() -> Self {
        Self { window_seconds: 300, threshold: 3.0, metrics: default_metrics() }
    }
}

impl Default for TrendConfig {
    fn default() -> Self {
        Self { window_seconds: 600, significance: 0.01, metrics: default_metrics() }
    }
}

/// Says which setting cannot be used, and what to do.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidConfig {
    /// A detector is listed twice.
    #[error("ml.detectors lists {name:?} twice: remove one of them")]
    Duplicate {
        /// The detector.
        name: String,
    },
    /// A pattern can match no metric's name.
    #[error(
        "{key} has {pattern:?}, which matches no metric: use names such as cpu.total, with * for anything and without \
         attributes"
    )]
    Pattern {
        /// The setting.
        key: &'static str,
        /// The pattern.
        pattern: String,
    },
    /// A number is outside its range.
    #[error("{key} is {value}: set it to {wanted}")]
    Range {
        /// The setting.
        key: &'static str,
        /// What it is set to.
        value: String,
        /// What it can be set to.
        wanted: &'static str,
    },
    /// No detector has the name.
    #[error("ml.detectors has {name:?}, which is no detector{}: known are {known}", nearest.map_or(String::new(), |nearest| format!(" (did you mean {nearest:?}?)")))]
    UnknownDetector {
        /// The name.
        name: String,
        /// The name of a detector that is spelled much the same.
        nearest: Option<&'static str>,
        /// The names of all detectors.
        known: String,
    },
}

impl InvalidConfig {
    /// Returns the setting with its section: `ml.zscore.threshold`.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Duplicate { .. } | Self::UnknownDetector { .. } => "ml.detectors",
            Self::Pattern { key, .. } | Self::Range { key, .. } => key,
        }
    }
}

/// Reads the length of a window.
pub(crate) fn window(key: &'static str, seconds: u64) -> Result<Duration, InvalidConfig> {
    if (60..=86_400).contains(&seconds) {
        return Ok(Duration::from_secs(seconds));
    }
    Err(InvalidConfig::Range { key, value: seconds.to_string(), wanted: "60 to 86400 seconds" })
}

/// The metrics of a whole host that are worth a mark on a chart; none of a process or a system call.
fn default_metrics() -> Vec<String> {
    DEFAULT_METRICS.map(str::to_owned).to_vec()
}

const DEFAULT_METRICS: [&str; 10] = [
    "cpu.total",
    "cpu.core",
    "memory.percent",
    "swap.percent",
    "disk.read_bytes_per_sec",
    "disk.write_bytes_per_sec",
    "disk.percent",
    "network.bytes_sent_per_sec",
    "network.bytes_recv_per_sec",
    "network.tcp_connections",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_section_means_the_defaults() {
        let config: Config = toml::from_str("").unwrap();

        assert_eq!(config, Config::default());
        assert_eq!(config.detectors, ["zscore", "trend"]);
        assert_eq!((config.zscore.window_seconds, config.zscore.threshold), (300, 3.0));
        assert_eq!((config.trend.window_seconds, config.trend.significance), (600, 0.01));
    }

    #[test]
    fn the_default_metrics_stand_in_the_names_table() {
        for name in DEFAULT_METRICS {
            assert!(observe_core::names::find(name).is_some(), "{name}");
        }
    }

    #[test]
    fn settings_are_read_one_by_one() {
        let config: Config = toml::from_str("detectors = ['trend']\n[zscore]\nthreshold = 4").unwrap();

        assert_eq!(config.detectors, ["trend"]);
        assert_eq!(config.zscore, ZscoreConfig { threshold: 4.0, ..ZscoreConfig::default() });
    }

    #[test]
    fn unknown_settings_and_wrong_types_are_refused() {
        for text in
            ["window = 3", "[zscore]\nwindow = 3", "[trend]\nsignificance = 'low'", "[zscore]\nwindow_seconds = -1"]
        {
            assert!(toml::from_str::<Config>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn errors_name_the_setting_and_what_to_do() {
        let range = window("ml.trend.window_seconds", 5).unwrap_err();
        let unknown = InvalidConfig::UnknownDetector {
            name: "zcore".into(),
            nearest: Some("zscore"),
            known: "zscore, trend".into(),
        };

        assert_eq!(range.key(), "ml.trend.window_seconds");
        assert_eq!(range.to_string(), "ml.trend.window_seconds is 5: set it to 60 to 86400 seconds");
        assert_eq!(
            unknown.to_string(),
            "ml.detectors has \"zcore\", which is no detector (did you mean \"zscore\"?): known are zscore, trend"
        );
    }
}
