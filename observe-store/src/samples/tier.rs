//! A row of a tier: the buckets of the series of one pack.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use observe_core::Aggregate;

use super::{
    bucket::{Bucket, floor, joined},
    cells::Cells,
};
use crate::pack::{Column, ColumnData, MAX_COLUMNS, PackEncoder, PackError, PackView, Presence, Scratch, Stamps};

/// The buckets of some series, those of each in the order of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TierPack {
    pub(crate) series: BTreeMap<u32, Vec<Bucket>>,
}

impl TierPack {
    /// Reads a row.
    pub(crate) fn decode(bytes: &[u8], scratch: &mut Scratch) -> Result<Self, PackError> {
        let view = PackView::parse(bytes)?;
        let stamps = stamps_of(&view)?;
        let mut pack = Self::default();
        for series in series_of(&view) {
            pack.series.insert(series, buckets(&view, &stamps, series, &ALL, scratch)?);
        }
        Ok(pack)
    }

    /// Joins the buckets of a series whose last points are in a range into those of longer stretches of `length`. Returns
    /// them with when they begin.
    pub(crate) fn joined(&self, series: u32, range: &Range<i64>, length: i64) -> Vec<(i64, Bucket)> {
        let buckets = self.series.get(&series).into_iter().flatten();
        joined(buckets.filter(|bucket| range.contains(&bucket.last_at)).copied(), length)
    }

    /// Removes the buckets of a series whose last points are in a range.
    pub(crate) fn remove(&mut self, series: u32, range: &Range<i64>) {
        if let Some(buckets) = self.series.get_mut(&series) {
            buckets.retain(|bucket| !range.contains(&bucket.last_at));
        }
    }

    /// Removes the buckets of a series that have no more points than `known` has for their stretches of `length`.
    pub(crate) fn remove_known(&mut self, series: u32, length: i64, known: &[(i64, Bucket)]) {
        let known: BTreeMap<i64, f64> = known.iter().map(|(start, bucket)| (*start, bucket.count)).collect();
        if let Some(buckets) = self.series.get_mut(&series) {
            buckets
                .retain(|bucket| known.get(&floor(bucket.last_at, length)).is_none_or(|count| *count < bucket.count));
        }
    }

    /// Adds the buckets of a series for stretches of `length` that have none yet.
    pub(crate) fn complete(&mut self, series: u32, length: i64, new: impl IntoIterator<Item = (i64, Bucket)>) {
        let buckets = self.series.entry(series).or_default();
        let taken: BTreeSet<i64> = buckets.iter().map(|bucket| floor(bucket.last_at, length)).collect();
        let new = new.into_iter().filter(|(start, _)| !taken.contains(start));
        buckets.extend(new.map(|(_, bucket)| bucket));
        buckets.sort_by_key(|bucket| bucket.last_at);
    }

    /// Returns how many buckets there are.
    pub(crate) fn len(&self) -> usize {
        self.series.values().map(Vec::len).sum()
    }

    /// Leaves out series that are silent for longest until the row has no more columns than it may. Returns how many
    /// buckets are left out.
    pub(crate) fn shed(&mut self, is_counter: impl Fn(u32) -> bool) -> usize {
        let columns = |series: &u32| fields_of(is_counter(*series));
        let mut excess = self.series.keys().map(columns).sum::<usize>().saturating_sub(MAX_COLUMNS);
        if excess == 0 {
            return 0;
        }
        let mut by_age: Vec<(Option<i64>, u32)> =
            self.series.iter().map(|(series, buckets)| (buckets.last().map(|last| last.last_at), *series)).collect();
        by_age.sort_unstable();
        let mut shed = 0;
        for (_, series) in by_age {
            if excess == 0 {
                break;
            }
            excess = excess.saturating_sub(columns(&series));
            shed += self.series.remove(&series).map_or(0, |buckets| buckets.len());
        }
        shed
    }

