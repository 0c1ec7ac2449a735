//! What is to be remembered together.

use std::{borrow::Cow, sync::Arc};

use crate::{Enriched, Frame, Timestamp};

/// What one step, or several in a row, want to be remembered: all of it or nothing.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// Samples, in the order in which they were taken in.
    pub frames: Vec<Frame>,
    /// Events, findings, log records and spans; frames not among them.
    pub events: Vec<Arc<Enriched>>,
    /// What detectors and their like remember. A state replaces the one before with its kind and key.
    pub states: Vec<State>,
}

/// What something wants to find again after a restart, in a form that only it understands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct State {
    /// What kind of thing it belongs to: `detector`.
    pub kind: Cow<'static, str>,
    /// Which one of them.
    pub key: String,
    /// The version of the form of `data`, for whoever reads it.
    pub version: u32,
    /// What is remembered.
    pub data: Vec<u8>,
    /// When it was as it says.
    pub updated_at: Timestamp,
}

impl Commit {
    /// Returns whether there is nothing to remember.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.frames.is_empty() && self.events.is_empty() && self.states.is_empty()
    }

    /// Adds what `other` wants to be remembered.
    pub fn append(&mut self, mut other: Self) {
        self.frames.append(&mut other.frames);
        self.events.append(&mut other.events);
        self.states.append(&mut other.states);
    }

    /// Returns about how many bytes of memory it holds.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let frames: usize = self.frames.iter().map(Frame::size_bytes).sum();
        let states: usize = self.states.iter().map(State::size_bytes).sum();
        frames + states + self.events.iter().map(|event| event.size_bytes()).sum::<usize>()
    }
}

impl State {
    /// Returns about how many bytes of memory it holds.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        size_of::<Self>() + self.kind.len() + self.key.capacity() + self.data.capacity()
    }
}
