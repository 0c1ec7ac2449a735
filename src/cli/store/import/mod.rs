//! `observe store import`: what was exported, or what others wrote, goes into the store.

mod batch;
mod source;
mod text;

use std::path::PathBuf;

use observe::{
    Clock as _, SystemClock, Timestamp,
    store::{Config, Importer},
};

use self::{
    batch::{Batch, Counts},
    source::Source,
    text::Text,
};
use super::what::Format;
use crate::{
    cli::{
        Global, error::CommandError, output, progress::Progress, signals::Stop, store_access::Database, table, time,
    },
    settings::Environment,
};

/// Takes a file into the store, which no server may use meanwhile
///
/// It reads what `observe store export` writes, and OpenMetrics text of others. A point takes the place of one of the
/// same series and time; an event whose id is there already is left out: so the same file can be imported again. Points
/// that are older than raw points are kept (`store.retention.raw_days`) are dropped and counted.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file; `-` is standard input
    file: PathBuf,
    /// Its form [default: by its name]
    #[arg(long)]
    format: Option<Format>,
    #[command(flatten)]
    database: Database,
}

impl Args {
    pub(super) async fn run(self, global: &Global, environment: &Environment) -> Result<(), CommandError> {
        let config = self.database.config(global, environment)?;
        let format = self.format.map_or_else(|| Format::of(&self.file), Ok)?;
        let mut source = Source::open(&self.file)?;
        let mut importer = Importer::open(&config).await?;
        let bounds = Bounds::new(&config, SystemClock.now());
        let mut batch = Batch::new(bounds);
        let stop = Stop::new();
        let read = take(&mut source, Text::new(format), &mut batch, &mut importer, &stop).await;
        // Whatever was read before a line that makes no sense is in the store, and is there once however often it comes.
        let written = batch.write(&mut importer).await;
        importer.close().await?;
        written?;
        output::write(&summary(batch.counts(), &config))?;
        read
    }
}

/// Between which times points are taken.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    oldest: Timestamp,
    newest: Timestamp,
}

impl Bounds {
    fn new(config: &Config, now: Timestamp) -> Self {
        let kept = std::time::Duration::from_secs_f64(config.retention.raw_days * 86_400.0);
        Self { oldest: now - kept, newest: now + std::time::Duration::from_secs(86_400) }
    }
}

/// Reads a file to its end.
async fn take(
    source: &mut Source,
    mut text: Text,
    batch: &mut Batch,
    importer: &mut Importer,
    stop: &Stop,
) -> Result<(), CommandError> {
    let mut progress = Progress::new("points and events", false);
    while let Some(line) = source.next_line()? {
        text.take(line, batch).map_err(|problem| source.wrong(problem, text.help()))?;
        if batch.is_full() {
            batch.write(importer).await?;
        }
        progress.tell(batch.taken());
        if stop.is_asked() {
            return Err(CommandError::Stopped {
                help: "what was read is in the store; import the file again to have the rest",
            });
        }
    }
    text.finish().map_err(|problem| source.wrong(problem, text.help()))
}

fn summary(counts: &Counts, config: &Config) -> String {
    let mut text = format!(
        "imported {} of {} series ({} new) and {}\n",
        table::count(counts.points, "point"),
        counts.series,
        counts.new_series,
        table::count(counts.events, "event"),
    );
    if counts.too_old > 0 {
        let days = config.retention.raw_days;
        text.push_str(&format!(
            "dropped {} older than raw points are kept, {days} days\n",
            table::count(counts.too_old, "point")
        ));
    }
    if counts.dropped_times > 0 {
        text.push_str(&format!(
            "dropped {} for which a slot had no room\n",
            table::count(counts.dropped_times, "time")
        ));
    }
    if let (Some(oldest), Some(newest)) = (counts.oldest, counts.newest) {
        text.push_str(&format!("from {} to {}\n", time::rfc3339(oldest), time::rfc3339(newest)));
    }
    text
}