    /// Writes the row. What only growth needs is left out of series that do not count.
    pub(crate) fn encode(
        &self,
        encoder: &mut PackEncoder,
        is_counter: impl Fn(u32) -> bool,
    ) -> Result<Vec<u8>, PackError> {
        let mut stamps: Vec<i64> = self.series.values().flatten().map(|bucket| bucket.last_at).collect();
        stamps.sort_unstable();
        stamps.dedup();
        let mut columns = Vec::new();
        for (series, buckets) in self.series.iter().filter(|(_, buckets)| !buckets.is_empty()) {
            let ticks: Vec<usize> =
                buckets.iter().filter_map(|bucket| stamps.binary_search(&bucket.last_at).ok()).collect();
            for (field, read) in (0..).zip(FIELDS).take(fields_of(is_counter(*series))) {
                let mut cells = Cells::new(stamps.len());
                ticks.iter().zip(buckets).for_each(|(tick, bucket)| cells.set(*tick, read(bucket)));
                columns.push((*series, field, cells));
            }
        }
        let data: Vec<ColumnData<'_>> =
            columns.iter().map(|(series, field, cells)| cells.data(*series, *field)).collect();
        encoder.encode(Stamps::Inline(&stamps), &data)
    }
}

/// Reads some fields of the buckets of one series in a row; the others are zero.
pub(crate) fn buckets(
    view: &PackView<'_>,
    stamps: &[i64],
    series: u32,
    fields: &[u8],
    scratch: &mut Scratch,
) -> Result<Vec<Bucket>, PackError> {
    let mut buckets: Vec<Bucket> = Vec::new();
    for (at, field) in fields.iter().enumerate() {
        let Some(column) = view.column(series, *field, scratch)? else { continue };
        if at == 0 {
            if column.values.len() > MAX_BUCKETS {
                return Err(PackError::Unfit("a series with more buckets than a row has minutes"));
            }
            let ticks = column.presence.ticks(stamps.len());
            let empty = |at: &i64| Bucket { last_at: *at, ..Bucket::default() };
            buckets = ticks.filter_map(|tick| stamps.get(tick)).map(empty).collect();
        }
        let Some(write) = WRITE.get(usize::from(*field)) else { continue };
        for (bucket, value) in buckets.iter_mut().zip(column.values) {
            write(bucket, value);
        }
    }
    Ok(buckets)
}

/// Returns the fields that an aggregate needs. The last value is among those of growth, which counts from it.
pub(crate) const fn fields_for(aggregate: Aggregate) -> &'static [u8] {
    match aggregate {
        Aggregate::Avg => &[SUM, COUNT],
        Aggregate::Count => &[COUNT],
        Aggregate::Increase | Aggregate::Rate => &[LAST, COUNT, FIRST, GROWTH],
        Aggregate::Last => &[LAST],
        Aggregate::Max => &[MAX],
        Aggregate::Min => &[MIN],
        Aggregate::Sum => &[SUM],
        _ => &ALL,
    }
}

/// When the last points of buckets were, and what an aggregate makes of each.
pub(crate) type Answers<'a> = (Cow<'a, [i64]>, Vec<f64>);

/// Reads what an aggregate makes of each bucket of one series in a row. `None` where it needs more of them, or the series is
/// not there.
pub(crate) fn answers<'a>(
    view: &PackView<'_>,
    stamps: &'a [i64],
    series: u32,
    aggregate: Aggregate,
    scratch: &mut Scratch,
) -> Result<Option<Answers<'a>>, PackError> {
    let field = match aggregate {
        Aggregate::Avg | Aggregate::Sum => SUM,
        Aggregate::Count => COUNT,
        Aggregate::Last => LAST,
        Aggregate::Max => MAX,
        Aggregate::Min => MIN,
        _ => return Ok(None),
    };
    let Some(Column { presence, mut values }) = view.column(series, field, scratch)? else { return Ok(None) };
    if aggregate == Aggregate::Avg {
        let counts = view.column(series, COUNT, scratch)?.map(|column| column.values).unwrap_or_default();
        values.iter_mut().zip(counts).for_each(|(sum, count)| *sum /= count);
    }
    let times = match presence {
        Presence::All => Cow::Borrowed(stamps),
        presence => presence.ticks(stamps.len()).filter_map(|tick| stamps.get(tick)).copied().collect(),
    };
    Ok(Some((times, values)))
}

