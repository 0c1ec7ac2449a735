//! Key-value pairs that tell one series of a metric from another.

use std::{
    borrow::Cow,
    cmp::Ordering,
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

/// A sorted, immutable, cheaply cloned set of attributes.
///
/// # Examples
///
/// ```
/// use observe_core::Attributes;
///
/// let disk = Attributes::new([("device", "sda")])?;
///
/// assert_eq!(disk.value("device"), Some("sda"));
/// assert_eq!(disk.to_string(), "{device=sda}");
/// # Ok::<(), observe_core::InvalidAttribute>(())
/// ```
#[derive(Clone)]
pub struct Attributes {
    list: Arc<[Attribute]>,
    /// Of the content, so that maps need not read it again. Maps hash it once more with a key of their own.
    hash: u64,
    /// What the set takes on the heap.
    size_bytes: usize,
}

/// One key-value pair of [`Attributes`].
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Attribute {
    /// The key: `device`.
    pub key: Cow<'static, str>,
    /// The value: `sda`.
    pub value: Box<str>,
}

/// Says why a set of attributes was refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidAttribute {
    /// A key stands twice in one set.
    #[error("attribute {key:?} is given twice")]
    Duplicate {
        /// The key.
        key: String,
    },
    /// A key has a character outside letters, digits, `_`, `.`, `-`, or is empty.
    #[error("attribute key {key:?} is not made of letters, digits, `_`, `.` and `-`")]
    Key {
        /// The key.
        key: String,
    },
    /// A set, a key or a value is longer than the limits of [`Attributes`].
    #[error("attribute {key:?} exceeds {limit}")]
    TooLong {
        /// The key.
        key: String,
        /// The limit that was exceeded.
        limit: &'static str,
    },
}

impl Attributes {
    /// The most attributes in one set.
    pub const MAX_LEN: usize = 64;
    /// The most bytes in one key or value.
    pub const MAX_VALUE_BYTES: usize = 1024;

    /// Makes a set from pairs in any order.
    ///
    /// # Errors
    ///
    /// Refuses keys given twice, keys of other characters than letters, digits, `_`, `.`, `-`, and anything above
    /// [`Self::MAX_LEN`] and [`Self::MAX_VALUE_BYTES`].
    pub fn new<K, V, I>(pairs: I) -> Result<Self, InvalidAttribute>
    where
        K: Into<Cow<'static, str>>,
        V: Into<Box<str>>,
        I: IntoIterator<Item = (K, V)>,
    {
        let mut attributes: Vec<Attribute> =
            pairs.into_iter().map(|(key, value)| Attribute { key: key.into(), value: value.into() }).collect();
        attributes.sort_unstable();
        check(&attributes)?;
        Ok(Self::from_checked(attributes))
    }

    /// Takes a list that is sorted and checked.
    fn from_checked(list: Vec<Attribute>) -> Self {
        let mut hasher = DefaultHasher::new();
        list.hash(&mut hasher);
        let text: usize = list.iter().map(|attribute| attribute.value.len() + owned_len(&attribute.key)).sum();
        let size_bytes = text + size_of_val(&*list);
        Self { list: list.into(), hash: hasher.finish(), size_bytes }
    }

    /// The set with nothing in it.
    #[must_use]
    pub fn empty() -> Self {
        Self::from_checked(Vec::new())
    }

    /// Returns whether there is nothing in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Returns the number of attributes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Returns the value under `key`.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&str> {
        self.iter().find(|attribute| attribute.key == key).map(|attribute| &*attribute.value)
    }

    /// Iterates in the order of keys.
    pub fn iter(&self) -> std::slice::Iter<'_, Attribute> {
        self.list.iter()
    }

    /// Returns both sets in one; where both have a key, the value of `other` stays.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        if other.is_empty() {
            return self.clone();
        }
        if self.is_empty() {
            return other.clone();
        }
        let mut merged: Vec<Attribute> = self
            .iter()
            .filter(|attribute| other.value(&attribute.key).is_none())
            .chain(other.iter())
            .cloned()
            .collect();
        merged.sort_unstable();
        Self::from_checked(merged)
    }

    /// Returns this set without the attributes that `other` has with the same value; `None` where one is missing.
    #[must_use]
    pub fn without(&self, other: &Self) -> Option<Self> {
        if other.is_empty() {
            return Some(self.clone());
        }
        let all_present = other.iter().all(|attribute| self.value(&attribute.key) == Some(&*attribute.value));
        let rest = self.iter().filter(|attribute| other.value(&attribute.key).is_none());
        all_present.then(|| Self::from_checked(rest.cloned().collect()))
    }

    /// Returns the bytes that the set takes on the heap.
    #[must_use]
    pub const fn size_bytes(&self) -> usize {
        self.size_bytes
    }
}

