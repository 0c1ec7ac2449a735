//! What is bound to a statement.

use std::borrow::Cow;

use sqlx::{Arguments as _, postgres::PgArguments, sqlite::SqliteArguments};

/// A value that takes the place of `$1` in a statement. A null has a type too, because PostgreSQL wants one.
///
/// PostgreSQL's text cannot hold the character NUL; so that both databases hold the same, U+FFFD is stored for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    /// Bytes.
    Blob(&'a [u8]),
    /// A float. SQLite keeps a NaN as a null.
    Float(f64),
    /// An integer.
    Int(i64),
    /// No bytes.
    NullBlob,
    /// No float.
    NullFloat,
    /// No integer.
    NullInt,
    /// No text.
    NullText,
    /// Text.
    Text(&'a str),
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Blob(bytes)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl From<f64> for Value<'_> {
    fn from(float: f64) -> Self {
        Self::Float(float)
    }
}

impl From<i64> for Value<'_> {
    fn from(int: i64) -> Self {
        Self::Int(int)
    }
}

impl<'a> From<Option<&'a [u8]>> for Value<'a> {
    fn from(bytes: Option<&'a [u8]>) -> Self {
        bytes.map_or(Self::NullBlob, Self::Blob)
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(text: Option<&'a str>) -> Self {
        text.map_or(Self::NullText, Self::Text)
    }
}

impl From<Option<f64>> for Value<'_> {
    fn from(float: Option<f64>) -> Self {
        float.map_or(Self::NullFloat, Self::Float)
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(int: Option<i64>) -> Self {
        int.map_or(Self::NullInt, Self::Int)
    }
}

/// Declares how a database's driver takes values; the drivers share no trait that could say it once.
macro_rules! arguments {
    ($function:ident, $arguments:ty) => {
        pub(super) fn $function(values: &[Value<'_>]) -> Result<$arguments, sqlx::Error> {
            let mut arguments = <$arguments>::default();
            arguments.reserve(values.len(), 0);
            for value in values {
                match *value {
                    Value::Blob(bytes) => arguments.add(bytes),
                    Value::Float(float) => arguments.add(float),
                    Value::Int(int) => arguments.add(int),
                    Value::NullBlob => arguments.add(None::<&[u8]>),
                    Value::NullFloat => arguments.add(None::<f64>),
                    Value::NullInt => arguments.add(None::<i64>),
                    Value::NullText => arguments.add(None::<&str>),
                    Value::Text(text) => arguments.add(&*storable(text)),
                }
                .map_err(sqlx::Error::Encode)?;
            }
            Ok(arguments)
        }
    };
}

arguments!(postgres_arguments, PgArguments);
arguments!(sqlite_arguments, SqliteArguments);

/// Returns a text as the databases hold it.
pub(crate) fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}