/// Returns the times of the buckets of a row.
pub(crate) fn stamps_of(view: &PackView<'_>) -> Result<Vec<i64>, PackError> {
    view.stamps()?.ok_or(PackError::Unfit("a row of a tier that has no times"))
}

/// Returns how many columns a series has.
const fn fields_of(is_counter: bool) -> usize {
    if is_counter { FIELDS.len() } else { FIELDS_OF_GAUGES }
}

fn series_of(view: &PackView<'_>) -> impl Iterator<Item = u32> {
    view.columns().filter(|(_, field)| *field == 0).map(|(series, _)| series)
}

const MIN: u8 = 0;
const MAX: u8 = 1;
const SUM: u8 = 2;
const COUNT: u8 = 3;
const LAST: u8 = 4;
const FIRST: u8 = 5;
const GROWTH: u8 = 6;
const ALL: [u8; 7] = [MIN, MAX, SUM, COUNT, LAST, FIRST, GROWTH];

/// The fields of a row, in their order; those that only growth needs are last.
const FIELDS: [fn(&Bucket) -> f64; 7] = [
    |bucket| bucket.min,
    |bucket| bucket.max,
    |bucket| bucket.sum,
    |bucket| bucket.count,
    |bucket| bucket.last,
    |bucket| bucket.first,
    |bucket| if bucket.has_begun_anew() { bucket.growth() } else { STEADY },
];
/// What sets each field, in that order.
const WRITE: [fn(&mut Bucket, f64); 7] = [
    |bucket, value| bucket.min = value,
    |bucket, value| bucket.max = value,
    |bucket, value| bucket.sum = value,
    |bucket, value| bucket.count = value,
    |bucket, value| bucket.last = value,
    |bucket, value| (bucket.first, bucket.since) = (value, value),
    |bucket, value| {
        if value != STEADY {
            (bucket.grown, bucket.since) = (value, bucket.last);
        }
    },
];
/// Stands for a growth that first and last value tell, too: nothing grows by less than zero.
const STEADY: f64 = -1.0;
const FIELDS_OF_GAUGES: usize = 5;
/// A row has a bucket for each minute of a day at most.
const MAX_BUCKETS: usize = 1_440;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_that_are_silent_for_longest_leave_a_row_that_is_full() {
        let bucket = |series| Bucket { last_at: i64::from(series % 1_000) * 1_000_000_000, ..Bucket::default() };
        let mut pack = TierPack::default();
        pack.series.extend((0..1_000).map(|series| (series, vec![bucket(series); 2])));

        let shed = pack.shed(|_| true);

        assert_eq!((shed, pack.series.len()), (830, 585));
        assert!(pack.series.keys().eq(&(415..1_000).collect::<Vec<_>>()));
        assert!(pack.encode(&mut PackEncoder::default(), |_| true).is_ok());
        assert_eq!(pack.shed(|_| true), 0);
    }

    #[test]
    fn more_buckets_than_there_are_minutes_are_refused() {
        for (buckets, is_fine) in [(MAX_BUCKETS, true), (MAX_BUCKETS + 1, false)] {
            let mut pack = TierPack::default();
            let bucket = |at: usize| Bucket { last_at: at as i64, ..Bucket::default() };
            pack.series.insert(7, (0..buckets).map(bucket).collect());
            let row = pack.encode(&mut PackEncoder::default(), |_| false).unwrap();

            assert_eq!(TierPack::decode(&row, &mut Scratch::default()).is_ok(), is_fine, "{buckets}");
        }
    }
}
