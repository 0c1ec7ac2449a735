//! The engine's one door: a queue that is bounded in bytes and refuses when it is full.

mod ticket;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use parking_lot::{Condvar, Mutex};

pub(crate) use self::ticket::Progress;
pub use self::ticket::{NotDurable, Ticket};
use crate::{Frame, LogRecord, Span, SystemEvent, time::instant_after};

/// What may go in at the door.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Item {
    /// An event; logs, spans and frames have their own variants.
    Event(SystemEvent),
    /// What one producer measured at one instant.
    Frame(Frame),
    /// A log record.
    Log(LogRecord),
    /// A piece of work in a trace.
    Span(Span),
}

impl Item {
    /// Returns about how many bytes of memory the item holds.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        match self {
            Self::Event(event) => event.size_bytes(),
            Self::Frame(frame) => frame.size_bytes(),
            Self::Log(record) => size_of::<Self>() + record.heap_bytes(),
            Self::Span(span) => size_of::<Self>() + span.heap_bytes(),
        }
    }
}

/// The way in: frames, events, logs, spans. Never blocks; refuses when its byte bound is reached.
///
/// The ticket resolves once what was published is durable; most producers drop it.
pub trait EventSink: Send + Sync {
    /// Hands an item over.
    ///
    /// # Errors
    ///
    /// Refuses when there is no room, or when the engine is going down. The item is then not taken in at all.
    fn publish(&self, item: Item) -> Result<Ticket, Refused>;
}

/// Says why an item was not taken in.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// Too much is waiting to be processed; try again in a moment.
    #[error("the intake is full: {max_bytes} bytes wait to be processed")]
    Full {
        /// The bound.
        max_bytes: usize,
    },
    /// The engine is going down.
    #[error("the engine is going down")]
    Stopped,
}

/// How much went in, and how much was refused.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct IntakeStats {
    /// Items taken in.
    pub accepted: u64,
    /// Items refused because there was no room.
    pub refused: u64,
    /// Items that wait to be processed.
    pub queued: usize,
    /// Bytes that wait to be processed.
    pub queued_bytes: usize,
}

/// The queue behind the door. Any number of producers, one processor.
#[derive(Debug)]
pub(crate) struct Intake {
    max_bytes: usize,
    queue: Mutex<Queue>,
    filled: Condvar,
    progress: Arc<Progress>,
}

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<Item>,
    bytes: usize,
    accepted: u64,
    refused: u64,
    is_stopped: bool,
}

/// What the processor takes out in one turn.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// The items, in the order in which they were taken in.
    pub(crate) items: VecDeque<Item>,
    /// The number of the last item, counted from one since the start.
    pub(crate) through: u64,
    /// Whether nothing will follow.
    pub(crate) is_last: bool,
}

impl Intake {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { max_bytes, queue: Mutex::default(), filled: Condvar::new(), progress: Arc::default() }
    }

    /// Waits until there is something to take, the intake is stopped, or `patience` has passed.
    pub(crate) fn take(&self, patience: Duration) -> Batch {
        let until = instant_after(patience);
        let mut queue = self.queue.lock();
        while queue.items.is_empty() && !queue.is_stopped {
            if self.filled.wait_until(&mut queue, until).timed_out() {
                break;
            }
        }
        queue.bytes = 0;
        Batch { items: std::mem::take(&mut queue.items), through: queue.accepted, is_last: queue.is_stopped }
    }

    /// Refuses everything from now on; what is in the queue is still processed.
    pub(crate) fn stop(&self) {
        self.queue.lock().is_stopped = true;
        self.filled.notify_all();
    }

    pub(crate) const fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    pub(crate) fn stats(&self) -> IntakeStats {
        let queue = self.queue.lock();
        IntakeStats {
            accepted: queue.accepted,
            refused: queue.refused,
            queued: queue.items.len(),
            queued_bytes: queue.bytes,
        }
    }
}

impl EventSink for Intake {
    fn publish(&self, item: Item) -> Result<Ticket, Refused> {
        let size = item.size_bytes();
        let mut queue = self.queue.lock();
        if queue.is_stopped {
            return Err(Refused::Stopped);
        }
        if queue.bytes + size > self.max_bytes {
            queue.refused += 1;
            return Err(Refused::Full { max_bytes: self.max_bytes });
        }
        queue.bytes += size;
        queue.accepted += 1;
        queue.items.push_back(item);
        let ticket = Ticket::new(queue.accepted, Arc::clone(&self.progress));
        drop(queue);
        self.filled.notify_one();
        Ok(ticket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LogRecord, Timestamp};

    fn log(bytes: usize) -> Item {
        LogRecord::new(Timestamp::default(), "x".repeat(bytes)).into()
    }

    #[test]
    fn a_full_intake_refuses_and_counts() {
        let intake = Intake::new(log(100).size_bytes() * 2);

        let outcomes = [0; 3].map(|_| intake.publish(log(100)).is_ok());

        assert_eq!(outcomes, [true, true, false]);
        assert_eq!((intake.stats().accepted, intake.stats().refused, intake.stats().queued), (2, 1, 2));
    }

    #[test]
    fn nothing_hides_from_the_bound() {
        let long = "x".repeat(1 << 20);
        let mut record = LogRecord::new(Timestamp::default(), "");
        record.severity_text = long.clone();
        let data = crate::EventData::Log(LogRecord::new(Timestamp::default(), ""));
        let event = SystemEvent::new(long, Timestamp::default(), data);

        assert!(Item::Log(record).size_bytes() > 1 << 20);
        assert!(Item::Event(event).size_bytes() > 1 << 20);
    }

    #[test]
    fn taking_makes_room() {
        let intake = Intake::new(log(100).size_bytes());
        let first = intake.publish(log(100)).map(|_| ());

        let batch = intake.take(Duration::ZERO);
        let second = intake.publish(log(100)).map(|_| ());

        assert_eq!((first, second), (Ok(()), Ok(())));
        assert_eq!((batch.items.len(), batch.through), (1, 1));
    }

    #[test]
    fn a_stopped_intake_refuses_but_gives_what_it_has() {
        let intake = Intake::new(10_000);
        let _ = intake.publish(log(1));

        intake.stop();
        let refused = intake.publish(log(1)).map(|_| ());
        let batch = intake.take(Duration::from_secs(60));

        assert_eq!(refused, Err(Refused::Stopped));
        assert!(batch.is_last);
        assert_eq!(batch.items.len(), 1);
    }
}
