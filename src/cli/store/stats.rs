//! `observe store stats`: what a store holds, in numbers.

use observe::{
    Store as _, Timestamp,
    store::{SqlStore, StoreStats, TierStats},
};
use serde_json::{Value, json};

use crate::{
    cli::{Global, error::CommandError, output, store_access::Database, table, time},
    settings::Environment,
};

/// Prints what the store holds, in numbers
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Prints JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: Database,
}

impl Args {
    pub(super) async fn run(self, global: &Global, environment: &Environment) -> Result<(), CommandError> {
        let config = self.database.config(global, environment)?;
        let store = SqlStore::read(&config).await?;
        let stats = store.stats().await?;
        let url = config.shown_url();
        let text = if self.json { as_json(store.name(), &url, &stats) } else { as_text(store.name(), &url, &stats) };
        output::write(&text)
    }
}

fn as_json(kind: &str, url: &str, stats: &StoreStats) -> String {
    let value = json!({
        "kind": kind,
        "url": url,
        "version": stats.version,
        "disk_bytes": stats.disk_bytes,
        "series": { "live": stats.live_series, "ended": stats.ended_series },
        "raw": tier_json(&stats.raw),
        "minutes": tier_json(&stats.minutes),
        "hours": tier_json(&stats.hours),
        "head": { "rows": stats.head_rows, "bytes": stats.head_bytes },
        "events": stats.events,
        "logs": stats.logs,
        "spans": stats.spans,
        "states": stats.states,
    });
    format!("{value:#}\n")
}

fn tier_json(tier: &TierStats) -> Value {
    json!({
        "rows": tier.rows,
        "bytes": tier.bytes,
        "points": tier.points,
        "bytes_per_point": tier.bytes_per_point(),
        "oldest": tier.oldest.map(time::rfc3339),
        "newest": tier.newest.map(time::rfc3339),
    })
}

fn as_text(kind: &str, url: &str, stats: &StoreStats) -> String {
    let facts = [
        ("kind", kind.to_owned()),
        ("url", url.to_owned()),
        ("version", stats.version.to_string()),
        ("on disk", bytes(stats.disk_bytes)),
        ("series", format!("{} live, {} ended", stats.live_series, stats.ended_series)),
        ("head", format!("{} rows, {}", stats.head_rows, bytes(stats.head_bytes))),
        ("events", stats.events.to_string()),
        ("logs", stats.logs.to_string()),
        ("spans", stats.spans.to_string()),
        ("states", stats.states.to_string()),
    ];
    let mut text = String::new();
    for (name, value) in facts {
        text.push_str(&format!("{name:<9} {value}\n"));
    }
    let rows = [("raw", &stats.raw), ("minutes", &stats.minutes), ("hours", &stats.hours)];
    let rows: Vec<[String; 7]> = rows.iter().map(|(name, tier)| row(name, tier)).collect();
    let header = ["TABLE", "ROWS", "BYTES", "POINTS", "BYTES/POINT", "OLDEST", "NEWEST"];
    text.push('\n');
    text.push_str(&table::aligned(header, &rows, &[1, 2, 3, 4]));
    text
}

fn row(name: &str, tier: &TierStats) -> [String; 7] {
    let shown = |time: Option<Timestamp>| time.map_or_else(|| "-".to_owned(), time::rfc3339);
    [
        name.to_owned(),
        tier.rows.to_string(),
        tier.bytes.to_string(),
        tier.points.to_string(),
        tier.bytes_per_point().map_or_else(|| "-".to_owned(), |bytes| format!("{bytes:.3}")),
        shown(tier.oldest),
        shown(tier.newest),
    ]
}

fn bytes(count: u64) -> String {
    match count {
        0..1_024 => format!("{count} B"),
        1_024..1_048_576 => format!("{:.1} KiB", count as f64 / 1_024.0),
        1_048_576..1_073_741_824 => format!("{:.1} MiB", count as f64 / 1_048_576.0),
        _ => format!("{:.2} GiB", count as f64 / 1_073_741_824.0),
    }
}
