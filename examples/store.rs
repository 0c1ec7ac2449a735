//! The store alone, without an engine: metrics of your own in a file that any later program can ask.
//!
//! Run: `cargo run --example store`. It commits an hour of seconds of an oven, has the store pack them, asks for quarters
//! of an hour, closes the store, opens it again to read, and asks for the last two points. It prints four temperatures, how
//! many points are packed, two counts of loaves, and ends at once. A file named as argument is kept.
#![expect(clippy::print_stdout, reason = "an example shows what it stored")]

use std::{env, error::Error, fs, time::Duration};

use observe::{
    Aggregate, Commit, MetricStore, RangeQuery, Selector, Upkeep,
    prelude::*,
    store::{Config, SqlStore},
};

static CELSIUS: Metric = Metric::gauge("oven.celsius", Unit::Celsius, "How hot the oven is.");
static LOAVES: Metric = Metric::counter("oven.loaves", Unit::Count, "Loaves that came out.");

fn main() -> Result<(), Box<dyn Error>> {
    let named = env::args().nth(1);
    let folder = env::temp_dir().join(format!("observe-store-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let config = Config::at(named.unwrap_or_else(|| folder.join("oven.db").display().to_string()));

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(async {
        write(&config).await?;
        read(&config).await
    });
    fs::remove_dir_all(&folder)?;
    result
}

async fn write(config: &Config) -> Result<(), Box<dyn Error>> {
    let store = SqlStore::open(config).await?;
    let schema = Schema::builder("oven").interval(Duration::from_secs(1)).column(&CELSIUS).column(&LOAVES).build()?;
    let (mut table, oven) = Table::for_host(schema);
    for minute in 0..60 {
        let mut commit = Commit::default();
        for second in minute * 60..(minute + 1) * 60 {
            table.set(oven, 0, 180.0 + f64::from(second / 9) / 100.0);
            table.set(oven, 1, f64::from(second / 30));
            commit.frames.push(table.frame(at(second)));
        }
        // Once this returns, the points outlive the process.
        store.commit(&commit).await?;
    }
    // An engine does this between its commits: each call packs a little of what is complete.
    while store.maintain(at(3_600)).await? == Upkeep::More {}

    let celsius = Selector::key("oven.celsius".parse()?);
    let quarters = RangeQuery {
        step: Duration::from_secs(900),
        aggregate: Aggregate::Max,
        ..RangeQuery::raw(celsius, at(0), at(3_600))
    };
    for (quarter, point) in store.range(&quarters).await?.iter().flat_map(|series| &series.points).enumerate() {
        println!("quarter {}: {} °C at most", quarter + 1, point.value);
    }
    println!(
        "{:?}",
        store.figures().into_iter().find(|figure| figure.name == "packed_points").map(|figure| figure.value)
    );
    store.close().await?;
    Ok(())
}

async fn read(config: &Config) -> Result<(), Box<dyn Error>> {
    let store = SqlStore::read(config).await?;
    for point in store.points(&"oven.loaves".parse()?, at(0), at(3_600), 2).await?.unwrap_or_default() {
        println!("{} loaves", point.value);
    }
    store.close().await?;
    Ok(())
}

fn at(second: i32) -> Timestamp {
    Timestamp::from_millis(1_767_225_600_000 + i64::from(second) * 1_000)
}
