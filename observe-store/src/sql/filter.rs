//! Which rows are asked for, and how the newest of them are fetched.

use observe_core::{EventId, StoreError, Timestamp};

use crate::db::{Row, Transaction, Value};

/// Where rows are that have an id in the order of time.
#[derive(Clone, Copy)]
pub(super) struct Table {
    /// Its name.
    pub(super) name: &'static str,
    /// The table, and what is joined to it.
    pub(super) from: &'static str,
    /// The column of the id.
    pub(super) id: &'static str,
    /// The column of the time.
    pub(super) time: &'static str,
    /// The columns that are read, after the id.
    pub(super) columns: &'static str,
}

/// The conditions for rows of a table, and what is bound to them.
pub(super) struct Filter<'a> {
    table: Table,
    conditions: String,
    values: Vec<Value<'a>>,
}

/// Of the rows that meet the conditions, which part is wanted.
#[derive(Clone, Copy)]
pub(super) struct Part {
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    pub(super) before: Option<EventId>,
    pub(super) after: Option<EventId>,
    pub(super) limit: usize,
}

impl<'a> Filter<'a> {
    pub(super) fn new(table: Table) -> Self {
        // The bounds of the id and the number of rows take the first three places.
        Self { table, conditions: String::new(), values: vec![Value::Int(i64::MAX), Value::Int(-1), Value::Int(0)] }
    }

    /// Adds a condition, in which `?` is the value.
    pub(super) fn and(&mut self, condition: &'static str, value: impl Into<Value<'a>>) {
        self.values.push(value.into());
        let (before, after) = condition.split_once('?').unwrap_or((condition, ""));
        self.conditions.push_str(&format!(" AND {before}${}{after}", self.values.len()));
    }

    /// Adds the condition that a column has one of some values.
    pub(super) fn and_in(&mut self, column: &'static str, values: impl IntoIterator<Item = &'a str>) {
        let first = self.values.len() + 1;
        self.values.extend(values.into_iter().map(Value::Text));
        let places: Vec<String> = (first..=self.values.len()).map(|place| format!("${place}")).collect();
        self.conditions.push_str(&format!(" AND {column} IN ({})", places.join(",")));
    }

    /// Fetches the newest rows, newest first. Those for which `read` returns nothing do not count.
    pub(super) async fn newest<T: Send + Unpin>(
        mut self,
        transaction: &mut Transaction,
        part: Part,
        mut read: impl FnMut(&Row<'_>) -> Result<Option<T>, StoreError> + Send,
    ) -> Result<Vec<T>, StoreError> {
        let Some((mut last, first)) = self.bounds(transaction, part).await? else { return Ok(Vec::new()) };
        let Table { from, id, columns, .. } = self.table;
        let conditions = &self.conditions;
        let sql = format!(
            "SELECT {id},{columns} FROM {from} WHERE {id}<$1 AND {id}>$2{conditions} ORDER BY {id} DESC LIMIT $3"
        );
        let mut found = Vec::new();
        while found.len() < part.limit {
            let size = (part.limit - found.len()).min(MAX_ROWS);
            let page = [Value::Int(last), Value::Int(first), Value::Int(size as i64)];
            self.values.splice(..page.len(), page);
            let read = |row: &Row<'_>| Ok((row.int(0)?, read(row)?));
            let rows = transaction.fetch_all(sql.clone(), &self.values, read).await?;
            let is_last = rows.len() < size;
            last = rows.last().map_or(last, |(id, _)| *id);
            found.extend(rows.into_iter().filter_map(|(_, row)| row));
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    /// Adds the condition for the time. Returns the ids between which the rows are, both exclusive; `None` where there
    /// are none.
    ///
    /// Rows are looked through in the order of ids. Times are nearly, but not quite in that order, so the index of times
    /// says where to begin and where to end.
    async fn bounds(&mut self, transaction: &mut Transaction, part: Part) -> Result<Option<(i64, i64)>, StoreError> {
        let below = part.before.map_or(i64::MAX, number);
        let above = part.after.map_or(-1, number);
        if part.start == Timestamp::MIN && part.end == Timestamp::MAX {
            return Ok(Some((below, above)));
        }
        let Table { name, time, .. } = self.table;
        let range = [part.start, part.end].map(|time| Value::Int(time.as_nanos()));
        // Without the sum PostgreSQL would go through the ids until a time fits.
        let sql = format!("SELECT MIN(id+0),MAX(id+0) FROM {name} WHERE {time}>=$1 AND {time}<$2");
        let bounds = transaction
            .fetch_first(sql, &range, |row| Ok(row.optional_int(0)?.zip(row.optional_int(1)?)))
            .await?
            .flatten();
        let first = self.values.len() + 1;
        self.values.extend(range);
        self.conditions.push_str(&format!(" AND {time}>=${first} AND {time}<${}", first + 1));
        Ok(bounds.map(|(first, last)| (below.min(last.saturating_add(1)), above.max(first - 1))))
    }
}

pub(super) const fn number(id: EventId) -> i64 {
    id.as_u64().cast_signed()
}

pub(super) const fn id(number: i64) -> EventId {
    EventId::from_u64(number.cast_unsigned())
}

/// So many rows are in memory at once beside the answer.
const MAX_ROWS: usize = 1_000;