impl Eq for Attributes {}

impl PartialEq for Attributes {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.list, &other.list) || (self.hash == other.hash && self.list == other.list)
    }
}

impl Hash for Attributes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Ord for Attributes {
    fn cmp(&self, other: &Self) -> Ordering {
        self.list.cmp(&other.list)
    }
}

impl PartialOrd for Attributes {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Default for Attributes {
    fn default() -> Self {
        Self::empty()
    }
}

impl fmt::Debug for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Attributes {
    /// Writes `{key=value,…}`, and nothing for the empty set. A value with other characters than letters, digits and
    /// `_ . - / : @` stands in double quotes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Attribute { key, value }) in self.iter().enumerate() {
            f.write_str(if index == 0 { "{" } else { "," })?;
            write!(f, "{key}={}", Written(value))?;
        }
        f.write_str(if self.is_empty() { "" } else { "}" })
    }
}

impl<'a> IntoIterator for &'a Attributes {
    type IntoIter = std::slice::Iter<'a, Attribute>;
    type Item = &'a Attribute;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Writes a value, in quotes and with `\`, `"` and line ends escaped where it has to be.
pub(crate) struct Written<'a>(pub(crate) &'a str);

impl fmt::Display for Written<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.is_empty() && self.0.chars().all(is_plain) {
            return f.write_str(self.0);
        }
        f.write_str("\"")?;
        self.0.chars().try_for_each(|character| match character {
            '\\' => f.write_str("\\\\"),
            '"' => f.write_str("\\\""),
            '\n' => f.write_str("\\n"),
            other => write!(f, "{other}"),
        })?;
        f.write_str("\"")
    }
}

/// Tells whether a character of a value may stand without quotes.
pub(super) fn is_plain(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '.' | '-' | '/' | ':' | '@')
}

/// Tells whether a character may stand in a key or a metric's name.
pub(crate) fn is_name_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '.' | '-')
}

fn check(attributes: &[Attribute]) -> Result<(), InvalidAttribute> {
    if let Some(excess) = attributes.get(Attributes::MAX_LEN) {
        return Err(InvalidAttribute::TooLong { key: excess.key.to_string(), limit: "64 attributes in one set" });
    }
    for (index, Attribute { key, value }) in attributes.iter().enumerate() {
        if key.is_empty() || !key.chars().all(is_name_character) {
            return Err(InvalidAttribute::Key { key: key.chars().take(64).collect() });
        }
        if key.len() > Attributes::MAX_VALUE_BYTES || value.len() > Attributes::MAX_VALUE_BYTES {
            return Err(InvalidAttribute::TooLong { key: key.chars().take(64).collect(), limit: "1024 bytes" });
        }
        if attributes.get(index + 1).is_some_and(|next| next.key == *key) {
            return Err(InvalidAttribute::Duplicate { key: key.to_string() });
        }
    }
    Ok(())
}

#[expect(clippy::ptr_arg, reason = "whether it is borrowed decides")]
fn owned_len(text: &Cow<'static, str>) -> usize {
    match text {
        Cow::Borrowed(_) => 0,
        Cow::Owned(text) => text.capacity(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_of_the_pairs_does_not_matter() {
        let one = Attributes::new([("name", "init"), ("pid", "1")]).unwrap();
        let other = Attributes::new([("pid", "1"), ("name", "init")]).unwrap();

        assert_eq!(one, other);
        assert_eq!(one.to_string(), "{name=init,pid=1}");
    }

    #[test]
    fn odd_values_are_quoted() {
        let odd = Attributes::new([("name", "a,b=\"c\"\n")]).unwrap();

        assert_eq!(odd.to_string(), r#"{name="a,b=\"c\"\n"}"#);
    }

    #[test]
    fn bad_sets_are_refused_by_name() {
        let twice = Attributes::new([("a", "1"), ("a", "2")]);
        let key = Attributes::new([("a b", "1")]);
        let long = Attributes::new([("a", "x".repeat(1025))]);
        let many = Attributes::new((0..65).map(|n| (format!("k{n}"), "v")));

        assert_eq!(twice, Err(InvalidAttribute::Duplicate { key: "a".into() }));
        assert!(matches!(key, Err(InvalidAttribute::Key { .. })));
        assert!(matches!(long, Err(InvalidAttribute::TooLong { .. })));
        assert!(matches!(many, Err(InvalidAttribute::TooLong { .. })));
    }

    #[test]
    fn union_and_without_are_inverse() {
        let subject = Attributes::new([("core", "0")]).unwrap();
        let column = Attributes::new([("state", "user")]).unwrap();

        let both = subject.union(&column);

        assert_eq!(both.without(&column), Some(subject));
        assert_eq!(both.without(&Attributes::new([("state", "idle")]).unwrap()), None);
    }
}
