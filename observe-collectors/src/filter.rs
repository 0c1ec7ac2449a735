//! Which names of devices, interfaces or filesystems are wanted.

use serde::{Deserialize, Serialize};

/// Accepts names by patterns, in which `*` stands for any characters, none included.
///
/// A name that matches a pattern of `exclude` is refused. Any other is accepted when `include` is empty or one of its
/// patterns matches.
///
/// # Examples
///
/// ```
/// use observe_collectors::NameFilter;
///
/// let filter = NameFilter { include: vec!["sd*".into()], exclude: vec!["*1".into()] };
///
/// assert!(filter.accepts("sda"));
/// assert!(!filter.accepts("sda1"));
/// assert!(!filter.accepts("nvme0n1"));
/// ```
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct NameFilter {
    /// Patterns of wanted names; none means all.
    pub include: Vec<String>,
    /// Patterns of unwanted names; they win over `include`.
    pub exclude: Vec<String>,
}

impl NameFilter {
    /// Makes a filter that accepts everything but what the patterns match.
    #[must_use]
    pub fn excluding(patterns: &[&str]) -> Self {
        Self { include: Vec::new(), exclude: patterns.iter().map(|&pattern| pattern.to_owned()).collect() }
    }

    /// Returns whether `name` is wanted.
    #[must_use]
    pub fn accepts(&self, name: &str) -> bool {
        !self.excludes(name) && (self.include.is_empty() || self.includes(name))
    }

    /// Returns whether a pattern of `exclude` matches.
    #[must_use]
    pub fn excludes(&self, name: &str) -> bool {
        self.exclude.iter().any(|pattern| matches(pattern, name))
    }

    /// Returns whether a pattern of `include` matches.
    #[must_use]
    pub fn includes(&self, name: &str) -> bool {
        self.include.iter().any(|pattern| matches(pattern, name))
    }
}

/// Tells whether the whole name fits the pattern.
///
/// The parts between stars are looked for from left to right, each as early as possible. Nothing is tried twice, so
/// the time is linear whatever the pattern.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((prefix, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let (middle, suffix) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(mut name) = name.strip_prefix(prefix).and_then(|name| name.strip_suffix(suffix)) else {
        return false;
    };
    for part in middle.split('*') {
        let Some(at) = name.find(part) else {
            return false;
        };
        name = name.get(at + part.len()..).unwrap_or("");
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_empty_filter_accepts_everything() {
        assert!(NameFilter::default().accepts("eth0") && NameFilter::default().accepts(""));
    }

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, name) in
            [("sda", "sda"), ("*", ""), ("*", "x"), ("loop*", "loop0"), ("*1", "sda1"), ("a*b*c", "aXbYc"), ("**", "q")]
        {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("sda", "sda1"), ("loop*", "xloop0"), ("*1", "sda12"), ("a*b*c", "acb"), ("a*a", "a"), ("", "x")]
        {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn exclusion_wins_over_inclusion() {
        let filter = NameFilter { include: vec!["eth*".into()], exclude: vec!["eth1".into()] };

        assert!(filter.accepts("eth0"));
        assert!(!filter.accepts("eth1") && !filter.accepts("wlan0"));
    }

    #[test]
    fn many_stars_do_not_make_matching_slow() {
        let pattern = "a*".repeat(2_000) + "b";
        let name = "a".repeat(20_000);

        assert!(!matches(&pattern, &name));
    }

    proptest! {
        #[test]
        fn any_name_matches_itself_with_stars_put_in(name in "[^*]{0,20}", cut in 0..20_usize) {
            let cut = (0..=cut.min(name.len())).rev().find(|at| name.is_char_boundary(*at)).unwrap_or(0);
            let pattern = format!("{}*{}", &name[..cut], &name[cut..]);

            prop_assert!(matches(&pattern, &name));
        }
    }
}
