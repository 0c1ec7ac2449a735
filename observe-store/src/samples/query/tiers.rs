//! Answers out of a tier: what is known of minutes or hours.

use std::collections::BTreeSet;

use observe_core::StoreError;

use super::{head::HeadTicks, plan::Plan, select::GroupPlaces, sink::Sink};
use crate::{
    db::Transaction,
    pack::{PackError, PackView, Scratch},
    samples::{recover::ProgressByGroup, rows::IDS_AT_ONCE, slot::PackKey, tier},
};

/// Shows sinks the buckets of their places in one group, and the points that are not in any.
pub(crate) async fn fill(
    tx: &mut Transaction,
    plan: &Plan,
    group: &GroupPlaces,
    (ticks, progress): (&HeadTicks, &ProgressByGroup),
    sinks: &mut [Sink],
    corrupt: &mut u64,
) -> Result<(), StoreError> {
    let mut head = ticks.points(group, (plan.from, plan.end), Some(progress))?;
    let mut scratch = Scratch::default();
    let mut ids = BTreeSet::new();
    for member in &group.members {
        let minutes = plan.minutes(group.slot_minutes, member.created_at, member.ended_at);
        ids.extend(minutes.into_iter().map(|minute| PackKey { minute, pack_no: member.pack_no }.id()));
    }
    let ids: Vec<i64> = ids.into_iter().collect();
    for some in ids.chunks(IDS_AT_ONCE) {
        let rows = plan.table.rows(tx, some).await?;
        for (id, row) in rows {
            if let Err(error) = show(&row, id, plan, group, sinks, &mut scratch) {
                tracing::error!(row = id, table = plan.table.name(), %error, "a row is damaged and left out");
                *corrupt += 1;
            }
        }
    }
    for member in &group.members {
        let Some(sink) = sinks.get_mut(member.index) else { continue };
        for point in head.remove(&member.series).unwrap_or_default() {
            sink.push_beside(point);
        }
    }
    Ok(())
}

/// Shows the buckets of one row.
fn show(
    row: &[u8],
    id: i64,
    plan: &Plan,
    group: &GroupPlaces,
    sinks: &mut [Sink],
    scratch: &mut Scratch,
) -> Result<(), PackError> {
    let pack_no = PackKey::from_id(id).pack_no;
    let view = PackView::parse(row)?;
    let stamps = tier::stamps_of(&view)?;
    for member in group.members.iter().filter(|member| member.pack_no == pack_no) {
        let Some(sink) = sinks.get_mut(member.index) else { continue };
        let buckets = tier::buckets(&view, &stamps, member.series, tier::fields_for(plan.aggregate), scratch)?;
        buckets.iter().filter(|bucket| bucket.last_at >= plan.from).for_each(|bucket| sink.push_bucket(bucket));
    }
    Ok(())
}
