//! Which metrics a detector watches.

use crate::InvalidConfig;

/// Patterns of metric names, in which `*` stands for anything.
#[derive(Debug)]
pub(crate) struct Patterns(Vec<String>);

impl Patterns {
    /// Checks the patterns that stand in the settings under `key`.
    pub(crate) fn new(key: &'static str, patterns: &[String]) -> Result<Self, InvalidConfig> {
        match patterns.iter().find(|pattern| !is_pattern(pattern)) {
            Some(pattern) => Err(InvalidConfig::Pattern { key, pattern: pattern.clone() }),
            None => Ok(Self(patterns.to_vec())),
        }
    }

    /// Returns whether a pattern matches the whole of a metric's name.
    pub(crate) fn match_name(&self, name: &str) -> bool {
        self.0.iter().any(|pattern| matches(pattern, name))
    }
}

fn is_pattern(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-*".contains(&byte);
    (1..=255).contains(&text.len()) && text.bytes().all(fits)
}

/// Returns whether a pattern matches the whole of a name.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let (middle, last) = tail.rsplit_once('*').unwrap_or(("", tail));
    let Some(mut rest) = name.strip_prefix(head).and_then(|rest| rest.strip_suffix(last)) else {
        return false;
    };
    middle.split('*').all(|part| match rest.split_once(part) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_star_stands_for_anything_and_the_whole_name_has_to_match() {
        for (pattern, name, expected) in [
            ("cpu.total", "cpu.total", true),
            ("cpu.total", "cpu.totals", false),
            ("*", "cpu.total", true),
            ("cpu.*", "cpu.total", true),
            ("cpu.*", "cpu.", true),
            ("cpu.*", "gpu.total", false),
            ("*.percent", "disk.percent", true),
            ("disk.*_per_sec", "disk.read_bytes_per_sec", true),
            ("d*.*b*_sec", "disk.read_bytes_per_sec", true),
            ("d*.*q*_sec", "disk.read_bytes_per_sec", false),
            ("a*a", "a", false),
            ("a**a", "aa", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn patterns_that_can_match_no_name_are_refused() {
        for bad in ["", "disk.percent{mountpoint=/}", "cpu total", "größe", &"x".repeat(256)] {
            let refused = Patterns::new("ml.trend.metrics", &["cpu.*".into(), bad.to_owned()]);

            assert_eq!(
                refused.unwrap_err(),
                InvalidConfig::Pattern { key: "ml.trend.metrics", pattern: bad.to_owned() }
            );
        }
    }

    proptest! {
        #[test]
        fn matching_is_that_of_the_textbook(pattern in "[ab*]{1,6}", name in "[ab]{0,8}") {
            prop_assert_eq!(matches(&pattern, &name), textbook(pattern.as_bytes(), name.as_bytes()));
        }
    }

    fn textbook(pattern: &[u8], name: &[u8]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some((b'*', rest)) => (0..=name.len()).any(|skipped| textbook(rest, &name[skipped..])),
            Some((byte, rest)) => name.first() == Some(byte) && textbook(rest, &name[1..]),
        }
    }
}
