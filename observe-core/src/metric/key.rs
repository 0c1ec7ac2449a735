//! The text form of a series' identity.

use std::{borrow::Cow, fmt, str::FromStr};

use super::{
    Scanner,
    attributes::{Attributes, InvalidAttribute, is_name_character},
};

/// Names one series: a metric's name and the attributes of the series, as in `disk.read_bytes{device=sda}`.
///
/// This is the one spelling of a series in the HTTP interface, in rules, files and Python.
///
/// # Examples
///
/// ```
/// use observe_core::MetricKey;
///
/// let key: MetricKey = "process.cpu{pid=1,name=init}".parse()?;
///
/// assert_eq!(key.name(), "process.cpu");
/// assert_eq!(key.attributes().value("pid"), Some("1"));
/// assert_eq!(key.to_string(), "process.cpu{name=init,pid=1}");
/// # Ok::<(), observe_core::InvalidMetricKey>(())
/// ```
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct MetricKey {
    name: Cow<'static, str>,
    attributes: Attributes,
}

/// Says why a text is not a metric key.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidMetricKey {
    /// The attributes are not well formed.
    #[error("attributes of the metric key are not valid")]
    Attributes(#[from] InvalidAttribute),
    /// The name is empty, too long, or has other characters than letters, digits, `_`, `.` and `-`.
    #[error("metric name is not made of 1 to 255 letters, digits, `_`, `.` and `-`")]
    Name,
    /// The part in braces is not a list of `key=value`.
    #[error("metric key is not of the form name{{key=value,…}} near byte {at}")]
    Syntax {
        /// Where the text stops to make sense, in bytes from its start.
        at: usize,
    },
}

impl MetricKey {
    /// Makes a key from its parts.
    ///
    /// # Errors
    ///
    /// Refuses a name that is empty, above 255 bytes, or has other characters than letters, digits, `_`, `.` and `-`.
    pub fn new(name: impl Into<Cow<'static, str>>, attributes: Attributes) -> Result<Self, InvalidMetricKey> {
        let name = name.into();
        let well_formed = (1..=255).contains(&name.len()) && name.chars().all(is_name_character);
        if well_formed { Ok(Self { name, attributes }) } else { Err(InvalidMetricKey::Name) }
    }

    /// Makes the key of a series whose metric has already been checked.
    pub(crate) const fn from_checked(name: Cow<'static, str>, attributes: Attributes) -> Self {
        Self { name, attributes }
    }

    /// Returns the metric's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the attributes of the series.
    #[must_use]
    pub const fn attributes(&self) -> &Attributes {
        &self.attributes
    }
}

impl fmt::Debug for MetricKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for MetricKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.name, self.attributes)
    }
}

impl FromStr for MetricKey {
    type Err = InvalidMetricKey;

    fn from_str(text: &str) -> Result<Self, InvalidMetricKey> {
        let (name, pairs) = split(text).map_err(|at| InvalidMetricKey::Syntax { at })?;
        let pairs = pairs.into_iter().map(|(key, value)| (key.to_owned(), value));
        Self::new(name.to_owned(), Attributes::new(pairs)?)
    }
}

/// Splits a text of the form `name{key=value,…}`; where it is not, the answer is the place.
pub(crate) fn split(text: &str) -> Result<(&str, Pairs<'_>), usize> {
    let mut scanner = Scanner::new(text);
    let name = scanner.until_brace();
    if scanner.is_done() {
        return Ok((name, Vec::new()));
    }
    scanner.expect("{")?;
    Ok((name, pairs(&mut scanner)?))
}

/// The attributes in the text of a key.
pub(crate) type Pairs<'a> = Vec<(&'a str, String)>;

/// Reads the part of a key behind the brace.
fn pairs<'a>(scanner: &mut Scanner<'a>) -> Result<Pairs<'a>, usize> {
    let mut pairs = Vec::new();
    if scanner.ends() {
        return Ok(pairs);
    }
    loop {
        let key = scanner.name();
        scanner.expect("=")?;
        pairs.push((key, scanner.value()?));
        if scanner.ends() {
            return Ok(pairs);
        }
        if pairs.len() > Attributes::MAX_LEN {
            return Err(scanner.at());
        }
        scanner.expect(",")?;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_without_attributes_need_no_braces() {
        let key: MetricKey = "cpu.total".parse().unwrap();

        assert_eq!(key, "cpu.total{}".parse().unwrap());
        assert_eq!(key.to_string(), "cpu.total");
    }

    #[test]
    fn malformed_keys_say_where() {
        for (text, at) in [("a{", 2), ("a{b}", 3), ("a{b=1", 5), ("a{b=1,}", 6), ("a{b=\"x", 4), ("a{b=1}c", 5)] {
            assert_eq!(text.parse::<MetricKey>(), Err(InvalidMetricKey::Syntax { at }), "{text}");
        }
        assert_eq!("".parse::<MetricKey>(), Err(InvalidMetricKey::Name));
        assert_eq!("a b".parse::<MetricKey>(), Err(InvalidMetricKey::Name));
    }

    proptest! {
        #[test]
        fn any_key_survives_its_text_form(name in "[a-z][a-z0-9_.]{0,20}", values in proptest::collection::btree_map("[a-z]{1,8}", ".{0,20}", 0..5)) {
            let key = MetricKey::new(name, Attributes::new(values).unwrap()).unwrap();

            prop_assert_eq!(key.to_string().parse::<MetricKey>(), Ok(key));
        }

        #[test]
        fn no_text_panics(text in ".{0,60}") {
            let _ = text.parse::<MetricKey>();
        }
    }
}
