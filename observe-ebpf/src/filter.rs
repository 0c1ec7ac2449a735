//! Which interfaces are wanted, by their names.

use serde::{Deserialize, Serialize};

/// Accepts names by patterns, in which `*` stands for any characters, none included.
///
/// A name that a pattern of `exclude` fits is refused. Any other is accepted when `include` is empty or one of its
/// patterns fits.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct InterfaceFilter {
    /// Patterns of wanted names; none means all.
    pub include: Vec<String>,
    /// Patterns of unwanted names; they win over `include`.
    pub exclude: Vec<String>,
}

impl InterfaceFilter {
    /// Returns whether the interface called `name` is wanted.
    #[must_use]
    pub fn accepts(&self, name: &str) -> bool {
        let fits = |patterns: &[String]| patterns.iter().any(|pattern| fits(pattern, name));
        !fits(&self.exclude) && (self.include.is_empty() || fits(&self.include))
    }
}

/// Tells whether the whole name fits: what is between stars is looked for from left to right, nothing twice.
fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_fits_whole_names() {
        for (pattern, name) in [("lo", "lo"), ("veth*", "veth1a"), ("*", ""), ("*0", "eth0"), ("e*h*", "eth1")] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("lo", "lo0"), ("veth*", "xveth"), ("a*a", "a"), ("", "x"), ("e*h*1", "e1h")] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn exclusion_wins_over_inclusion() {
        let filter = InterfaceFilter { include: vec!["eth*".into()], exclude: vec!["eth1".into()] };

        assert!(filter.accepts("eth0") && !filter.accepts("eth1") && !filter.accepts("lo"));
        assert!(InterfaceFilter::default().accepts("anything"));
    }
}
