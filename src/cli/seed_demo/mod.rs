//! `observe seed-demo`: a database with the past of a host that does not exist.

mod devices;
mod findings;
mod host;
mod noise;
mod recorder;

use std::{process::ExitCode, time::Duration};

use observe::{
    Clock as _, EventKind, SystemClock, Timestamp,
    store::{Config, Importer},
};

use self::{findings::Findings, host::Host, recorder::Recorder};
use super::{
    Global,
    error::{CommandError, finish},
    output,
    progress::Progress,
    signals::Stop,
    store_access, time,
};
use crate::settings::Environment;

/// Fills a new database with the made-up past of a host, to look around
///
/// Every series has the attribute host.name=demo and a producer that begins with simulated::, as the source of every
/// event does. The same hours up to the same time are always the same. Accounts, alerts and tokens are not built yet, so
/// there are none.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The database: a file, or postgres://…
    #[arg(long, value_name = "URL", default_value = "demo.db")]
    db: String,
    /// Hours of the past
    #[arg(long, default_value = "6", value_parser = clap::value_parser!(u16).range(1..=336))]
    hours: u16,
    /// Ends at this time [default: now]
    #[arg(long, value_name = "TIME", value_parser = time::timestamp)]
    end: Option<Timestamp>,
    /// Adds to a database that has something in it
    #[arg(long)]
    force: bool,
}

impl Args {
    pub(super) fn run(self, global: &Global, environment: &Environment) -> ExitCode {
        finish(self.seed(global, environment))
    }

    fn seed(&self, global: &Global, environment: &Environment) -> Result<(), CommandError> {
        let config = store_access::config(Some(&self.db), global, environment)?;
        store_access::block_on(self.fill(&config))
    }

    async fn fill(&self, config: &Config) -> Result<(), CommandError> {
        let mut importer = Importer::open(config).await?;
        let filled = if self.force || importer.is_empty().await? {
            self.write(&mut importer).await
        } else {
            Err(CommandError::Nothing {
                problem: format!("there is something in {} already", config.shown_url()),
                help: "name a new one with --db, or add to it with --force".to_owned(),
            })
        };
        importer.close().await?;
        let Added { hours, points, series, events, logs, spans } = filled?;
        let url = config.shown_url();
        output::write(&format!(
            "added to {url}: {points} points of {series} series, {events} events, {logs} log records and {spans} spans, \
             {hours} h of them, all made up\nto look at them: OBSERVE_STORE__URL={url} observe serve\n"
        ))?;
        let is_whole = hours == self.hours;
        if is_whole { Ok(()) } else { Err(CommandError::Stopped { help: "what was added is in the store" }) }
    }

    /// Writes hour by hour.
    async fn write(&self, importer: &mut Importer) -> Result<Added, CommandError> {
        let end = self.end.unwrap_or(SystemClock.now()).floor(TICK);
        let start = end - Duration::from_secs(3_600) * u32::from(self.hours);
        let mut recorder = Recorder::default();
        let mut host = Host::new(&mut recorder, start, end);
        let mut findings = Findings::new(start, end);
        let mut added = Added { series: recorder.len(), ..Added::default() };
        let (stop, mut progress) = (Stop::new(), Progress::new("points", false));
        let mut from = start;
        while from < end && !stop.is_asked() {
            let until = from + Duration::from_secs(3_600);
            let mut now = from;
            while now < until {
                host.tick(&mut recorder, now);
                findings.tick(now, &host);
                now = now + TICK;
            }
            let batch = recorder.take();
            added.points += batch.iter().map(|(_, points)| points.len() as u64).sum::<u64>();
            importer.points(batch).await?;
            let found = findings.take();
            found.iter().for_each(|event| added.note(event.kind()));
            importer.events(&found).await?;
            from = until;
            added.hours += 1;
            progress.tell(added.points);
        }
        Ok(added)
    }
}

/// How much was made up.
#[derive(Debug, Default)]
struct Added {
    hours: u16,
    points: u64,
    series: usize,
    events: u64,
    logs: u64,
    spans: u64,
}

impl Added {
    const fn note(&mut self, kind: EventKind) {
        match kind {
            EventKind::Log => self.logs += 1,
            EventKind::Span => self.spans += 1,
            _ => self.events += 1,
        }
    }
}

const TICK: Duration = Duration::from_secs(1);
/// What every series and event says its host is.
const HOST: &str = "demo";
