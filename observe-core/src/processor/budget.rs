//! How the one byte budget is split.

/// The shares of the byte budget. The rule: half for rings, a quarter for what waits for the store, and the rest in
/// falling powers of two.
///
/// # Examples
///
/// ```
/// use observe_core::Budget;
///
/// let budget = Budget::split(128 << 20);
///
/// assert_eq!(budget.rings, 64 << 20);
/// assert_eq!(budget.backlog, 32 << 20);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Budget {
    /// The recent past of all series: a half.
    pub rings: usize,
    /// What waits for the store: a quarter.
    pub backlog: usize,
    /// What waits for subscribers of the bus: an eighth.
    pub bus: usize,
    /// What waits to be processed: a sixteenth.
    pub intake: usize,
    /// The state of detectors: three sixty-fourths.
    pub detectors: usize,
    /// Recent events: a sixty-fourth.
    pub history: usize,
}

impl Budget {
    /// Splits `max_bytes`.
    #[must_use]
    pub const fn split(max_bytes: usize) -> Self {
        let part = max_bytes / 64;
        Self {
            rings: part * 32,
            backlog: part * 16,
            bus: part * 8,
            intake: part * 4,
            detectors: part * 3,
            history: part,
        }
    }
}
