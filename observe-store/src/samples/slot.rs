//! How time is cut into slots, and how rows are numbered.

use std::time::Duration;

use crate::head::PLACES;

/// Series in one pack.
pub(crate) const PACK_SERIES: usize = 16;
/// Packs of one group.
pub(crate) const GROUP_PACKS: usize = PLACES / PACK_SERIES;

/// Names a row of packed points: what time, and which pack. Rows sort by time first, so that new ones come last and old
/// ones go from the front.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct PackKey {
    /// When the slot begins, in minutes since the epoch.
    pub(crate) minute: i64,
    pub(crate) pack_no: i64,
}

impl PackKey {
    pub(crate) const fn id(self) -> i64 {
        self.minute << PACK_BITS | self.pack_no
    }

    pub(crate) const fn from_id(id: i64) -> Self {
        Self { minute: id >> PACK_BITS, pack_no: id & ((1 << PACK_BITS) - 1) }
    }
}

/// Returns the number of the pack that has a place of a group.
pub(crate) const fn pack_no(group: i64, place: usize) -> i64 {
    group << GROUP_BITS | (place / PACK_SERIES) as i64
}

/// Returns the number of the row with the times that the packs of a group share.
pub(crate) const fn stamps_no(group: i64) -> i64 {
    group << GROUP_BITS | GROUP_PACKS as i64
}

/// Returns the group of a pack or of shared times.
pub(crate) const fn group_of(pack_no: i64) -> i64 {
    pack_no >> GROUP_BITS
}

/// Returns the place of column `col` of a pack in its group.
pub(crate) const fn place_of(pack_no: i64, col: i64) -> usize {
    ((pack_no & ((1 << GROUP_BITS) - 1)) as usize) * PACK_SERIES + col as usize
}

/// Returns the length of the slots of a group that is sampled once in `interval`, so that a slot has about `points`.
pub(crate) fn slot_minutes(interval: Duration, points: u32) -> i64 {
    let wanted = interval.as_secs_f64().max(1e-3) * f64::from(points) / 60.0;
    let distance = |minutes: &i64| (*minutes as f64 / wanted).ln().abs();
    LENGTHS.into_iter().min_by(|one, other| distance(one).total_cmp(&distance(other))).unwrap_or(60)
}

/// Returns when the slot begins that holds a time, in minutes since the epoch.
pub(crate) const fn slot_of(nanos: i64, slot_minutes: i64) -> i64 {
    let minute = nanos.div_euclid(NANOS_PER_MINUTE);
    minute - minute.rem_euclid(slot_minutes)
}

/// The most groups that there may be: their numbers take what packs leave of a row's.
pub(crate) const MAX_GROUPS: i64 = 1 << (PACK_BITS - GROUP_BITS);
/// The longest slot.
pub(crate) const LONGEST_SLOT: i64 = 1_440;
pub(crate) const NANOS_PER_MINUTE: i64 = 60_000_000_000;

const PACK_BITS: u32 = 24;
const GROUP_BITS: u32 = 6;
/// In minutes, up to a day: lengths that whole buckets of both tiers fit into, or that fit into them.
const LENGTHS: [i64; 6] = [1, 5, 15, 60, 360, LONGEST_SLOT];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_has_about_as_many_points_as_wanted() {
        let minutes = |millis| slot_minutes(Duration::from_millis(millis), 1_024);

        assert_eq!([100, 1_000, 5_000, 10_000, 60_000].map(minutes), [1, 15, 60, 360, 1_440]);
        assert_eq!([0, u64::MAX / 2].map(minutes), [1, 1_440]);
        assert_eq!(slot_minutes(Duration::from_secs(1), 3_600), 60);
    }

    #[test]
    fn rows_are_numbered_by_time_first_and_give_back_what_they_are() {
        let early = PackKey { minute: 28_000_000, pack_no: pack_no(3, 511) };
        let late = PackKey { minute: 28_000_015, pack_no: pack_no(0, 0) };

        assert!(early.id() < late.id());
        assert_eq!(PackKey::from_id(early.id()), early);
        assert_eq!((group_of(early.pack_no), place_of(early.pack_no, 15)), (3, 511));
        assert_eq!(group_of(stamps_no(3)), 3);
    }

    #[test]
    fn times_before_the_epoch_have_slots_too() {
        assert_eq!(slot_of(-1, 15), -15);
        assert_eq!(slot_of(NANOS_PER_MINUTE * 29, 15), 15);
    }
}
