//! The random bits that the kernel has ready.

use std::{fs, path::PathBuf};

use observe::{InvalidSchema, SubjectId, prelude::*};

static AVAILABLE: Metric = Metric::gauge("entropy.available", Unit::Count, "Random bits that the kernel has ready.");

pub struct Entropy {
    path: PathBuf,
    table: Table,
    host: SubjectId,
}

impl Entropy {
    pub fn new(path: impl Into<PathBuf>) -> Result<Self, InvalidSchema> {
        let (table, host) = Table::for_host(Schema::builder("entropy").column(&AVAILABLE).build()?);
        Ok(Self { path: path.into(), table, host })
    }
}

impl Collector for Entropy {
    fn name(&self) -> &'static str {
        "entropy"
    }

    fn collect(&mut self, cx: &mut Collect<'_>) -> Result<(), CollectError> {
        let unreadable = |source| CollectError::Read { path: self.path.clone(), source };
        let text = fs::read_to_string(&self.path).map_err(unreadable)?;
        let bits = parse(&text).ok_or(CollectError::Malformed { what: "entropy_avail" })?;
        self.table.set(self.host, 0, bits);
        cx.emit(self.table.frame(cx.timestamp()));
        Ok(())
    }
}

fn parse(text: &str) -> Option<f64> {
    text.trim().parse::<u32>().ok().map(f64::from)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use observe::ProcessCache;

    use super::*;

    #[test]
    fn a_number_is_read_and_nothing_else() {
        assert_eq!(parse("256\n"), Some(256.0));
        for bad in ["", "many\n", "-1", "1 2", "99999999999"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_file_that_is_missing_is_named() {
        let processes = ProcessCache::new();
        let mut cx = Collect::new(Timestamp::from_millis(0), Instant::now() + Duration::from_secs(1), &processes);

        let error = Entropy::new("/nowhere/entropy_avail").unwrap().collect(&mut cx).unwrap_err();

        assert_eq!(error.to_string(), "cannot read /nowhere/entropy_avail");
        assert!(cx.take_items().is_empty());
    }
}
