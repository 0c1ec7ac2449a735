//! Many rows in few statements.

use observe_core::StoreError;

use super::{Dialect, Statement, Transaction, Value};

/// Where rows go, and what becomes of one that is there already.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Insert {
    /// The verb and the table: `INSERT INTO head`.
    pub(crate) into: &'static str,
    /// Its columns. One of the form `name=expression` has the expression bound with `?` in place of the value.
    pub(crate) columns: &'static [&'static str],
    /// What follows the rows: `ON CONFLICT DO NOTHING`.
    pub(crate) conflict: &'static str,
}

impl Transaction {
    /// Inserts rows, 250 with one statement. `values` are those of all rows, one row after the other. Returns how many
    /// rows were written.
    pub(crate) async fn insert_many(&mut self, insert: &Insert, values: &[Value<'_>]) -> Result<u64, StoreError> {
        let width = insert.columns.len().max(1);
        let mut written = 0;
        for rows in values.chunks(width * ROWS) {
            let count = rows.len() / width;
            let statement = Statement::built(insert.sql(self.dialect(), count));
            // Every number of rows is a statement of its own. Only these come again and again.
            let statement = if count == ROWS || count == 1 { statement } else { statement.once() };
            written += self.execute(statement, rows).await?;
        }
        Ok(written)
    }
}

impl Insert {
    fn sql(&self, dialect: Dialect, rows: usize) -> String {
        let names: Vec<&str> =
            self.columns.iter().map(|column| column.split_once('=').map_or(*column, |(name, _)| name)).collect();
        let mut sql = format!("{}({}) VALUES", self.into, names.join(","));
        let mut number = 0;
        for row in 0..rows {
            sql.push(if row == 0 { '(' } else { ',' });
            if row > 0 {
                sql.push('(');
            }
            for (index, column) in self.columns.iter().enumerate() {
                number += 1;
                sql.push_str(if index == 0 { "" } else { "," });
                let (before, after) =
                    column.split_once('=').and_then(|(_, expression)| expression.split_once('?')).unwrap_or_default();
                sql.push_str(before);
                match dialect {
                    Dialect::Postgres => sql.push_str(&format!("${number}")),
                    // To look for a name SQLite goes through all of them: with names a row took ten times as long.
                    Dialect::Sqlite => sql.push('?'),
                }
                sql.push_str(after);
            }
            sql.push(')');
        }
        sql.push(' ');
        sql.push_str(self.conflict);
        sql
    }
}

/// More make a statement no cheaper per row, but longer to keep.
const ROWS: usize = 250;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_follow_each_other() {
        let insert = Insert { into: "INSERT INTO t", columns: &["a", "b=f(?)"], conflict: "ON CONFLICT DO NOTHING" };

        let postgres = "INSERT INTO t(a,b) VALUES($1,f($2)),($3,f($4)) ON CONFLICT DO NOTHING";
        assert_eq!(insert.sql(Dialect::Postgres, 2), postgres);
        let sqlite = "INSERT INTO t(a,b) VALUES(?,f(?)),(?,f(?)) ON CONFLICT DO NOTHING";
        assert_eq!(insert.sql(Dialect::Sqlite, 2), sqlite);
    }
}
