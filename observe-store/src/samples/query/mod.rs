//! Questions about samples: packs, tiers and the head in one answer.

mod head;
mod packs;
mod plan;
mod select;
mod sink;
mod steps;
mod tiers;

use std::collections::{BTreeMap, HashMap};

use observe_core::{MetricKey, RangeQuery, SeriesInfo, SeriesKind, SeriesPoints, SeriesQuery, StoreError};
use parking_lot::RwLock;

use self::{head::HeadTicks, plan::Plan, select::Placement, sink::Sink};
use super::{recover, rows::Table, writer::Head};
use crate::db::{Database, Transaction};

/// Returns the series that are asked for. Damaged rows are counted in `corrupt`, and left out.
pub(crate) async fn series(
    database: &Database,
    query: &SeriesQuery,
    corrupt: &mut u64,
) -> Result<Vec<SeriesInfo>, StoreError> {
    let mut tx = database.read().await?;
    select::infos(&mut tx, query, corrupt).await
}

/// Returns the points that are asked for. `head` is that of the writer in this process; without one it is read from the
/// database. Damaged rows are counted in `corrupt`, and left out.
pub(crate) async fn range(
    database: &Database,
    head: Option<&RwLock<Head>>,
    query: &RangeQuery,
    corrupt: &mut u64,
) -> Result<Vec<SeriesPoints>, StoreError> {
    loop {
        let generation = head.map(|head| head.read().generation);
        let mut tx = database.read().await?;
        let placements = select::placements(&mut tx, &query.selector, corrupt).await?;
        if placements.is_empty() {
            return Ok(Vec::new());
        }
        let ticks = match head {
            Some(head) => {
                let head = head.read();
                if Some(head.generation) != generation {
                    // Ticks became packs that the snapshot may not have.
                    continue;
                }
                HeadTicks::of(&head.buffers, &placements)
            }
            None => {
                let (buffers, damaged) = recover::head(&mut tx).await?;
                *corrupt += damaged;
                HeadTicks::of(&buffers, &placements)
            }
        };
        return Answer { query, placements, ticks }.make(&mut tx, corrupt).await;
    }
}

/// What an answer is made of.
struct Answer<'a> {
    query: &'a RangeQuery,
    placements: Vec<Placement>,
    ticks: HeadTicks,
}

impl Answer<'_> {
    async fn make(self, tx: &mut Transaction, corrupt: &mut u64) -> Result<Vec<SeriesPoints>, StoreError> {
        let plan = Plan::new(tx, self.query, self.placements.iter().map(Placement::kind)).await?;
        let mut sinks = self.sinks(&plan);
        let mut left = self.query.max_points;
        let groups = select::by_group(&self.placements);
        // Packs may hold what the head still has: a point at the same time is the same one. Sums may not.
        let progress = match (groups.first(), groups.last()) {
            (Some(first), Some(last)) if plan.table != Table::Pack => {
                Some(recover::progress(tx, first.group..=last.group).await?)
            }
            _ => None,
        };
        for group in groups {
            match &progress {
                None => packs::fill(tx, &plan, &group, &self.ticks, &mut sinks, corrupt).await?,
                Some(progress) => {
                    tiers::fill(tx, &plan, &group, (&self.ticks, progress), &mut sinks, corrupt).await?;
                }
            }
            let filled = group.members.iter().filter_map(|member| sinks.get(member.index)).map(Sink::len).sum();
            left = left.checked_sub(filled).ok_or_else(|| self.too_many())?;
        }
        self.join(sinks)
    }

    fn sinks(&self, plan: &Plan) -> Vec<Sink> {
        let mut places: HashMap<&MetricKey, usize> = HashMap::with_capacity(self.placements.len());
        self.placements.iter().for_each(|place| *places.entry(&place.key).or_default() += 1);
        let is_sole = |place: &Placement| places.get(&place.key).is_none_or(|places| *places == 1);
        self.placements.iter().map(|place| Sink::new(plan, place.row.step_ms, is_sole(place))).collect()
    }

    /// Joins the points of series that had several places.
    fn join(mut self, sinks: Vec<Sink>) -> Result<Vec<SeriesPoints>, StoreError> {
        let mut by_key: BTreeMap<MetricKey, (SeriesKind, Vec<Sink>)> = BTreeMap::new();
        for (placement, sink) in self.placements.drain(..).zip(sinks) {
            let kind = placement.kind();
            by_key.entry(placement.key).or_insert_with(|| (kind, Vec::new())).1.push(sink);
        }
        let mut left = self.query.max_points;
        let mut answer = Vec::with_capacity(by_key.len());
        for (key, (kind, sinks)) in by_key {
            let points = sink::joined(sinks);
            left = left.checked_sub(points.len()).ok_or_else(|| self.too_many())?;
            answer.push(SeriesPoints { key, kind, points });
        }
        Ok(answer)
    }

    const fn too_many(&self) -> StoreError {
        StoreError::TooMany { what: "points", limit: self.query.max_points }
    }
}
