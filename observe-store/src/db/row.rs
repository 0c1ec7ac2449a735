//! Rows of an answer.

use observe_core::StoreError;
use sqlx::{Row as _, postgres::PgRow, sqlite::SqliteRow};

use super::Label;

/// One row of an answer. Columns are read by their place; what does not fit is an error.
pub(crate) struct Row<'a> {
    pub(super) columns: Columns<'a>,
    pub(super) label: &'a Label,
}

pub(super) enum Columns<'a> {
    Postgres(&'a PgRow),
    Sqlite(&'a SqliteRow),
}

/// Declares how a column is read that must be there, and one that may be null.
macro_rules! columns {
    ($($function:ident $optional:ident $type:ty, $what:literal;)+) => {
        $(
            #[doc = concat!("Returns ", $what, ".")]
            pub(crate) fn $function(&self, column: usize) -> Result<$type, StoreError> {
                // Asked for a number where there is none, the driver of SQLite answers zero.
                self.$optional(column)?.ok_or_else(|| self.label.corrupt(format!("column {column} of a row is null")))
            }

            #[doc = concat!("Returns ", $what, ", or `None` where it is null.")]
            pub(crate) fn $optional(&self, column: usize) -> Result<Option<$type>, StoreError> {
                match self.columns {
                    Columns::Postgres(row) => row.try_get(column),
                    Columns::Sqlite(row) => row.try_get(column),
                }
                .map_err(|error| self.label.translate(error))
            }
        )+
    };
}

impl Row<'_> {
    columns! {
        blob optional_blob &[u8], "bytes";
        int optional_int i64, "an integer";
        text optional_text &str, "text";
    }
}

#[cfg_attr(not(test), expect(dead_code, reason = "only alerts hold floats, and nothing reads them yet"))]
impl Row<'_> {
    columns! {
        float optional_float f64, "a float";
    }
}

impl std::fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Row")
    }
}
