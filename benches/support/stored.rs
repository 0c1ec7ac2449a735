//! Stores, and hosts to fill them with.

use std::{sync::Arc, time::Duration};

use observe::{Commit, Store, Timestamp, Upkeep};

use super::recording::{Player, Recording};

/// Producers that are sampled together.
#[derive(Debug)]
pub(crate) struct Hosts {
    pub(crate) recording: Arc<Recording>,
    pub(crate) players: Vec<Player>,
}

impl Hosts {
    /// Makes `producers` of `columns` series for each of `subjects` subjects.
    pub(crate) fn new(recording: &Arc<Recording>, producers: usize, columns: usize, subjects: usize) -> Self {
        let players = (0..producers).map(|number| Player::new(recording, number, columns, subjects)).collect();
        Self { recording: Arc::clone(recording), players }
    }

    /// Makes 13 producers of 100 series: as many as this project's collectors have of a host.
    pub(crate) fn one(recording: &Arc<Recording>) -> Self {
        Self::new(recording, 13, 100, 1)
    }

    pub(crate) fn series(&self) -> usize {
        self.players.iter().map(Player::series).sum()
    }

    /// Makes a commit of `ticks` ticks from `first` on.
    pub(crate) fn commit(&mut self, first: usize, ticks: usize) -> Commit {
        let mut frames = Vec::with_capacity(ticks * self.players.len());
        for tick in first..first + ticks {
            frames.extend(self.players.iter_mut().map(|player| player.frame(tick)));
        }
        Commit { frames, ..Commit::default() }
    }
}

/// Does all that is to be done to keep a store in order.
pub(crate) async fn keep(store: &impl Store, now: Timestamp) {
    while store.maintain(now).await.unwrap() == Upkeep::More {}
}

/// Packs everything, as after a long silence.
pub(crate) async fn finish(store: &impl Store, now: Timestamp) {
    keep(store, now + Duration::from_secs(7_200)).await;
}

/// Runs what waits for a store, as the engine does: on one thread.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}
