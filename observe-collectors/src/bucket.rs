//! A limit in an hour.

use observe_core::Timestamp;

/// Allows so many things in any hour: some at once, the rest evenly.
#[derive(Debug)]
pub(crate) struct Bucket {
    capacity: f64,
    per_second: f64,
    tokens: f64,
    filled_at: Option<Timestamp>,
}

impl Bucket {
    /// Starts full; half of `per_hour` may go at once at most.
    pub(crate) fn new(at_once: usize, per_hour: usize) -> Self {
        let capacity = at_once.min(per_hour / 2).max(1) as f64;
        let per_second = (per_hour as f64 - capacity) / 3600.0;
        Self { capacity, per_second, tokens: capacity, filled_at: None }
    }

    /// Adds what became free since the last call; a clock that goes back adds nothing.
    pub(crate) fn refill(&mut self, now: Timestamp) {
        let elapsed = self.filled_at.map_or(0.0, |before| now.since(before).as_secs_f64());
        self.tokens = elapsed.mul_add(self.per_second, self.tokens).min(self.capacity);
        self.filled_at = Some(now);
    }

    /// Returns how many may go now.
    pub(crate) const fn available(&self) -> usize {
        self.tokens as usize
    }

    /// Lets one go.
    pub(crate) const fn take(&mut self) {
        self.tokens -= 1.0;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn no_hour_lets_more_in_than_allowed() {
        let start = Timestamp::from_millis(1_000);
        let mut bucket = Bucket::new(256, 1000);

        let mut taken = 0;
        for second in 0..=3600 {
            bucket.refill(start + Duration::from_secs(second));
            while bucket.available() > 0 {
                bucket.take();
                taken += 1;
            }
        }

        assert!((990..=1000).contains(&taken), "{taken}");
    }

    #[test]
    fn a_clock_that_goes_back_fills_nothing() {
        let mut bucket = Bucket::new(2, 4);
        let now = Timestamp::from_millis(10_000_000);
        bucket.refill(now);
        bucket.take();
        bucket.take();

        bucket.refill(now - Duration::from_secs(3600));

        assert_eq!(bucket.available(), 0);
        bucket.refill(now + Duration::from_secs(36_000));
        assert_eq!(bucket.available(), 2, "never more than at once");
    }
}
