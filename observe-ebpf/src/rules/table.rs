//! States by key, a bounded number of them.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

/// Holds a state for each key. When it is full, the oldest leaves that was not used again; that is counted.
#[derive(Debug)]
pub(super) struct Table<K, V> {
    slots: HashMap<K, Slot<V>>,
    /// The keys, the oldest first.
    order: VecDeque<K>,
    capacity: usize,
    evicted: u64,
}

#[derive(Debug, Default)]
struct Slot<V> {
    value: V,
    is_used: bool,
}

impl<K: Copy + Eq + Hash, V: Default> Table<K, V> {
    pub(super) fn new(capacity: usize) -> Self {
        Self { slots: HashMap::new(), order: VecDeque::new(), capacity, evicted: 0 }
    }

    /// Returns the state of a key, a new one where there is none.
    pub(super) fn state(&mut self, key: K) -> &mut V {
        let is_known = self.slots.contains_key(&key);
        if !is_known {
            self.make_room();
            self.order.push_back(key);
        }
        let slot = self.slots.entry(key).or_default();
        slot.is_used = is_known;
        &mut slot.value
    }

    pub(super) fn find(&self, key: K) -> Option<&V> {
        self.slots.get(&key).map(|slot| &slot.value)
    }

    /// Returns how many states left because the table was full.
    pub(super) const fn evicted(&self) -> u64 {
        self.evicted
    }

    fn make_room(&mut self) {
        // What is in use gets a second chance, but looking for something else has an end.
        let mut chances = MAX_CHANCES;
        while self.slots.len() >= self.capacity
            && let Some(key) = self.order.pop_front()
        {
            match self.slots.get_mut(&key) {
                Some(slot) if slot.is_used && chances > 0 => {
                    slot.is_used = false;
                    chances -= 1;
                    self.order.push_back(key);
                }
                _ => {
                    self.slots.remove(&key);
                    self.evicted += 1;
                }
            }
        }
    }
}

const MAX_CHANCES: u32 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_leaves_a_full_table_and_is_counted() {
        let mut table = Table::<u32, u32>::new(4);
        for key in 0..6 {
            *table.state(key) = key + 10;
        }

        assert_eq!((table.slots.len(), table.order.len(), table.evicted()), (4, 4, 2));
        assert_eq!((table.find(1), table.find(2)), (None, Some(&12)));
        assert_eq!(*table.state(5), 15);
    }

    #[test]
    fn what_is_used_stays_while_others_come_and_go() {
        let mut table = Table::<u32, u32>::new(4);
        *table.state(0) = 1;
        for key in 1..1_000 {
            table.state(key);
            assert_eq!(*table.state(0), 1, "{key}");
        }

        for key in 0..4 {
            table.state(key);
            table.state(key);
        }
        assert_eq!((table.slots.len(), table.order.len()), (4, 4));
    }
}
