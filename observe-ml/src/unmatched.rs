//! Patterns in the settings that no known metric has a name for.

use observe_core::names;
use strsim::damerau_levenshtein;

use crate::{Config, patterns};

/// A pattern that matches none of the metrics that ship. A collector of an embedder may still bring one that it matches.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Unmatched {
    /// The setting: `ml.zscore.metrics`.
    pub key: &'static str,
    /// The pattern.
    pub pattern: String,
    /// What is spelled most like it, if anything is: a name, or a pattern that matches some.
    pub nearest: Option<String>,
}

/// Finds the patterns that match no metric that ships.
///
/// # Examples
///
/// ```
/// use observe_ml::{Config, unmatched};
///
/// let mut config = Config::default();
/// config.zscore.metrics = vec!["cpu.totl".into(), "memory.*".into()];
///
/// let found = unmatched(&config);
///
/// assert_eq!(found.len(), 1);
/// assert_eq!(found[0].nearest.as_deref(), Some("cpu.total"));
/// ```
#[must_use]
pub fn unmatched(config: &Config) -> Vec<Unmatched> {
    let lists = [("ml.zscore.metrics", &config.zscore.metrics), ("ml.trend.metrics", &config.trend.metrics)];
    let all = lists.into_iter().flat_map(|(key, list)| list.iter().map(move |pattern| (key, pattern)));
    all.filter(|(_, pattern)| !names::all().any(|metric| patterns::matches(pattern, &metric.name)))
        .map(|(key, pattern)| Unmatched { key, pattern: pattern.clone(), nearest: nearest(pattern) })
        .collect()
}

/// Compares a name with names, and a pattern with the patterns that begin or end as names do.
fn nearest(pattern: &str) -> Option<String> {
    let is_pattern = pattern.contains('*');
    let candidates = names::all().flat_map(|metric| {
        let name: &str = &metric.name;
        let begins = name.match_indices('.').filter_map(|(at, _)| name.get(..=at)).map(|start| format!("{start}*"));
        let ends = name.rsplit_once('.').map(|(_, last)| format!("*.{last}"));
        let names = (!is_pattern).then(|| name.to_owned());
        names.into_iter().chain(begins.chain(ends).filter(move |_| is_pattern))
    });
    let measured = candidates.map(|candidate| (damerau_levenshtein(pattern, &candidate), candidate));
    let (distance, candidate) = measured.min_by_key(|(distance, _)| *distance)?;
    (distance <= 1 + pattern.len() / 4).then_some(candidate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{TrendConfig, ZscoreConfig};

    #[test]
    fn the_defaults_all_match() {
        assert_eq!(unmatched(&Config::default()), []);
    }

    #[test]
    fn a_pattern_of_either_detector_is_found_with_its_neighbour() {
        for (pattern, expected) in [
            ("cpu.totl", Some("cpu.total")),
            ("memroy.percent", Some("memory.percent")),
            ("cpus.*", Some("cpu.*")),
            ("*.percnt", Some("*.percent")),
            ("spool.jobs", None),
            ("*spool*", None),
        ] {
            let metrics = vec![pattern.to_owned(), "*".to_owned()];
            let zscore = ZscoreConfig { metrics: metrics.clone(), ..ZscoreConfig::default() };
            let trend = TrendConfig { metrics, ..TrendConfig::default() };

            let found = unmatched(&Config { zscore, trend, ..Config::default() });

            let keys: Vec<&str> = found.iter().map(|unmatched| unmatched.key).collect();
            assert_eq!(keys, ["ml.zscore.metrics", "ml.trend.metrics"]);
            assert!(found.iter().all(|one| one.pattern == pattern && one.nearest.as_deref() == expected), "{found:?}");
        }
    }
}
