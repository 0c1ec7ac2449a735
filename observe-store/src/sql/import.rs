//! Points and events that come from elsewhere.

use std::{sync::Arc, time::Duration};

use observe_core::{Clock as _, Enriched, Point, SeriesInfo, Store as _, StoreError, SystemClock, Upkeep};

use super::{SqlStore, events, inspect};
use crate::{
    Config,
    db::Database,
    samples::{Placed, Placer},
};

/// Takes in what was stored elsewhere: points of any time, packed at once, and events with the ids that they had.
///
/// It is the sole writer of its store until it is closed.
///
/// # Examples
///
/// ```
/// use observe_core::{MetricStore, Point, SeriesInfo, SeriesKind, Timestamp};
/// use observe_store::{Config, Importer, SqlStore};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let directory = tempfile::tempdir()?;
/// # let config = Config::at(directory.path().join("observe.db").display().to_string());
/// let mut importer = Importer::open(&config).await?;
/// let info = SeriesInfo::new("room.temperature".parse()?, SeriesKind::Gauge);
/// let point = Point { timestamp: Timestamp::from_millis(1_700_000_000_000), value: 20.5 };
/// let written = importer.points(vec![(info.clone(), vec![point])]).await?;
/// importer.close().await?;
///
/// let store = SqlStore::read(&config).await?;
/// let found = store.points(&info.key, Timestamp::MIN, Timestamp::MAX, 10).await?;
/// assert_eq!((written.new_series, found), (1, Some(vec![point])));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Importer {
    database: Database,
    placer: Placer,
}

/// What became of points that were taken in.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Written {
    /// Series that were not there before.
    pub new_series: u64,
    /// Times that found no room in their slot, which has 65,536: their points were dropped.
    pub dropped_times: u64,
}

impl Importer {
    /// Opens a store to take things in, as the only one who writes, and packs what its last writer left unpacked.
    ///
    /// # Errors
    ///
    /// As [`SqlStore::open`].
    pub async fn open(config: &Config) -> Result<Self, StoreError> {
        let store = SqlStore::open(config).await?;
        // Later than the newest points, so that nothing waits for points to come.
        let later = SystemClock.now() + Duration::from_secs(3_600);
        while store.maintain(later).await? == Upkeep::More {}
        let database = store.into_database();
        let placer = Placer::new(&mut database.read().await?, config.slot_points).await?;
        Ok(Self { database, placer })
    }

    /// Returns whether nothing was ever stored, as [`SqlStore::is_empty`] does.
    ///
    /// # Errors
    ///
    /// Says why the store could not answer.
    pub async fn is_empty(&self) -> Result<bool, StoreError> {
        inspect::is_empty(&mut self.database.read().await?).await
    }

    /// Takes in points of series, all or none of them. Where there is a point of a series at a time already, the new one
    /// takes its place. A series that is known stays what it is; a new one without a producer gets one.
    ///
    /// A batch is packed as one, and joined with what there is of its time: the larger, the faster.
    ///
    /// # Errors
    ///
    /// Says why nothing was written. Nothing more can be taken in then.
    ///
    /// # Cancel safety
    ///
    /// A dropped call has written everything or nothing; nothing more can be taken in.
    pub async fn points(&mut self, batch: Vec<(SeriesInfo, Vec<Point>)>) -> Result<Written, StoreError> {
        let mut tx = self.database.write().await?;
        let Placed { new_series, dropped_times } = self.placer.write(&mut tx, batch).await?;
        tx.commit().await?;
        Ok(Written { new_series, dropped_times })
    }

    /// Takes in events, log records and spans, all or none of them. One whose id is there already is left out.
    ///
    /// # Errors
    ///
    /// Says why nothing was written.
    ///
    /// # Cancel safety
    ///
    /// A dropped call has written everything or nothing.
    pub async fn events(&mut self, events: &[Arc<Enriched>]) -> Result<(), StoreError> {
        let mut tx = self.database.write().await?;
        events::insert_all(&mut tx, events).await?;
        tx.commit().await
    }

    /// Ends the work, so that somebody else may write.
    ///
    /// # Errors
    ///
    /// Says what could not be given back.
    pub async fn close(self) -> Result<(), StoreError> {
        self.database.close().await
    }
}
