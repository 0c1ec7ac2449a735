//! The minutes and hours of a slot.

use observe_core::StoreError;

use super::{Job, damaged, work::Work};
use crate::{
    db::Transaction,
    samples::{
        bucket::{floor, joined, singles},
        cells::Columns,
        rows::{PackRow, Table},
        slot::{NANOS_PER_MINUTE, PackKey},
        tier::TierPack,
    },
};

impl Job {
    /// Makes the rows of both tiers that hold the slot's minutes and hours of a pack.
    pub(super) async fn tiers(
        &mut self,
        tx: &mut Transaction,
        work: &Work,
        pack_no: i64,
        (columns, is_whole): (&Columns, bool),
    ) -> Result<[(Table, PackRow); 2], StoreError> {
        let start = work.minute.saturating_mul(NANOS_PER_MINUTE);
        let slot = start..start.saturating_add(self.slot_minutes * NANOS_PER_MINUTE);
        let around = floor(slot.start, HOUR)..floor(slot.end - 1, HOUR).saturating_add(HOUR);
        let (minutes_id, mut minutes) = self.tier_row(tx, Table::Tier1, work.minute, pack_no).await?;
        let (hours_id, mut hours) = self.tier_row(tx, Table::Tier2, work.minute, pack_no).await?;
        for (series, cells) in columns.iter() {
            let known = minutes.joined(series, &around, HOUR);
            if is_whole {
                minutes.remove(series, &slot);
            }
            // What else these minutes were made of is gone, if some are there; and so it is with hours of which not all
            // minutes are.
            minutes.complete(series, NANOS_PER_MINUTE, joined(singles(cells.points(&work.stamps)), NANOS_PER_MINUTE));
            hours.remove_known(series, HOUR, &known);
            hours.complete(series, HOUR, minutes.joined(series, &around, HOUR));
        }
        Ok([(Table::Tier1, self.tier_data(minutes_id, minutes)?), (Table::Tier2, self.tier_data(hours_id, hours)?)])
    }

    fn tier_data(&mut self, id: i64, mut tier: TierPack) -> Result<PackRow, StoreError> {
        let is_counter = |series| self.counters.as_ref().is_some_and(|counters| counters.contains(&series));
        let shed = tier.shed(is_counter);
        if shed > 0 {
            tracing::error!(
                row = id,
                buckets = shed,
                "too many series shared the row of a tier; the oldest are left out"
            );
            self.counts.shed_buckets += shed as u64;
        }
        let data = tier.encode(&mut self.encoder, is_counter);
        let data = data.map_err(|error| damaged("what is to be packed", &error))?;
        Ok(PackRow { id, points: tier.len(), data })
    }

    /// Reads the row of a tier that holds a minute, as it is with the slots before.
    async fn tier_row(
        &mut self,
        tx: &mut Transaction,
        table: Table,
        minute: i64,
        pack_no: i64,
    ) -> Result<(i64, TierPack), StoreError> {
        let length = table.slot_minutes(self.slot_minutes);
        let id = PackKey { minute: minute - minute.rem_euclid(length), pack_no }.id();
        let row = table.rows_between(tx, id, id).await?.remove(&id);
        let Some(row) = row else { return Ok((id, TierPack::default())) };
        let decoded = TierPack::decode(&row, &mut self.scratch).unwrap_or_else(|error| {
            tracing::error!(table = table.name(), row = id, %error, "a row of a tier is damaged and begins anew");
            self.counts.corrupt_packs += 1;
            TierPack::default()
        });
        Ok((id, decoded))
    }
}

const HOUR: i64 = 60 * NANOS_PER_MINUTE;
