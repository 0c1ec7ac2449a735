//! Times that never step back a little.

use super::stat::Ticks;

/// Keeps the times of one core, or of all, from stepping back.
///
/// The kernel adds idle time up from parts that are not in step, so it may fall by a few ticks. Such a step is held
/// until the time catches up. A large one means that the core went offline and counts anew.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Held {
    last: Ticks,
}

impl Held {
    /// Returns the times to report; a step back of up to `slack` ticks is held.
    pub(super) fn settle(&mut self, now: Ticks, slack: u64) -> Ticks {
        let is_reset = self.last.iter().zip(now).any(|(&last, now)| last.saturating_sub(now) > slack);
        if is_reset {
            self.last = now;
        } else {
            for (last, now) in self.last.iter_mut().zip(now) {
                *last = now.max(*last);
            }
        }
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn idle(ticks: u64) -> Ticks {
        [100, 0, 0, ticks, 0, 0, 0, 0, 0, 0]
    }

    #[test]
    fn a_small_step_back_is_held_until_the_time_catches_up() {
        let mut held = Held::default();

        let times: Vec<u64> = [1000, 990, 999, 1001].map(|ticks| held.settle(idle(ticks), 300)[3]).to_vec();

        assert_eq!(times, [1000, 1000, 1000, 1001]);
    }

    #[test]
    fn a_large_step_back_starts_anew_in_every_state() {
        let mut held = Held::default();
        held.settle(idle(1000), 300);

        let times = held.settle([99, 0, 0, 5, 0, 0, 0, 0, 0, 0], 300);

        assert_eq!(times, [99, 0, 0, 5, 0, 0, 0, 0, 0, 0]);
    }
}
