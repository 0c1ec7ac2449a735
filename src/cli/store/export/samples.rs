//! Points of series as text, some series or some time of one at once.

use std::{collections::BTreeMap, io::Write, time::Duration};

use observe::{
    MetricKey, MetricStore as _, Point, RangeQuery, Selector, SeriesInfo, SeriesQuery, StoreError, Timestamp,
    store::SqlStore,
};

use super::{Format, Part};
use crate::cli::{
    error::CommandError,
    progress::Progress,
    store::{
        lines::{exact, write_samples},
        openmetrics::Families,
    },
    table, time,
};

/// Writes the points of a part, series after series. Returns the selectors that chose no series.
pub(super) async fn write(
    store: &SqlStore,
    part: &Part,
    format: Format,
    out: &mut dyn Write,
) -> Result<Vec<Selector>, CommandError> {
    let (found, unlike) = series(store, &part.selectors).await?;
    let series: Vec<SeriesInfo> = found.into_values().collect();
    let mut writer =
        Writer { format, families: Families::default(), points: 0, progress: Progress::new("points", !part.has_file) };
    if format == Format::Csv {
        out.write_all(b"metric_key,timestamp,value\n")?;
    }
    let mut rest = &series[..];
    while !rest.is_empty() {
        let (some, after) = rest.split_at(count_at_once(rest, part));
        write_some(store, some, part, &mut writer, out).await?;
        rest = after;
    }
    if format == Format::OpenMetrics {
        Families::finish(out)?;
    }
    Ok(unlike)
}

/// Finds the series that any selector chooses, all where there is none. Returns the selectors that choose none, too.
async fn series(store: &SqlStore, selectors: &[Selector]) -> Result<(Catalogue, Vec<Selector>), StoreError> {
    let all = [Selector::Matching(Vec::new())];
    let (mut found, mut unlike) = (BTreeMap::new(), Vec::new());
    for selector in if selectors.is_empty() { &all } else { selectors } {
        let mut query = SeriesQuery { selector: selector.clone(), after: None, limit: SERIES_AT_ONCE };
        loop {
            let page = store.series(&query).await?;
            let is_last = page.len() < SERIES_AT_ONCE;
            if page.is_empty() && query.after.is_none() && !selectors.is_empty() {
                unlike.push(selector.clone());
            }
            query.after = page.last().map(|info| info.key.clone());
            found.extend(page.into_iter().map(|info| (info.key.clone(), info)));
            if is_last {
                break;
            }
        }
    }
    Ok((found, unlike))
}

/// Series by their keys.
type Catalogue = BTreeMap<MetricKey, SeriesInfo>;

/// Writes some series, or one in several pieces of time.
async fn write_some(
    store: &SqlStore,
    series: &[SeriesInfo],
    part: &Part,
    writer: &mut Writer,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let lives = || series.iter().map(|info| life(info, part));
    let mut start = lives().map(|(from, _)| from).min().unwrap_or(Timestamp::MAX);
    let last = lives().map(|(_, until)| until).max().unwrap_or(Timestamp::MIN);
    let step = match series {
        [alone] => alone.interval.max(SHORTEST).saturating_mul(POINTS_AT_ONCE),
        _ => Duration::MAX,
    };
    let keys: Vec<MetricKey> = series.iter().map(|info| info.key.clone()).collect();
    while start < last {
        let until = last.min(start + step);
        let found = store.range(&RangeQuery::raw(Selector::Keys(keys.clone()), start, until)).await?;
        let found: BTreeMap<MetricKey, Vec<Point>> =
            found.into_iter().map(|series| (series.key, series.points)).collect();
        for info in series {
            writer.write(out, info, found.get(&info.key).map_or(&[], Vec::as_slice))?;
        }
        start = until;
    }
    Ok(())
}

/// Returns how many series can be read at once: their points must fit into memory.
fn count_at_once(series: &[SeriesInfo], part: &Part) -> usize {
    let mut points = 0.0;
    let fitting = series.iter().take(MAX_KEYS).take_while(|info| {
        let (from, until) = life(info, part);
        points += until.since(from).as_secs_f64() / info.interval.max(SHORTEST).as_secs_f64();
        points <= f64::from(POINTS_AT_ONCE)
    });
    fitting.count().max(1)
}

/// Returns between which times a series can have points that are wanted: those that came out of order lie up to a day
/// outside of its life.
fn life(info: &SeriesInfo, part: &Part) -> (Timestamp, Timestamp) {
    let end = info.ended_at.map_or(part.end, |ended| part.end.min(ended + DAY));
    (part.start.max(info.created_at - DAY), end)
}

/// Writes series in one of the forms.
struct Writer {
    format: Format,
    families: Families,
    points: u64,
    progress: Progress,
}

impl Writer {
    fn write(&mut self, out: &mut dyn Write, info: &SeriesInfo, points: &[Point]) -> std::io::Result<()> {
        self.points += points.len() as u64;
        self.progress.tell(self.points);
        match self.format {
            Format::Csv => {
                let key = table::csv_field(&info.key.to_string());
                points.iter().try_for_each(|point| {
                    writeln!(out, "{key},{},{}", time::rfc3339(point.timestamp), exact(point.value))
                })
            }
            Format::Jsonl => write_samples(out, info, points),
            Format::OpenMetrics => self.families.write(out, info, points),
        }
    }
}

const DAY: Duration = Duration::from_secs(86_400);
/// Series that are asked for at once.
const MAX_KEYS: usize = 64;
/// Points that are in memory at once, about.
const POINTS_AT_ONCE: u32 = 500_000;
const SERIES_AT_ONCE: usize = 1_000;
const SHORTEST: Duration = Duration::from_millis(1);
