//! Which interfaces are wanted, by their names.

use serde::{Deserialize, Serialize};

use crate::glob;

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
        let fits = |patterns: &[String]| patterns.iter().any(|pattern| glob::fits(pattern, name));
        !fits(&self.exclude) && (self.include.is_empty() || fits(&self.include))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exclusion_wins_over_inclusion() {
        let filter = InterfaceFilter { include: vec!["eth*".into()], exclude: vec!["eth1".into()] };

        assert!(filter.accepts("eth0") && !filter.accepts("eth1") && !filter.accepts("lo"));
        assert!(InterfaceFilter::default().accepts("anything"));
    }
}
