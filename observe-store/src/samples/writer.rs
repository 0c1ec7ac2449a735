//! The sole writer of samples: takes frames in, packs them bit by bit, and removes what is too old.

use std::collections::BTreeSet;

use observe_core::{Figure, Frame, StoreError, Timestamp, Upkeep};
use parking_lot::RwLock;

use super::{
    catalogue,
    ingest::{Appended, Ingest, Slots},
    recover,
    retention::{self, Retention},
    seal::{Counts, Job},
    slot::{LONGEST_SLOT, NANOS_PER_MINUTE},
};
use crate::{
    RetentionConfig,
    db::{Database, Row, Transaction, Value},
    head::Buffers,
};

/// What writer and readers share: the ticks that are not packed, and how often ticks have left them for packs.
#[derive(Debug, Default)]
pub(crate) struct Head {
    pub(crate) buffers: Buffers,
    /// Grows whenever packed ticks are forgotten. A reader that sees it grow looks again.
    pub(crate) generation: u64,
}

/// The sole writer of samples.
#[derive(Debug)]
pub(crate) struct SampleWriter {
    ingest: Ingest,
    job: Option<Job>,
    /// Groups whose ticks could not be packed: the others come first.
    stuck: BTreeSet<i64>,
    /// Whether it is not known what became of the last commit.
    is_in_doubt: bool,
    limits: Limits,
    /// What the first commit is that the head still needs, as far as rows before it are removed.
    head_from: Option<i64>,
    counts: Counts,
    retention: Retention,
}

/// What samples may take.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) slots: Slots,
    /// How long everything is kept.
    pub(crate) retention: RetentionConfig,
    /// What unpacked ticks may take in memory, in bytes.
    pub(crate) head_bytes: usize,
}

impl SampleWriter {
    /// Takes up where the last process ended.
    pub(crate) async fn open(tx: &mut Transaction, limits: Limits) -> Result<(Self, Head), StoreError> {
        let groups = catalogue::groups(tx).await?;
        let (series, seq) = catalogue::last_numbers(tx).await?;
        let (buffers, damaged) = recover::head(tx).await?;
        let writer = Self {
            ingest: Ingest::new(groups, (series, seq), limits.slots),
            job: None,
            stuck: BTreeSet::new(),
            is_in_doubt: false,
            head_from: None,
            counts: Counts { corrupt_packs: damaged, ..Counts::default() },
            retention: Retention::new(limits.retention.clone()),
            limits,
        };
        Ok((writer, Head { buffers, generation: 0 }))
    }

    /// Writes the frames of a commit. [`Self::settle`] must follow, whatever becomes of the transaction.
    pub(crate) async fn write(&mut self, tx: &mut Transaction, frames: &[Frame]) -> Result<(), StoreError> {
        self.is_in_doubt = true;
        self.ingest.write(tx, frames).await
    }

    /// Takes note of what became of a commit.
    pub(crate) fn settle(&mut self, head: &RwLock<Head>, is_durable: bool) {
        let appended: Appended = self.ingest.settle(is_durable);
        let mut head = head.write();
        for (group, position, staged) in &appended {
            head.buffers.append(*group, *position, staged);
        }
        self.is_in_doubt = false;
    }

