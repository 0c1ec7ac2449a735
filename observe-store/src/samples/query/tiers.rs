//! Answers out of a tier: what is known of minutes or hours.

use std::{fmt::Write as _, ops::Range};

use observe_core::StoreError;

use super::{
    head::HeadTicks,
    plan::Plan,
    select::{GroupPlaces, Member},
    sink::Sink,
};
use crate::{
    db::{Row, Statement, Transaction, Value},
    pack::{PackError, PackView, Scratch},
    samples::{recover::ProgressByGroup, rows::Table, slot::PackKey, tier},
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
    let head = ticks.points(group, (plan.from, plan.end), Some(progress))?;
    for (member, points) in group.members.iter().zip(&head) {
        if let (Some(first), Some(sink)) = (points.first(), sinks.get_mut(member.index)) {
            sink.expect_beside(first.timestamp.as_nanos());
        }
    }
    let mut scratch = Scratch::default();
    let packs = plan.packs(group);
    let rows = packs.iter().flat_map(|pack| {
        pack.slots().map(|minute| (PackKey { minute, pack_no: pack.pack_no }.id(), pack.members.clone()))
    });
    let mut rows: Vec<(i64, Range<usize>)> = rows.collect();
    rows.sort_by_key(|(id, _)| *id);
    for some in rows.chunks(ROWS_A_QUERY) {
        let read = |row: &Row<'_>| {
            let id = row.int(0)?;
            let at = some.binary_search_by_key(&id, |(id, _)| *id).ok();
            let members = at.and_then(|at| some.get(at)).and_then(|(_, members)| group.members.get(members.clone()));
            let shown = show(row.blob(1)?, plan, members.unwrap_or_default(), sinks, &mut scratch);
            if let Err(error) = shown {
                tracing::error!(row = id, table = plan.table.name(), %error, "a row is damaged and left out");
                *corrupt += 1;
            }
            Ok(())
        };
        let padded = some.iter().chain(some.last().into_iter().cycle()).take(ROWS_A_QUERY);
        let ids: Vec<Value<'_>> = padded.map(|(id, _)| Value::Int(*id)).collect();
        tx.fetch_all(select(plan.table), &ids, read).await?;
    }
    for (member, points) in group.members.iter().zip(&head) {
        if let Some(sink) = sinks.get_mut(member.index) {
            sink.push_beside(points);
        }
    }
    Ok(())
}

/// Shows the buckets of one row.
fn show(
    row: &[u8],
    plan: &Plan,
    members: &[Member],
    sinks: &mut [Sink],
    scratch: &mut Scratch,
) -> Result<(), PackError> {
    let view = PackView::parse(row)?;
    let stamps = tier::stamps_of(&view)?;
    for member in members {
        let Some(sink) = sinks.get_mut(member.index) else { continue };
        if plan.table.bucket() == Some(plan.step)
            && let Some((times, values)) = tier::answers(&view, &stamps, member.series, plan.aggregate, scratch)?
            && sink.push_answers(&times, &values)
        {
            continue;
        }
        let buckets = tier::buckets(&view, &stamps, member.series, tier::fields_for(plan.aggregate), scratch)?;
        buckets.iter().filter(|bucket| bucket.last_at >= plan.from).for_each(|bucket| sink.push_bucket(bucket));
    }
    Ok(())
}

/// Asks for rows by number. There are always as many numbers, so that the statement stays prepared.
fn select(table: Table) -> Statement {
    let mut sql = format!("SELECT id, data FROM {} WHERE id IN ($1", table.name());
    (2..=ROWS_A_QUERY).for_each(|at| write!(sql, ", ${at}").unwrap_or_default());
    sql.push_str(") ORDER BY id");
    Statement::built(sql)
}

/// Rows that one statement asks for.
const ROWS_A_QUERY: usize = 32;
