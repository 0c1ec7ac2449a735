//! One condition on a series.

use std::fmt;

use regex_lite::{Regex, RegexBuilder};

use super::InvalidSelector;
use crate::{MetricKey, metric::Written};

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
    Like { pattern: String, whole: Regex },
    Prefix(String),
}

impl Matcher {
    /// The most bytes in a regular expression.
    pub const MAX_PATTERN_BYTES: usize = 1024;

    /// Holds where the attribute, or with `None` the name, is `value`.
    #[must_use]
    pub fn equal(attribute: Option<&str>, value: impl Into<String>) -> Self {
        Self::new(attribute, Test::Equal(value.into()))
    }

    /// Holds where the attribute, or with `None` the name, begins with `prefix`.
    #[must_use]
    pub fn prefix(attribute: Option<&str>, prefix: impl Into<String>) -> Self {
        Self::new(attribute, Test::Prefix(prefix.into()))
    }

    /// Holds where the whole attribute, or with `None` the whole name, is like the regular expression. It is matched in
    /// time linear in the length of the text.
    ///
    /// # Errors
    ///
    /// Refuses what is not a regular expression, or too large.
    pub fn like(attribute: Option<&str>, pattern: &str) -> Result<Self, InvalidSelector> {
        let invalid = |reason: String| InvalidSelector::Pattern { pattern: pattern.chars().take(64).collect(), reason };
        if pattern.len() > Self::MAX_PATTERN_BYTES {
            return Err(invalid(format!("it has more than {} bytes", Self::MAX_PATTERN_BYTES)));
        }
        let build = |pattern: &str| RegexBuilder::new(pattern).size_limit(MAX_PROGRAM_BYTES).build();
        // Alone first: with the parentheses of another, `a)|(b` would be one too.
        let built = build(pattern).and_then(|_| build(&format!("^(?:{pattern})$")));
        let whole = built.map_err(|error| invalid(error.to_string()))?;
        Ok(Self::new(attribute, Test::Like { pattern: pattern.to_owned(), whole }))
    }

    /// Holds where the attribute, or with `None` the name, is one of these.
    pub(crate) fn any_of(attribute: Option<&str>, values: &[&str]) -> Result<Self, InvalidSelector> {
        let escaped: Vec<String> = values.iter().map(|value| regex_lite::escape(value)).collect();
        Self::like(attribute, &escaped.join("|"))
    }

    /// Holds where this one does not.
    #[must_use]
    pub fn negated(self) -> Self {
        Self { is_negated: !self.is_negated, ..self }
    }

    /// Returns whether it holds for a series.
    #[must_use]
    pub fn matches(&self, key: &MetricKey) -> bool {
        self.holds(match &self.attribute {
            Some(attribute) => key.attributes().value(attribute).unwrap_or_default(),
            None => key.name(),
        })
    }

    /// Returns whether it could hold for a series of this name.
    pub(super) fn matches_name(&self, name: &str) -> bool {
        self.attribute.is_some() || self.holds(name)
    }

    /// Returns the name that it asks for, where it asks for one.
    pub(super) fn name(&self) -> Option<&str> {
        match &self.test {
            Test::Equal(name) if self.attribute.is_none() && !self.is_negated => Some(name),
            _ => None,
        }
    }

    fn new(attribute: Option<&str>, test: Test) -> Self {
        Self { attribute: attribute.map(str::to_owned), test, is_negated: false }
    }

    fn holds(&self, text: &str) -> bool {
        let holds = match &self.test {
            Test::Equal(value) => value == text,
            Test::Like { whole, .. } => whole.is_match(text),
            Test::Prefix(prefix) => text.starts_with(&**prefix),
        };
        holds != self.is_negated
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attribute = self.attribute.as_deref().unwrap_or(NAME);
        let (is, is_not) = if matches!(self.test, Test::Equal(_)) { ("=", "!=") } else { ("=~", "!~") };
        let operator = if self.is_negated { is_not } else { is };
        match &self.test {
            Test::Equal(value) => write!(f, "{attribute}{operator}{}", Written(value)),
            Test::Like { pattern, .. } => write!(f, "{attribute}{operator}{}", Written(pattern)),
            Test::Prefix(prefix) => {
                write!(f, "{attribute}{operator}{}", Written(&format!("{}(?s:.*)", regex_lite::escape(prefix))))
            }
        }
    }
}

/// What the name is called among the attributes.
pub(super) const NAME: &str = "__name__";
/// What the program of one regular expression may take.
const MAX_PROGRAM_BYTES: usize = 1 << 16;