    /// Finds out what became of a commit that was cut off: its row is there, or not.
    pub(crate) async fn resolve(&mut self, database: &Database, head: &RwLock<Head>) -> Result<(), StoreError> {
        if !self.is_in_doubt {
            return Ok(());
        }
        let mut tx = database.write().await?;
        let seq = [Value::Int(self.ingest.next_seq())];
        let found = tx.fetch_first("SELECT seq FROM head WHERE seq = $1", &seq, |row: &Row<'_>| row.int(0)).await?;
        drop(tx);
        self.settle(head, found.is_some());
        Ok(())
    }

    /// Does one small piece of what is to be done.
    pub(crate) async fn maintain(
        &mut self,
        database: &Database,
        head: &RwLock<Head>,
        now: Timestamp,
    ) -> Result<Upkeep, StoreError> {
        self.resolve(database, head).await?;
        if self.job.is_none() {
            self.close_what_waits(head, now);
            let next = head.read().buffers.next_closed(&self.stuck);
            if let Some((group, ticks)) = next {
                let slot_minutes = self.ingest.slot_minutes(group);
                match Job::new(group, slot_minutes, ticks, self.oldest_minutes(now)) {
                    Ok(job) => self.job = Some(job),
                    Err(error) => self.forget(head, group, &error),
                }
            }
        }
        if self.job.is_some() {
            return self.step(database, head).await.map(|()| Upkeep::More);
        }
        self.stuck.clear();
        match self.trim_head(database, head).await? {
            Upkeep::More => Ok(Upkeep::More),
            Upkeep::Done => self.retention.step(database, now, self.ingest.longest_slot()).await,
        }
    }

    /// Returns what there is to say about it.
    pub(crate) fn figures(&self, head: &RwLock<Head>) -> Vec<Figure> {
        let head_bytes = head.read().buffers.size_bytes() as u64;
        let [raw, minutes, hours] = self.counts.bytes;
        vec![
            Figure::gauge("head_bytes", "Bytes of ticks that wait in memory to be packed.", head_bytes),
            Figure::counter("packed_points", "Points that were packed.", self.counts.points),
            Figure::counter("written_packs", "Packs that were written.", self.counts.packs),
            Figure::counter("written_raw_bytes", "Bytes of packs that were written.", raw),
            Figure::counter("written_minute_bytes", "Bytes of minutes that were written.", minutes),
            Figure::counter("written_hour_bytes", "Bytes of hours that were written.", hours),
            Figure::counter("removed_rows", "Rows that left because of their age or number.", self.retention.removed),
            Figure::counter("late_ticks", "Ticks that came too late to be kept.", self.counts.late_ticks),
            Figure::counter(
                "shed_buckets",
                "Minutes and hours for which their rows had no room.",
                self.counts.shed_buckets,
            ),
            Figure::counter("refused_series", "Series for which there was no place.", self.ingest.refused_series()),
            Figure::counter(
                "corrupt_packs",
                "Packs that gave way because they are damaged.",
                self.counts.corrupt_packs,
            ),
        ]
    }

    /// Returns from which minute on anything is kept, and from which on points as they came in.
    fn oldest_minutes(&self, now: Timestamp) -> (i64, i64) {
        let RetentionConfig { raw_days, minute_days, hour_days, .. } = self.limits.retention;
        let minute = |days| retention::before(now, days).as_nanos().div_euclid(NANOS_PER_MINUTE) - LONGEST_SLOT;
        (minute(raw_days.max(minute_days).max(hour_days)), minute(raw_days))
    }

    /// Does a piece of packing.
    async fn step(&mut self, database: &Database, head: &RwLock<Head>) -> Result<(), StoreError> {
        // What a piece has done counts once it is committed. Where that fails or is cut off, the job begins anew.
        let Some(mut job) = self.job.take() else { return Ok(()) };
        let mut tx = if job.will_write() { database.write().await? } else { database.read().await? };
        let stepped = match job.step(&mut tx).await {
            Ok(is_done) => tx.commit().await.map(|()| is_done),
            Err(error) => Err(error),
        };
        match stepped {
            Ok(false) => self.job = Some(job),
            Ok(true) => {
                self.counts.add(job.counts);
                self.retention.add(&job.counts);
                let mut head = head.write();
                head.buffers.forget_closed(job.group);
                head.generation += 1;
            }
            Err(error @ StoreError::Corrupt { .. }) if self.is_short_of_memory(head) => {
                self.forget(head, job.group, &error);
            }
            Err(error) => {
                if matches!(error, StoreError::Corrupt { .. }) {
                    self.stuck.insert(job.group);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// Returns whether ticks that cannot be packed take more memory than they may.
    fn is_short_of_memory(&self, head: &RwLock<Head>) -> bool {
        head.read().buffers.size_bytes() > self.limits.head_bytes.saturating_mul(2)
    }

    /// Gives up ticks that cannot be packed; everything else can be.
    fn forget(&mut self, head: &RwLock<Head>, group: i64, error: &StoreError) {
        tracing::error!(group, %error, "ticks cannot be packed and are left out");
        self.job = None;
        self.counts.corrupt_packs += 1;
        let mut head = head.write();
        head.buffers.forget_closed(group);
        head.generation += 1;
    }

    /// Ends the open buffers of groups that have been silent for long, and the largest ones while memory is short.
    fn close_what_waits(&mut self, head: &RwLock<Head>, now: Timestamp) {
        let period = self.limits.slots.period_minutes * NANOS_PER_MINUTE;
        let silent_before = now.as_nanos().saturating_sub(2 * period);
        let mut head = head.write();
        let mut excess = head.buffers.size_bytes().saturating_sub(self.limits.head_bytes);
        let mut open: Vec<(i64, i64, usize)> =
            head.buffers.open().map(|(group, range, bytes)| (group, range.latest, bytes)).collect();
        open.sort_by_key(|(_, _, bytes)| std::cmp::Reverse(*bytes));
        for (group, latest, bytes) in open {
            if latest < silent_before || excess > 0 {
                self.ingest.close(group);
                head.buffers.close(group);
                excess = excess.saturating_sub(bytes);
            }
        }
    }

    /// Removes rows of the head that every group has passed.
    async fn trim_head(&mut self, database: &Database, head: &RwLock<Head>) -> Result<Upkeep, StoreError> {
        let first = head.read().buffers.first_seq().unwrap_or(self.ingest.next_seq());
        if self.head_from == Some(first) {
            return Ok(Upkeep::Done);
        }
        let mut tx = database.write().await?;
        let sql = "DELETE FROM head WHERE seq IN (SELECT seq FROM head WHERE seq < $1 ORDER BY seq LIMIT 256)";
        let removed = tx.execute(sql, &[Value::Int(first)]).await?;
        tx.commit().await?;
        if removed < 256 {
            self.head_from = Some(first);
        }
        Ok(Upkeep::More)
    }
}
