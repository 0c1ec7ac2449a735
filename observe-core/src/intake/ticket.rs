//! How a producer learns that what it published is durable.

use std::{collections::BTreeSet, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

/// Stands for one published item; resolves once it is durable.
///
/// Waiting asks the store to write at once. Dropping a ticket costs nothing.
#[derive(Clone, Debug)]
#[must_use = "a dropped ticket tells nobody whether the item became durable"]
pub struct Ticket {
    number: u64,
    progress: Arc<Progress>,
}

/// Says why an item may not be durable.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NotDurable {
    /// The frame was not taken: its producer has changed its columns, or there are too many producers.
    #[error("the frame was refused: its producer has changed its columns, or there are too many producers")]
    Refused,
    /// The engine went down before the item was written.
    #[error("the engine went down before it was stored")]
    Stopped,
    /// The store has not been able to write for so long that its backlog is full.
    #[error("the store cannot write, and its backlog is full")]
    StoreUnavailable,
}

/// How far the store has come, counted in items taken in since the start.
#[derive(Debug)]
pub(crate) struct Progress {
    written: watch::Sender<Written>,
    wanted: watch::Sender<u64>,
    wake: Notify,
    /// Numbers of items that were refused after they had been taken in; the newest [`MAX_REFUSED`].
    refused: Mutex<BTreeSet<u64>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Written {
    through: u64,
    /// Items after the first number, up to the second, may have left the backlog unwritten.
    lost: (u64, u64),
    is_stopped: bool,
}

impl Written {
    const fn may_have_lost(&self, number: u64) -> bool {
        number > self.lost.0 && number <= self.lost.1
    }
}

impl Ticket {
    pub(crate) const fn new(number: u64, progress: Arc<Progress>) -> Self {
        Self { number, progress }
    }

    /// Waits until the item is durable.
    ///
    /// # Errors
    ///
    /// Says why it may never be. It can still have been stored; who must know publishes again with the same identity.
    ///
    /// # Cancel safety
    ///
    /// Dropping the wait loses nothing.
    pub async fn durable(&self) -> Result<(), NotDurable> {
        self.progress.want(self.number);
        let mut written = self.progress.written.subscribe();
        let settled = |written: &Written| {
            written.through >= self.number || written.may_have_lost(self.number) || written.is_stopped
        };
        let written = written.wait_for(settled).await.map(|written| *written);
        if self.progress.refused.lock().contains(&self.number) {
            return Err(NotDurable::Refused);
        }
        match written {
            Ok(written) if written.may_have_lost(self.number) => Err(NotDurable::StoreUnavailable),
            Ok(written) if written.through >= self.number => Ok(()),
            _ => Err(NotDurable::Stopped),
        }
    }
}

impl Progress {
    /// Waits until somebody waits for an item.
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Wakes whoever waits in [`Self::woken`].
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Returns whether somebody waits for an item that is not written yet and is at most number `through`.
    pub(crate) fn is_wanted(&self, through: u64) -> bool {
        let wanted = *self.wanted.borrow();
        wanted > self.written.borrow().through && through > self.written.borrow().through
    }

    /// Records that everything up to item `through` is durable.
    pub(crate) fn advance(&self, through: u64) {
        self.written.send_modify(|written| written.through = written.through.max(through));
    }

    /// Records that some items were not taken.
    pub(crate) fn refuse(&self, numbers: impl IntoIterator<Item = u64>) {
        let mut numbers = numbers.into_iter().peekable();
        if numbers.peek().is_some() {
            let mut refused = self.refused.lock();
            refused.extend(numbers);
            while refused.len() > MAX_REFUSED {
                refused.pop_first();
            }
        }
    }

    /// Records that of the items up to `through` some had to leave unwritten.
    ///
    /// Which ones is not kept: tickets of all that were not written by now say that they may be lost, for good.
    pub(crate) fn lose(&self, through: u64) {
        self.written.send_modify(|written| {
            let start = if written.lost.1 == 0 { written.through } else { written.lost.0 };
            written.lost = (start, written.lost.1.max(through));
        });
    }

    /// Tells all who wait that nothing more will be written.
    pub(crate) fn stop(&self) {
        self.written.send_modify(|written| written.is_stopped = true);
    }

    fn want(&self, number: u64) {
        self.wanted.send_if_modified(|wanted| {
            let is_higher = number > *wanted;
            *wanted = number.max(*wanted);
            is_higher
        });
        self.wake.notify_one();
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            written: watch::Sender::default(),
            wanted: watch::Sender::default(),
            wake: Notify::new(),
            refused: Mutex::default(),
        }
    }
}

/// Refused items that tickets are told of.
const MAX_REFUSED: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    fn run<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn a_ticket_resolves_with_its_commit_and_not_before() {
        let progress = Arc::new(Progress::default());
        let ticket = Ticket::new(5, Arc::clone(&progress));
        progress.advance(4);
        let early = run(async {
            tokio::select! { biased; done = ticket.durable() => Some(done), () = async {} => None }
        });

        progress.advance(5);

        assert_eq!(early, None);
        assert_eq!(run(ticket.durable()), Ok(()));
    }

    #[test]
    fn waiting_asks_for_a_commit() {
        let progress = Arc::new(Progress::default());
        let ticket = Ticket::new(3, Arc::clone(&progress));
        assert!(!progress.is_wanted(3));

        progress.stop();

        assert_eq!(run(ticket.durable()), Err(NotDurable::Stopped));
        assert!(progress.is_wanted(3));
    }

    #[test]
    fn what_may_be_lost_is_never_called_durable() {
        let progress = Arc::new(Progress::default());
        let ticket = Ticket::new(1, Arc::clone(&progress));

        progress.lose(1);
        progress.advance(2);

        assert_eq!(run(ticket.durable()), Err(NotDurable::StoreUnavailable));
        assert_eq!(run(Ticket::new(2, progress).durable()), Ok(()));
    }
}
