//! Databases of a test's own.

use std::{env, future::Future, process};

use observe_core::{Clock as _, SystemClock};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, raw_sql};
use tempfile::TempDir;

use super::{Access, Address, Database};

/// Runs a test on a database of its own of each kind. Without a server of PostgreSQL it says so.
pub(crate) async fn on_each<F: Future<Output = ()>>(test: impl Fn(Database) -> F) {
    let directory = TempDir::new().unwrap();
    test(open(&sqlite(&directory)).await).await;
    if let Some(address) = postgres().await {
        test(open(&address).await).await;
    }
}

pub(crate) async fn open(address: &Address) -> Database {
    Database::open(address, Access::Write).await.unwrap()
}

pub(crate) fn sqlite(directory: &TempDir) -> Address {
    Address::Sqlite(directory.path().join("observe.db"))
}

/// Makes a schema in the server that `OBSERVE_TEST_POSTGRES` names.
pub(crate) async fn postgres() -> Option<Address> {
    let Some(server) = env::var_os("OBSERVE_TEST_POSTGRES") else {
        println!("skipped on PostgreSQL: OBSERVE_TEST_POSTGRES does not name a server");
        return None;
    };
    let server = server.into_string().unwrap();
    let schema = format!("unit_{}_{}", process::id(), SystemClock.now().as_nanos());
    let mut connection = PgConnection::connect(&server).await.unwrap();
    raw_sql(AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).execute(&mut connection).await.unwrap();
    let separator = if server.contains('?') { '&' } else { '?' };
    Some(format!("{server}{separator}options=-csearch_path%3D{schema}").parse().unwrap())
}
