//! The table of all detectors.

use std::sync::Arc;

use observe_core::DetectorFactory;
use strsim::levenshtein;

use crate::{Config, InvalidConfig, trend, zscore};

/// Makes the factories of the detectors that the settings list, in that order.
///
/// # Errors
///
/// Refuses names of unknown detectors, names listed twice, numbers outside their ranges and patterns that can match no
/// metric. Settings of detectors that are not listed are checked, too.
pub fn detectors(config: &Config) -> Result<Vec<Arc<dyn DetectorFactory>>, InvalidConfig> {
    if !(0.0..=1.0).contains(&config.trend_significance) {
        let value = config.trend_significance.to_string();
        return Err(InvalidConfig::Range { key: "ml.trend_significance", value, wanted: "0 to 1" });
    }
    let all = DETECTORS.iter().map(|(_, make)| make(config)).collect::<Result<Vec<_>, _>>()?;
    let mut listed: Vec<Arc<dyn DetectorFactory>> = Vec::new();
    for name in &config.detectors {
        let factory = all.iter().find(|factory| factory.name() == name).ok_or_else(|| unknown(name))?;
        if listed.iter().any(|other| other.name() == name) {
            return Err(InvalidConfig::Duplicate { name: name.clone() });
        }
        listed.push(Arc::clone(factory));
    }
    Ok(listed)
}

fn unknown(name: &str) -> InvalidConfig {
    let names = DETECTORS.map(|(name, _)| name);
    let nearest = names.into_iter().min_by_key(|known| levenshtein(known, name));
    InvalidConfig::UnknownDetector {
        name: name.to_owned(),
        nearest: nearest.filter(|known| levenshtein(known, name) <= known.len() / 2),
        known: names.join(", "),
    }
}

type Make = fn(&Config) -> Result<Arc<dyn DetectorFactory>, InvalidConfig>;

/// Every detector there is: a new one is one file, and one line here.
const DETECTORS: [(&str, Make); 2] = [(zscore::NAME, zscore::factory), (trend::NAME, trend::factory)];

#[cfg(test)]
mod tests {
    use observe_core::MetricKey;

    use super::*;
    use crate::{TrendConfig, ZscoreConfig};

    fn error(config: &Config) -> InvalidConfig {
        detectors(config).err().unwrap()
    }

    fn listing(names: &[&str]) -> Config {
        Config { detectors: names.iter().map(|name| (*name).to_owned()).collect(), ..Config::default() }
    }

    #[test]
    fn detectors_come_in_the_order_of_the_settings() {
        let names = |config| detectors(&config).unwrap().iter().map(|factory| factory.name()).collect::<Vec<_>>();

        assert_eq!(names(Config::default()), ["zscore", "trend"]);
        assert_eq!(names(listing(&["trend"])), ["trend"]);
        assert!(names(listing(&[])).is_empty());
    }

    #[test]
    fn an_unknown_detector_is_refused_with_the_nearest_and_all_known() {
        for (name, expected) in [("zcore", Some("zscore")), ("Trend", Some("trend")), ("forest", None), ("", None)] {
            let InvalidConfig::UnknownDetector { nearest, known, .. } = error(&listing(&[name])) else { panic!() };

            assert_eq!((nearest, known.as_str()), (expected, "zscore, trend"), "{name}");
        }
    }

    #[test]
    fn a_detector_listed_twice_is_refused() {
        assert_eq!(error(&listing(&["trend", "trend"])), InvalidConfig::Duplicate { name: "trend".into() });
    }

    #[test]
    fn numbers_outside_their_ranges_are_refused_by_name() {
        for threshold in [0.0, -3.0, f64::NAN, f64::INFINITY] {
            let config = Config { zscore: ZscoreConfig { threshold, ..ZscoreConfig::default() }, ..Config::default() };
            assert_eq!(error(&config).key(), "ml.zscore.threshold");
        }
        for significance in [0.0, 0.6, f64::NAN] {
            let config = Config { trend: TrendConfig { significance, ..TrendConfig::default() }, ..Config::default() };
            assert_eq!(error(&config).key(), "ml.trend.significance");
        }
        for window_seconds in [0, 59, 86_401, u64::MAX] {
            let zscore = ZscoreConfig { window_seconds, ..ZscoreConfig::default() };
            let trend = TrendConfig { window_seconds, ..TrendConfig::default() };
            assert_eq!(error(&Config { zscore, ..Config::default() }).key(), "ml.zscore.window_seconds");
            assert_eq!(error(&Config { trend, ..Config::default() }).key(), "ml.trend.window_seconds");
        }
    }

    #[test]
    fn settings_of_detectors_that_do_not_run_are_checked_too() {
        let trend = TrendConfig { metrics: vec!["{".into()], ..TrendConfig::default() };

        assert_eq!(error(&Config { trend, ..listing(&["zscore"]) }).key(), "ml.trend.metrics");
    }

    #[test]
    fn series_are_chosen_by_the_name_of_their_metric() {
        let watched = ["cpu.total", "cpu.core{core=3}", "disk.percent{mountpoint=/}", "cpu.total{host.name=web}"];
        let unwatched = ["cpu.frequency", "process.cpu{name=init,pid=1}", "syscall.count{syscall=read}", "memory.used"];
        for factory in detectors(&Config::default()).unwrap() {
            let is_watched = |key: &str| {
                let key: MetricKey = key.parse().unwrap();
                let detector = factory.detector(&key, None);
                assert_eq!(factory.is_for(key.name()), detector.is_some());
                detector.is_some()
            };

            assert!(watched.into_iter().all(is_watched), "{}", factory.name());
            assert!(!unwatched.into_iter().any(is_watched), "{}", factory.name());
        }
    }
}
