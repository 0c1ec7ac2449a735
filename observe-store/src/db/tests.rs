use std::{collections::BTreeMap, fs, io::ErrorKind, time::Duration};

use tempfile::TempDir;

use super::{
    migration::Migration,
    testing::{on_each, open, postgres, sqlite},
    *,
};

const INSERT: Insert =
    Insert { into: "INSERT INTO head", columns: &["seq", "data"], conflict: "ON CONFLICT(seq) DO NOTHING" };

async fn insert(transaction: &mut Transaction, range: std::ops::Range<i64>) -> u64 {
    let values: Vec<Value<'_>> = range.flat_map(|seq| [Value::Int(seq), Value::Blob(b"data")]).collect();
    transaction.insert_many(&INSERT, &values).await.unwrap()
}

async fn count(transaction: &mut Transaction) -> i64 {
    let counted = transaction.fetch_first("SELECT COUNT(*) FROM head", &[], |row| row.int(0)).await;
    counted.unwrap().unwrap()
}

#[tokio::test]
async fn rows_are_inserted_in_any_number_and_once() {
    on_each(async |database| {
        let mut transaction = database.write().await.unwrap();
        assert_eq!(insert(&mut transaction, 0..0).await, 0);
        assert_eq!(insert(&mut transaction, 0..600).await, 600);
        assert_eq!(insert(&mut transaction, 500..601).await, 1);
        transaction.commit().await.unwrap();

        assert_eq!(count(&mut database.read().await.unwrap()).await, 601);
        database.close().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_dropped_transaction_has_done_nothing() {
    on_each(async |database| {
        let mut transaction = database.write().await.unwrap();
        insert(&mut transaction, 0..3).await;
        drop(transaction);

        let mut transaction = database.write().await.unwrap();
        assert_eq!(count(&mut transaction).await, 0);
    })
    .await;
}

#[tokio::test]
async fn readers_see_what_was_there_when_they_began() {
    on_each(async |database| {
        let mut reader = database.read().await.unwrap();
        assert_eq!(count(&mut reader).await, 0);

        let mut writer = database.write().await.unwrap();
        insert(&mut writer, 0..3).await;
        writer.commit().await.unwrap();

        assert_eq!(count(&mut reader).await, 0);
        assert_eq!(count(&mut database.read().await.unwrap()).await, 3);
    })
    .await;
}

#[tokio::test]
async fn values_come_back_as_they_went_in() {
    on_each(async |database| {
        let mut transaction = database.write().await.unwrap();
        let values = [Value::Int(-1), Value::NullInt, Value::Float(0.1), Value::NullFloat, Value::Text("a\0é")];
        let alert = "INSERT INTO alerts(id,user_id,value,threshold,rule_key,metric_type,severity,state,ts,generated_at,dedup_key,host) \
                     VALUES($1,$2,$3,$4,$5,'',0,'',0,0,'',$6)";
        transaction.execute(alert, &[&values[..], &[Value::NullText]].concat()).await.unwrap();
        let log = "INSERT INTO spans(id,trace_id,span_id,parent_id,service,name,kind,start_ns,dur_ns,status,source) \
                   VALUES(1,$1,$2,$3,'','',0,0,0,0,'')";
        transaction.execute(log, &[Value::Blob(&[]), Value::Blob(&[0, 255]), Value::NullBlob]).await.unwrap();

        let sql = "SELECT id,user_id,value,threshold,rule_key,host FROM alerts";
        let read = transaction.fetch_first(sql, &[], |row| {
            assert_eq!((row.int(0)?, row.optional_int(1)?), (-1, None));
            assert_eq!((row.float(2)?, row.optional_float(3)?), (0.1, None));
            assert_eq!((row.text(4)?, row.optional_text(5)?), ("a\u{fffd}é", None));
            assert!(row.int(1).is_err() && row.int(4).is_err() && row.text(0).is_err() && row.int(6).is_err());
            Ok(())
        });
        read.await.unwrap().unwrap();
        let sql = "SELECT trace_id,span_id,parent_id FROM spans";
        let read = transaction.fetch_first(sql, &[], |row| {
            assert_eq!((row.blob(0)?, row.blob(1)?, row.optional_blob(2)?), (&[][..], &[0, 255][..], None));
            Ok(())
        });
        read.await.unwrap().unwrap();
    })
    .await;
}

#[tokio::test]
async fn after_an_error_nothing_of_a_transaction_lasts() {
    on_each(async |database| {
        let mut transaction = database.write().await.unwrap();
        insert(&mut transaction, 0..3).await;
        let twice = transaction.execute("INSERT INTO head(seq,data) VALUES($1,$2)", &[Value::Int(0), Value::Blob(b"")]);
        assert!(matches!(twice.await, Err(StoreError::Corrupt { .. })));
        assert!(transaction.commit().await.is_err());

        assert_eq!(count(&mut database.write().await.unwrap()).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_full_disk_can_be_waited_for() {
    let directory = TempDir::new().unwrap();
    let database = open(&sqlite(&directory)).await;
    let mut transaction = database.write().await.unwrap();
    transaction.execute("PRAGMA max_page_count=120", &[]).await.unwrap();
    let mut outcome = Ok(0);
    for seq in 0..200 {
        let values = [Value::Int(seq), Value::Blob(&[7; 4096])];
        outcome = transaction.execute("INSERT INTO head(seq,data) VALUES($1,$2)", &values).await;
        if outcome.is_err() {
            break;
        }
    }
    let error = outcome.unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains("is full"), "{error}");
    drop(transaction);

    let mut transaction = database.write().await.unwrap();
    insert(&mut transaction, 0..3).await;
    transaction.commit().await.unwrap();

    assert_eq!(count(&mut database.read().await.unwrap()).await, 3);
}

#[tokio::test]
async fn a_second_writer_is_told_who_the_first_one_is() {
    let directory = TempDir::new().unwrap();
    for address in [Some(sqlite(&directory)), postgres().await].into_iter().flatten() {
        let first = open(&address).await;

        let error = Database::open(&address, Access::Write).await.unwrap_err();
        let StoreError::Held { store, holder } = error else { panic!("{error}") };
        assert_eq!(store, address.to_string());
        assert!(
            holder.starts_with(&format!("process {} ", std::process::id())) && holder.contains(" since 2"),
            "{holder}"
        );
        Database::open(&address, Access::Read).await.unwrap();

        first.close().await.unwrap();
        open(&address).await.close().await.unwrap();
    }
}

async fn change(database: &Database, sql: &'static str) {
    let mut transaction = database.write().await.unwrap();
    transaction.execute(sql, &[]).await.unwrap();
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn a_lease_that_was_not_renewed_is_lost() {
    let Some(address) = postgres().await else { return };
    let first = open(&address).await;
    change(&first, "UPDATE lease SET expires_at=0").await;

    let second = open(&address).await;

    assert!(matches!(first.write().await, Err(StoreError::Held { .. })));
    change(&second, "DELETE FROM head").await;
}

#[tokio::test]
async fn the_lease_of_a_process_that_is_gone_is_taken_over_at_once() {
    let Some(address) = postgres().await else { return };
    let first = open(&address).await;
    let pid = std::process::id();
    // As if it had been started at another time.
    change(&first, "UPDATE lease SET holder=holder||'0'").await;

    let began = Instant::now();
    let second = open(&address).await;

    assert!(began.elapsed() < Duration::from_secs(5));
    let Err(StoreError::Held { holder, .. }) = first.write().await else { panic!("two processes write") };
    assert!(holder.starts_with(&format!("process {pid} ")) && !holder.contains('\n'), "{holder}");
    second.close().await.unwrap();
}

#[tokio::test]
async fn the_lease_of_a_process_elsewhere_is_waited_for_until_it_runs_out_or_is_renewed() {
    let Some(address) = postgres().await else { return };
    let first = open(&address).await;
    let elsewhere = "UPDATE lease SET holder='process 7 on mars', \
                     expires_at=(extract(epoch FROM clock_timestamp())*1000)::BIGINT+1500";
    change(&first, elsewhere).await;

    let second = open(&address).await;

    change(&second, elsewhere).await;
    let renewed = async {
        tokio::time::sleep(Duration::from_millis(1_000)).await;
        let mut transaction = first.begin().await.unwrap();
        transaction.execute("UPDATE lease SET expires_at=expires_at+60000", &[]).await.unwrap();
        transaction.commit().await.unwrap();
    };
    let (third, ()) = tokio::join!(Database::open(&address, Access::Write), renewed);
    let Err(StoreError::Held { holder, .. }) = third else { panic!("it is held") };
    assert_eq!(holder, "process 7 on mars");
}

#[tokio::test]
async fn connections_that_broke_are_made_anew() {
    let Some(address) = postgres().await else { return };
    let database = open(&address).await;
    let mut transaction = database.write().await.unwrap();
    let pid = transaction.fetch_first("SELECT pg_backend_pid()::BIGINT", &[], |row| row.int(0)).await;
    let pid = pid.unwrap().unwrap();
    insert(&mut transaction, 0..3).await;
    let mut reader = database.read().await.unwrap();
    reader.execute("SELECT pg_terminate_backend($1::INT)", &[Value::Int(pid)]).await.unwrap();

    let lost = transaction.commit().await.unwrap_err();
    assert!(lost.is_retryable(), "{lost}");

    let mut transaction = database.write().await.unwrap();
    insert(&mut transaction, 0..2).await;
    transaction.commit().await.unwrap();
    assert_eq!(count(&mut database.read().await.unwrap()).await, 2);
}

#[tokio::test]
async fn to_read_nothing_is_made_and_nothing_can_be_written() {
    let directory = TempDir::new().unwrap();
    let address = sqlite(&directory);
    assert!(matches!(Database::open(&address, Access::Read).await, Err(StoreError::Refused { .. })));
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
    let writer = open(&address).await;

    let reader = Database::open(&address, Access::Read).await.unwrap();

    assert!(reader.write().await.is_err());
    let written = reader.read().await.unwrap().execute("DELETE FROM head", &[]).await;
    assert!(matches!(written, Err(StoreError::Refused { .. })), "{written:?}");
    drop(writer);
}

#[tokio::test]
async fn what_is_no_database_of_ours_is_refused() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("observe.db");
    let refused = async |what: &str| {
        for access in [Access::Read, Access::Write] {
            let error = Database::open(&Address::Sqlite(path.clone()), access).await.unwrap_err();
            assert!(matches!(error, StoreError::Refused { .. }) && error.to_string().contains(what), "{error}");
        }
    };

    fs::write(&path, "not a database, but long enough to have the header of one, which takes a hundred bytes and more")
        .unwrap();
    refused("not a database").await;
    assert!(fs::read_to_string(&path).unwrap().starts_with("not a database"));

    fs::remove_file(&path).unwrap();
    let pool = sqlite::writer(&path);
    sqlx::raw_sql("CREATE TABLE other(x)").execute(&pool).await.unwrap();
    refused("something else").await;
    sqlx::raw_sql("DROP TABLE other").execute(&pool).await.unwrap();

    fs::create_dir(directory.path().join("closed")).unwrap();
    let error = Database::open(&Address::Sqlite(directory.path().join("no/observe.db")), Access::Write).await;
    assert!(matches!(error, Err(StoreError::Refused { .. })), "{error:?}");
}

#[tokio::test]
async fn tables_of_another_version_are_refused() {
    let directory = TempDir::new().unwrap();
    for address in [Some(sqlite(&directory)), postgres().await].into_iter().flatten() {
        let change = async |sql: &'static str| {
            let database = open(&address).await;
            let mut transaction = database.write().await.unwrap();
            transaction.execute(sql, &[]).await.unwrap();
            transaction.commit().await.unwrap();
            database.close().await.unwrap();
        };

        change("INSERT INTO schema_version(version,checksum,applied_at) VALUES(9,1,1)").await;
        for access in [Access::Read, Access::Write] {
            let error = Database::open(&address, access).await.unwrap_err();
            assert!(matches!(error, StoreError::Refused { .. }), "{error}");
            assert!(error.to_string().contains("version 9") && error.to_string().contains("above 1"), "{error}");
        }
    }
}

#[tokio::test]
async fn every_prefix_of_the_migrations_leads_to_the_newest_version_on_a_filled_store() {
    for length in 0..=migration::all(Dialect::Sqlite).len() {
        let directory = TempDir::new().unwrap();
        for address in [Some(sqlite(&directory)), postgres().await].into_iter().flatten() {
            let known = migration::all(address.dialect());
            if length > 0 {
                let older = Database::open_with(&address, Access::Write, &known[..length]).await.unwrap();
                let mut transaction = older.write().await.unwrap();
                insert(&mut transaction, 0..10).await;
                transaction.commit().await.unwrap();
                older.close().await.unwrap();
            }

            let database = open(&address).await;

            let mut reader = database.read().await.unwrap();
            assert_eq!(count(&mut reader).await, if length > 0 { 10 } else { 0 });
            migration::check(&mut reader, known).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_migration_that_fails_leaves_the_version_before() {
    let directory = TempDir::new().unwrap();
    for address in [Some(sqlite(&directory)), postgres().await].into_iter().flatten() {
        let mut steps = migration::all(address.dialect()).to_vec();
        open(&address).await.close().await.unwrap();
        steps.push(Migration { version: 2, sql: "CREATE TABLE more(x BIGINT); CREATE TABLE more(x BIGINT)" });
        assert!(Database::open_with(&address, Access::Write, &steps).await.is_err());
        steps[1].sql = "CREATE TABLE more(x BIGINT)";

        let error = Database::open_with(&address, Access::Read, &steps).await.unwrap_err();
        assert!(error.to_string().contains("are of version 1"), "{error}");
        Database::open_with(&address, Access::Write, &steps).await.unwrap().close().await.unwrap();
        steps[1].sql = "CREATE TABLE other(x BIGINT)";
        let error = Database::open_with(&address, Access::Write, &steps).await.unwrap_err();
        assert!(error.to_string().contains("version 2 of its tables is not the one"), "{error}");
    }
}

type Columns = BTreeMap<(String, String), (&'static str, bool)>;

async fn columns(database: &Database) -> Columns {
    let mut reader = database.read().await.unwrap();
    let sql = match database.dialect() {
        Dialect::Postgres => {
            "SELECT table_name::TEXT, column_name::TEXT, data_type::TEXT, (is_nullable='YES')::INT::BIGINT \
             FROM information_schema.columns WHERE table_schema=current_schema()"
        }
        Dialect::Sqlite => {
            "SELECT t.name, c.name, c.type, c.\"notnull\"=0 AND c.pk=0 FROM sqlite_schema AS t, pragma_table_info(t.name) AS c \
             WHERE t.type='table' AND t.name NOT LIKE 'logs_fts%'"
        }
    };
    let read = reader.fetch_all(sql, &[], |row| {
        let kind = match row.text(2)? {
            "BLOB" | "bytea" => "bytes",
            "BIGINT" | "INTEGER" | "bigint" => "integer",
            "REAL" | "double precision" => "float",
            "TEXT" | "text" => "text",
            "tsvector" => "words",
            other => panic!("a column of type {other}"),
        };
        Ok(((row.text(0)?.to_owned(), row.text(1)?.to_owned()), (kind, row.int(3)? != 0)))
    });
    read.await.unwrap().into_iter().collect()
}

#[tokio::test]
async fn both_databases_have_the_same_tables() {
    let Some(address) = postgres().await else { return };
    let directory = TempDir::new().unwrap();
    let of_sqlite = columns(&open(&sqlite(&directory)).await).await;
    let mut of_postgres = columns(&open(&address).await).await;

    assert_eq!(of_postgres.remove(&("logs".into(), "words".into())), Some(("words", false)));
    assert_eq!(of_sqlite, of_postgres);
    assert!(of_sqlite.len() > 100);
}

#[tokio::test]
async fn the_tables_can_be_made_without_what_not_every_server_has() {
    let Some(address) = postgres().await else { return };
    let mut migration = migration::all(Dialect::Postgres)[0];
    let whole = migration.sql.to_owned();
    let left = whole.lines().filter(|line| !line.ends_with("SET STORAGE EXTERNAL;") && !line.contains("USING GIN"));
    let left = left.map(|line| line.replace(" USING BRIN(ts) WITH (autosummarize=on)", "(ts)"));
    let left = left.map(|line| line.split_once(" WHERE ").map_or(line.clone(), |(index, _)| format!("{index};")));
    let sql = left.collect::<Vec<_>>().join("\n");
    assert_eq!(whole.lines().count() - sql.lines().count(), 5);
    assert!(!["USING", "STORAGE", "WHERE"].iter().any(|word| sql.contains(word)), "{sql}");
    migration.sql = sql.leak();

    let without = Database::open_with(&address, Access::Write, &[migration]).await.unwrap();

    let Some(address) = postgres().await else { return };
    assert_eq!(columns(&without).await, columns(&open(&address).await).await);
}

#[tokio::test]
async fn nobody_answers_and_wrong_passwords_are_told_apart_and_not_shown() {
    let nobody: Address = "postgres://ann:s3cret@127.0.0.1:1/observe".parse().unwrap();
    let error = Database::open(&nobody, Access::Write).await.unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains("postgres://ann@127.0.0.1:1/observe"), "{error}");

    let Some(Address::Postgres(server)) = postgres().await else { return };
    for (options, what) in [
        (server.clone().username("nobody-of-this-name"), "logging in failed"),
        (server.clone().database("nothing-of-this-name"), "createdb"),
    ] {
        let address = Address::Postgres(Box::new(options.password("s3cret")));
        let error = Database::open(&address, Access::Write).await.unwrap_err();
        assert!(matches!(error, StoreError::Refused { .. }) && error.to_string().contains(what), "{error}");
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
    }
}

#[tokio::test]
async fn the_server_ends_questions_but_not_those_that_may_take_time() {
    let Some(address) = postgres().await else { return };
    let database = open(&address).await;
    let mut reader = database.read().await.unwrap();
    let limit = async |reader: &mut Transaction| {
        let read = |row: &Row<'_>| Ok(row.text(0)?.to_owned());
        reader.fetch_first("SELECT current_setting('statement_timeout')", &[], read).await.unwrap().unwrap()
    };
    assert_eq!(limit(&mut reader).await, "1min");

    reader.take_time().await.unwrap();

    assert_eq!(limit(&mut reader).await, "0");
}

#[tokio::test]
async fn users_without_rights_are_told_which() {
    let Some(address) = postgres().await else { return };
    let database = open(&address).await;
    let mut transaction = database.write().await.unwrap();
    let schema = transaction.fetch_first("SELECT current_schema()::TEXT", &[], |row| Ok(row.text(0)?.to_owned()));
    let schema = schema.await.unwrap().unwrap();
    let role = format!("role_{schema}");
    transaction.execute(format!("CREATE ROLE {role} LOGIN PASSWORD 's3cret'"), &[]).await.unwrap();
    transaction.commit().await.unwrap();
    let Address::Postgres(options) = address else { panic!("it is a server") };
    let address = Address::Postgres(Box::new(options.username(&role).password("s3cret")));

    for (right, access, what) in [
        ("SELECT 1", Access::Read, "may be used: let this user read"),
        ("SELECT 1", Access::Write, "let this user make tables"),
        ("GRANT USAGE ON SCHEMA", Access::Read, "GRANT SELECT ON ALL TABLES"),
        ("GRANT USAGE ON SCHEMA", Access::Write, "must belong to this user"),
    ] {
        let mut transaction = database.write().await.unwrap();
        if right.starts_with("GRANT") {
            transaction.execute(format!("{right} {schema} TO {role}"), &[]).await.unwrap();
        }
        transaction.commit().await.unwrap();

        let error = Database::open(&address, access).await.unwrap_err();

        assert!(matches!(error, StoreError::Refused { .. }) && error.to_string().contains(what), "{error}");
    }
    change(&database, "DELETE FROM head").await;
    let mut transaction = database.write().await.unwrap();
    transaction.execute(format!("DROP OWNED BY {role}"), &[]).await.unwrap();
    transaction.execute(format!("DROP ROLE {role}"), &[]).await.unwrap();
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn a_server_that_refuses_connections_is_not_waited_for() {
    let Address::Postgres(nobody) = "postgres://ann@127.0.0.1:1/observe".parse().unwrap() else { panic!("a server") };
    let server = Server::readers(&nobody);

    let began = Instant::now();
    let outcomes = tokio::join!(server.begin(), server.begin(), server.begin(), server.begin(), server.begin());

    for outcome in [outcomes.0, outcomes.1, outcomes.2, outcomes.3, outcomes.4] {
        let error = outcome.map(drop).unwrap_err();
        assert!(matches!(&error, sqlx::Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused), "{error}");
    }
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

#[tokio::test]
async fn the_file_has_the_settings_that_it_should() {
    let directory = TempDir::new().unwrap();
    let database = open(&sqlite(&directory)).await;
    let mut writer = database.write().await.unwrap();
    let expected = [
        ("PRAGMA page_size", 1024),
        ("PRAGMA auto_vacuum", 2),
        ("PRAGMA synchronous", 2),
        ("PRAGMA foreign_keys", 1),
        ("PRAGMA cache_size", -2048),
        ("PRAGMA wal_autocheckpoint", 16_384),
        ("PRAGMA journal_size_limit", 67_108_864),
    ];
    for (sql, value) in expected {
        assert_eq!(writer.fetch_first(sql, &[], |row| row.int(0)).await.unwrap(), Some(value), "{sql}");
    }
    let mode = writer.fetch_first("PRAGMA journal_mode", &[], |row| Ok(row.text(0)?.to_owned())).await;
    assert_eq!(mode.unwrap().as_deref(), Some("wal"));
    let mut reader = database.read().await.unwrap();
    assert_eq!(reader.fetch_first("PRAGMA cache_size", &[], |row| row.int(0)).await.unwrap(), Some(-512));
}
