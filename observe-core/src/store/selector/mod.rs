//! Which series are meant.

mod matcher;
mod text;

pub use self::{matcher::Matcher, text::InvalidSelector};
use crate::MetricKey;

/// Chooses series: by their keys, or by what their names and attributes are like.
///
/// The text form is `name{key=value,key!=value,key=~"pattern",key!~"pattern"}`; the name is also the attribute
/// `__name__`. Read from text, a selector chooses all series that match: `disk.read_bytes` those of every device.
///
/// # Examples
///
/// ```
/// use observe_core::{MetricKey, Selector};
///
/// let selector: Selector = r#"disk.read_bytes{device=~"sd."}"#.parse()?;
/// let all: Selector = r#"{__name__=~"disk\\..*"}"#.parse()?;
/// let key: MetricKey = "disk.read_bytes{device=sda}".parse()?;
///
/// assert!(selector.matches(&key) && all.matches(&key));
/// assert_eq!(selector.name(), Some("disk.read_bytes"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Selector {
    /// These, whole.
    Keys(Vec<MetricKey>),
    /// Those for which every matcher holds.
    Matching(Vec<Matcher>),
}

impl Selector {
    /// Chooses one series.
    #[must_use]
    pub fn key(key: MetricKey) -> Self {
        Self::Keys(vec![key])
    }

    /// Returns whether a series is chosen.
    #[must_use]
    pub fn matches(&self, key: &MetricKey) -> bool {
        match self {
            Self::Keys(keys) => keys.contains(key),
            Self::Matching(matchers) => matchers.iter().all(|matcher| matcher.matches(key)),
        }
    }

    /// Returns whether a series of this name could be chosen.
    #[must_use]
    pub fn matches_name(&self, name: &str) -> bool {
        match self {
            Self::Keys(keys) => keys.iter().any(|key| key.name() == name),
            Self::Matching(matchers) => matchers.iter().all(|matcher| matcher.matches_name(name)),
        }
    }

    /// Returns the one name that all chosen series have, where that is known.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Keys(keys) => {
                let (first, rest) = keys.split_first()?;
                rest.iter().all(|key| key.name() == first.name()).then_some(first.name())
            }
            Self::Matching(matchers) => matchers.iter().find_map(Matcher::name),
        }
    }
}
