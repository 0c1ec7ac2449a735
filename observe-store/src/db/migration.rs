//! Tables come into being, and change from version to version. They never go back.

use observe_core::{Clock as _, StoreError, SystemClock};

use super::{Dialect, Transaction, Value, postgres};

/// One step from a version to the next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Migration {
    /// The version that it leads to.
    pub(super) version: i64,
    /// Its statements. What was once published is never edited.
    pub(super) sql: &'static str,
}

impl Migration {
    fn checksum(&self) -> i64 {
        i64::from(crc32c::crc32c(self.sql.as_bytes()))
    }
}

/// Returns the steps for a database.
pub(super) const fn all(dialect: Dialect) -> &'static [Migration] {
    match dialect {
        Dialect::Postgres => {
            &[Migration { version: 1, sql: include_str!("../../migrations/postgres/0001_tables.sql") }]
        }
        Dialect::Sqlite => &[Migration { version: 1, sql: include_str!("../../migrations/sqlite/0001_tables.sql") }],
    }
}

/// Brings an empty or older database to the newest version.
pub(super) async fn run(transaction: &mut Transaction, migrations: &[Migration]) -> Result<(), StoreError> {
    let found = version(transaction, migrations).await?;
    if found.is_none_or(|found| found < newest(migrations)) {
        transaction.take_time().await?;
    }
    if found.is_none() {
        transaction.run(VERSIONS).await?;
    }
    let missing = migrations.iter().filter(|migration| found.is_none_or(|found| migration.version > found));
    for migration in missing {
        transaction.run(migration.sql).await?;
        let now = SystemClock.now().as_nanos();
        let values = [migration.version, migration.checksum(), now].map(Value::Int);
        let sql = "INSERT INTO schema_version(version,checksum,applied_at) VALUES($1,$2,$3)";
        transaction.execute(sql, &values).await?;
    }
    Ok(())
}

/// Refuses a database that is not of the newest version.
pub(super) async fn check(transaction: &mut Transaction, migrations: &[Migration]) -> Result<(), StoreError> {
    let known = newest(migrations);
    check_schema(transaction).await?;
    match version(transaction, migrations).await? {
        Some(found) if found == known => Ok(()),
        Some(found) => Err(transaction.label().refused(format!(
            "its tables are of version {found}, and this program reads version {known}: start the server of this \
             program once, which brings them there"
        ))),
        None => Err(transaction.label().refused("there is nothing in it: start the server once, which fills it")),
    }
}

/// Refuses where the user may not use a schema: to such a user nothing is in it.
async fn check_schema(transaction: &mut Transaction) -> Result<(), StoreError> {
    if transaction.dialect() == Dialect::Sqlite {
        return Ok(());
    }
    let sql = "SELECT current_schema()::TEXT";
    let schema = transaction.fetch_first(sql, &[], |row| Ok(row.optional_text(0)?.map(str::to_owned))).await?;
    match schema.flatten() {
        Some(_) => Ok(()),
        None => {
            let help = postgres::grant(transaction.label());
            Err(transaction.label().refused(format!("no schema of its search_path may be used: {help}")))
        }
    }
}

/// Returns the version of the tables, `None` where there are no tables at all.
pub(super) async fn version(
    transaction: &mut Transaction,
    migrations: &[Migration],
) -> Result<Option<i64>, StoreError> {
    let sql = match transaction.dialect() {
        Dialect::Postgres => {
            // Those of `information_schema` are only what the user has a right to.
            "SELECT c.relname::TEXT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n \
             ON n.oid=c.relnamespace WHERE n.nspname=current_schema() AND c.relkind IN ('r','p','v','m','f')"
        }
        Dialect::Sqlite => "SELECT name FROM sqlite_schema WHERE type='table' AND name NOT LIKE 'sqlite_%'",
    };
    let tables = transaction.fetch_all(sql, &[], |row| Ok(row.text(0)?.to_owned())).await?;
    if tables.is_empty() {
        return Ok(None);
    }
    let foreign = "it belongs to something else: it has tables, and none that says which version they are; \
                   name an empty or a new one";
    if !tables.iter().any(|table| table == "schema_version") {
        return Err(transaction.label().refused(foreign));
    }
    let sql = "SELECT version,checksum FROM schema_version ORDER BY version";
    let applied = transaction.fetch_all(sql, &[], |row| Ok((row.int(0)?, row.int(1)?))).await?;
    let Some((found, _)) = applied.last().copied() else { return Err(transaction.label().refused(foreign)) };
    let known = newest(migrations);
    if found > known {
        return Err(transaction.label().refused(format!(
            "its tables are of version {found}, and this program knows none above {known}: use the newer program that \
             made them"
        )));
    }
    let is_known = |(version, checksum): &(i64, i64)| {
        migrations.iter().any(|migration| migration.version == *version && migration.checksum() == *checksum)
    };
    if let Some((version, _)) = applied.iter().find(|applied| !is_known(applied)) {
        return Err(transaction.label().refused(format!(
            "version {version} of its tables is not the one that this program knows: use the program that made them"
        )));
    }
    Ok(Some(found))
}

fn newest(migrations: &[Migration]) -> i64 {
    migrations.last().map_or(0, |migration| migration.version)
}

const VERSIONS: &str =
    "CREATE TABLE schema_version(version BIGINT PRIMARY KEY, checksum BIGINT NOT NULL, applied_at BIGINT NOT NULL)";
