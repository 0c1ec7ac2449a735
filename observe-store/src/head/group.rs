//! Who sits where in a group, and what it said last: the writer's side.

use super::{
    buffer::Staged,
    places::{PLACES, PlaceSet},
    tick::{State, Tick},
};

/// Up to 512 series of one producer, which are sampled together and packed together.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) id: i64,
    /// Which group of its producer it is, from 0.
    pub(crate) ordinal: usize,
    state: State,
    /// Places whose series changed since the last tick.
    moved: Vec<(usize, u32)>,
    /// Places that nobody has.
    free: PlaceSet,
    /// Places that were left; what is not yet packed may still speak of whoever had them.
    left: PlaceSet,
    /// Whether the next tick must be understood without those before it.
    needs_whole: bool,
    next: Vec<f64>,
    present: PlaceSet,
    /// Ticks that are not yet durable; those of another period are apart.
    staged: Vec<Staged>,
    /// When the period of the last tick begins.
    period: Option<i64>,
}

impl Group {
    /// Makes a group that nobody sits in.
    pub(crate) fn new(id: i64, ordinal: usize) -> Self {
        let mut free = PlaceSet::default();
        (0..PLACES).for_each(|place| free.insert(place));
        Self {
            id,
            ordinal,
            state: State::default(),
            moved: Vec::new(),
            free,
            left: PlaceSet::default(),
            needs_whole: true,
            next: vec![0.0; PLACES],
            present: PlaceSet::default(),
            staged: Vec::new(),
            period: None,
        }
    }

    /// Walks over the places that nobody has.
    pub(crate) fn free(&self) -> impl Iterator<Item = usize> {
        self.free.iter()
    }

    /// Returns whether a series that once had this place may have it again.
    pub(crate) fn can_return(&self, place: usize, series: u32) -> bool {
        let holder = self.state.series.get(place).copied();
        self.free.contains(place) || self.left.contains(place) && holder == Some(series)
    }

    /// Keeps a place for a series that had it before a restart.
    pub(crate) fn reserve(&mut self, place: usize) {
        self.free.remove(place);
    }

    /// Gives a place to a series.
    pub(crate) fn seat(&mut self, place: usize, series: u32) {
        self.free.remove(place);
        self.left.remove(place);
        if self.state.series.get(place) != Some(&series) {
            self.moved.push((place, series));
        }
    }

    /// Takes note that a series left its place.
    pub(crate) fn leave(&mut self, place: usize) {
        self.left.insert(place);
    }

    /// Notes a value of the tick that is being made.
    pub(crate) fn set(&mut self, place: usize, value: f64) {
        if let Some(next) = self.next.get_mut(place) {
            *next = value;
            self.present.insert(place);
        }
    }

    /// Ends a tick, in the period that begins at `period`. The first tick of a later period than any before closes what
    /// the group has so far.
    pub(crate) fn finish_tick(&mut self, timestamp: i64, period: i64) {
        let closes = self.period.is_some_and(|before| period > before);
        self.period = self.period.max(Some(period));
        if closes {
            self.free_left();
        }
        if closes || self.staged.is_empty() {
            self.staged.push(Staged { closes, ..Staged::default() });
        }
        let tick = Tick {
            timestamp,
            present: self.present,
            values: &self.next,
            moved: &self.moved,
            is_whole: self.needs_whole,
        };
        if let Some(staged) = self.staged.last_mut() {
            self.state.write(&tick, &mut staged.bytes);
            staged.count(timestamp);
        }
        self.present = PlaceSet::default();
        self.moved.clear();
        self.needs_whole = false;
    }

    /// Returns the ticks that are not yet durable.
    pub(crate) fn staged(&self) -> &[Staged] {
        &self.staged
    }

    /// Takes the ticks that are not yet durable.
    pub(crate) fn take_staged(&mut self) -> Vec<Staged> {
        std::mem::take(&mut self.staged)
    }

    /// Makes the next tick one that says everything: what was written may not have become durable, or stands elsewhere.
    pub(crate) const fn start_anew(&mut self) {
        self.needs_whole = true;
    }

    /// Frees the places that were left: what is written from now on is packed apart from what speaks of their holders,
    /// and must be understood without it.
    pub(crate) fn free_left(&mut self) {
        for place in self.left.iter() {
            self.free.insert(place);
            if let Some(series) = self.state.series.get_mut(place) {
                *series = 0;
            }
        }
        self.left = PlaceSet::default();
        self.start_anew();
    }
}
