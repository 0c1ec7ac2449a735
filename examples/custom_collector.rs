//! A collector of your own: it watches a folder in which jobs wait as files, as a mail or print queue does.
//!
//! Run: `cargo run --example custom_collector`. It makes a folder with two jobs, reads it twice a second, finishes one
//! job after the other, prints how many wait each time that the number changes, and ends after about two seconds.
#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use std::{env, error::Error, fs, path::PathBuf, time::Duration};

use observe::{EventKinds, SubjectId, prelude::*};

static JOBS: Metric = Metric::gauge("spool.jobs", Unit::Count, "Jobs that wait in the folder.");
static BYTES: Metric = Metric::gauge("spool.bytes", Unit::Bytes, "Bytes of the jobs that wait.");

struct Spool {
    folder: PathBuf,
    table: Table,
    host: SubjectId,
}

impl Spool {
    fn new(folder: PathBuf) -> Result<Self, observe::InvalidSchema> {
        let schema = Schema::builder("spool").interval(INTERVAL).column(&JOBS).column(&BYTES).build()?;
        let (table, host) = Table::for_host(schema);
        Ok(Self { folder, table, host })
    }
}

impl Collector for Spool {
    fn name(&self) -> &'static str {
        "spool"
    }

    fn interval(&self) -> Duration {
        INTERVAL
    }

    fn collect(&mut self, cx: &mut Collect<'_>) -> Result<(), CollectError> {
        let unreadable = |source| CollectError::Read { path: self.folder.clone(), source };
        let entries = fs::read_dir(&self.folder).map_err(unreadable)?;
        // A job that is finished while we look is no failure.
        let sizes: Vec<u64> = entries.flatten().filter_map(|entry| Some(entry.metadata().ok()?.len())).collect();
        self.table.set(self.host, 0, sizes.len() as f64);
        self.table.set(self.host, 1, sizes.iter().sum::<u64>() as f64);
        cx.emit(self.table.frame(cx.timestamp()));
        Ok(())
    }
}

const INTERVAL: Duration = Duration::from_millis(500);

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::temp_dir().join(format!("observe-spool-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("1"), "a letter")?;
    fs::write(folder.join("2"), "a long letter")?;

    let engine = Engine::builder().collector(Spool::new(folder.clone())?).start()?;
    let frames = Filter::kinds(EventKinds::from_iter([EventKind::Metric]));
    let mut readings = engine.handle().bus().subscribe("example", frames)?;
    let jobs: MetricKey = "spool.jobs".parse()?;
    for finished in ["1", "2", ""] {
        readings.wait_batch(1, Duration::from_secs(5));
        println!("{jobs} = {:?}", engine.handle().latest(&jobs).map(|point| point.value));
        let _gone = fs::remove_file(folder.join(finished));
    }

    let report = engine.shutdown(Duration::from_secs(1));
    fs::remove_dir_all(&folder)?;
    if report.is_clean() { Ok(()) } else { Err("the engine did not end in time".into()) }
}
