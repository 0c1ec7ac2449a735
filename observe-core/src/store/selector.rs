//! Which series are meant.

use regex_lite::Regex;

use crate::MetricKey;

/// Chooses series: by their keys, or by what their names and attributes are like.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Selector {
    /// These, whole.
    Keys(Vec<MetricKey>),
    /// Those for which every matcher holds.
    Matching(Vec<Matcher>),
}

/// Holds for a series by its name or one of its attributes. An attribute that is not there is the empty text.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Matcher {
    /// The attribute; `None` is the metric's name.
    pub attribute: Option<String>,
    test: Test,
    is_negated: bool,
}

#[derive(Clone, Debug)]
enum Test {
    Equal(String),
    Like(Regex),
}

/// Says why a text does not select series.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSelector {
    /// A regular expression is not one, or too large.
    #[error("{pattern:?} is not a regular expression that can be used: {reason}")]
    Pattern {
        /// The expression.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The text is not of the form `name{key=value,key!=value,key=~pattern,key!~pattern}`.
    #[error("selector is not of the form name{{key=value,…}} near byte {at}")]
    Syntax {
        /// Where the text stops to make sense, in bytes from its start.
        at: usize,
    },
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

    /// Returns the one name that all chosen series have, where that is known.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Keys(keys) => {
                let (first, rest) = keys.split_first()?;
                rest.iter().all(|key| key.name() == first.name()).then_some(first.name())
            }
            Self::Matching(matchers) => matchers.iter().find_map(|matcher| match &matcher.test {
                Test::Equal(name) if matcher.attribute.is_none() && !matcher.is_negated => Some(name.as_str()),
                _ => None,
            }),
        }
    }
}

impl Matcher {
    /// Holds where the attribute, or with `None` the name, is `value`.
    #[must_use]
    pub fn equal(attribute: Option<&str>, value: impl Into<String>) -> Self {
        Self { attribute: attribute.map(str::to_owned), test: Test::Equal(value.into()), is_negated: false }
    }

    /// Holds where the whole attribute, or with `None` the whole name, is like the regular expression. It is matched in
    /// time linear in the length of the text.
    ///
    /// # Errors
    ///
    /// Refuses what is not a regular expression, or too large.
    pub fn like(attribute: Option<&str>, pattern: &str) -> Result<Self, InvalidSelector> {
        let invalid = |reason: String| InvalidSelector::Pattern { pattern: pattern.chars().take(64).collect(), reason };
        let whole = format!("^(?:{pattern})$");
        let built = regex_lite::RegexBuilder::new(&whole).size_limit(MAX_PATTERN_BYTES).build();
        let regex = built.map_err(|error| invalid(error.to_string()))?;
        Ok(Self { attribute: attribute.map(str::to_owned), test: Test::Like(regex), is_negated: false })
    }

    /// Holds where this one does not.
    #[must_use]
    pub fn negated(self) -> Self {
        Self { is_negated: !self.is_negated, ..self }
    }

    /// Returns whether it holds for a series.
    #[must_use]
    pub fn matches(&self, key: &MetricKey) -> bool {
        let text = match &self.attribute {
            Some(attribute) => key.attributes().value(attribute).unwrap_or_default(),
            None => key.name(),
        };
        let holds = match &self.test {
            Test::Equal(value) => value == text,
            Test::Like(regex) => regex.is_match(text),
        };
        holds != self.is_negated
    }
}

/// What the program of one regular expression may take.
const MAX_PATTERN_BYTES: usize = 1 << 20;
