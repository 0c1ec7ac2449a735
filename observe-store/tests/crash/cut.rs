//! Calls that are dropped before they end.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use observe_core::{Commit, Store as _};
use observe_store::{Config, SqlStore};

use crate::{
    Told,
    check::Checker,
    model::{Commits, Dice, commit_len, due},
};

/// A call that is dropped after so many polls.
struct Cut<'a, T> {
    call: Pin<Box<dyn Future<Output = T> + Send + 'a>>,
    polls: u64,
}

impl<T> Future for Cut<'_, T> {
    /// `None` where the call did not end before.
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        if self.polls == 0 {
            return Poll::Ready(None);
        }
        self.polls -= 1;
        self.call.as_mut().poll(cx).map(Some)
    }
}

/// Has a store commit and keep itself in order, and drops many of the calls at any place. Returns how many commits were
/// dropped.
pub(crate) async fn cut_again_and_again(config: &Config, dice: &mut Dice, checker: &mut Checker, times: u32) -> u32 {
    let mut store = SqlStore::open(config).await.unwrap();
    let mut commits = Commits::new();
    let mut dropped = 0;
    for time in 0..times {
        let first = checker.next_tick();
        let last = first + commit_len(first) - 1;
        let told = commit(&store, &commits.commit(first, last), (first, last), dice, &mut dropped).await;
        // Until here it may not be decided what becomes of a call that was dropped.
        store.commit(&Commit::default()).await.unwrap();
        checker.learn(&store, &told).await;
        for _ in 0..dice.below(12) {
            let call = Cut { call: store.maintain(due(last)), polls: polls(dice) };
            call.await.unwrap_or(Ok(observe_core::Upkeep::More)).unwrap();
        }
        if dice.below(25) == 0 {
            store.close().await.unwrap();
            store = SqlStore::open(config).await.unwrap();
            commits = Commits::new();
        }
        if time % 40 == 39 || time + 1 == times {
            checker.compare(&store, 0).await;
        }
    }
    store.close().await.unwrap();
    dropped
}

/// Commits, and where the call is dropped tries again or leaves it at that.
async fn commit(store: &SqlStore, commit: &Commit, ticks: (u64, u64), dice: &mut Dice, dropped: &mut u32) -> Told {
    loop {
        let call = Cut { call: store.commit(commit), polls: polls(dice) };
        match call.await {
            Some(outcome) => {
                outcome.unwrap();
                return Told { commits: vec![ticks], ..Told::default() };
            }
            None => *dropped += 1,
        }
        if dice.below(2) == 0 {
            return Told { open: Some(ticks), ..Told::default() };
        }
    }
}

/// Few polls more often than many.
fn polls(dice: &mut Dice) -> u64 {
    let end = 2 << dice.below(6);
    dice.below(end)
}
