//! What the kernel credited callers with.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering::Acquire},
};

/// Who calls, and the number of what is called.
pub(super) type Call = (u64, u32);

/// A place at which the kernel counts for whoever holds it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Place {
    call: Call,
    credits: u64,
}

impl Place {
    /// Reads a `struct obs_top`.
    pub(super) fn read(words: &[AtomicU64]) -> Self {
        // The holder before the credits: the kernel writes them the other way round.
        let mut words = words.iter().map(|word| word.load(Acquire));
        let mut next = || words.next().unwrap_or_default();
        let call = (next(), next() as u32);
        Self { call, credits: next() }
    }

    /// Returns what was credited to its holder since it stood so.
    const fn since(&self, before: &Self) -> u64 {
        let is_held_still =
            self.call.0 == before.call.0 && self.call.1 == before.call.1 && self.credits >= before.credits;
        if is_held_still { self.credits - before.credits } else { self.credits }
    }
}

/// How the places of one kind stood at the reading before.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    before: Vec<Place>,
}

impl Ledger {
    /// Takes in how all places stand now, and returns what was credited since, all processors together.
    pub(super) fn advance(&mut self, places: impl Iterator<Item = Place>) -> HashMap<Call, u64> {
        let mut credits = HashMap::new();
        for (index, now) in places.enumerate() {
            if index == self.before.len() {
                self.before.push(Place::default());
            }
            let Some(before) = self.before.get_mut(index) else { break };
            let since = now.since(before);
            if since > 0 {
                *credits.entry(now.call).or_default() += since;
            }
            *before = now;
        }
        credits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn place(call: Call, credits: u64) -> Place {
        Place { call, credits }
    }

    #[test]
    fn a_place_is_read_word_by_word_and_one_that_is_cut_short_is_empty() {
        let words = [7, 5 << 32 | 110, 9].map(AtomicU64::new);

        assert_eq!(Place::read(&words), place((7, 110), 9));
        assert_eq!(Place::read(&words[..1]), place((7, 0), 0));
    }

    #[test]
    fn processors_add_up_and_only_what_is_new_counts() {
        let mut ledger = Ledger::default();
        ledger.advance([place((7, 0), 10), place((7, 0), 100), place((8, 1), 3)].into_iter());

        let credits = ledger.advance([place((7, 0), 15), place((7, 0), 101), place((8, 1), 3)].into_iter());

        assert_eq!(credits, HashMap::from([((7, 0), 6)]));
    }

    #[test]
    fn a_place_with_a_new_holder_counts_for_it_alone() {
        let mut ledger = Ledger::default();
        ledger.advance([place((7, 0), 10), place((7, 0), 10)].into_iter());

        let credits = ledger.advance([place((9, 0), 4), place((7, 1), 2)].into_iter());

        assert_eq!(credits, HashMap::from([((9, 0), 4), ((7, 1), 2)]));
    }

    #[test]
    fn a_holder_that_lost_its_place_and_won_it_back_counts_from_then() {
        let mut ledger = Ledger::default();
        ledger.advance([place((7, 0), 10)].into_iter());

        assert_eq!(ledger.advance([place((7, 0), 2)].into_iter()), HashMap::from([((7, 0), 2)]));
    }
}
