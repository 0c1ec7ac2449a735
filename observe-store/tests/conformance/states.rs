use observe_core::{Commit, State, Store};

use crate::support::at;

fn state(kind: &'static str, key: &str, data: &[u8]) -> State {
    State { kind: kind.into(), key: key.to_owned(), version: u32::MAX, data: data.to_vec(), updated_at: at(1) }
}

async fn commit(store: &dyn Store, states: impl Into<Vec<State>>) {
    store.commit(&Commit { states: states.into(), ..Commit::default() }).await.unwrap();
}

async fn keys(store: &dyn Store, after: Option<&str>, limit: usize) -> Vec<String> {
    let states = store.states("detector", after, limit).await.unwrap();
    states.into_iter().map(|state| state.key).collect()
}

pub(crate) async fn the_latest_state_stays(store: &dyn Store) {
    commit(store, [state("detector", "a", b"one"), state("detector", "a", b"two"), state("rule", "a", b"other")]).await;
    commit(store, [state("detector", "b", b""), state("detector", "c", &[0, 255])]).await;
    commit(store, [state("detector", "c", b"three")]).await;

    let states = store.states("detector", None, 10).await.unwrap();

    let expected = [state("detector", "a", b"two"), state("detector", "b", b""), state("detector", "c", b"three")];
    assert_eq!(states, expected);
    assert_eq!(store.states("rule", None, 10).await.unwrap().len(), 1);
    assert_eq!(store.states("nothing", None, 10).await.unwrap(), []);
}

pub(crate) async fn states_come_in_the_order_of_their_keys(store: &dyn Store) {
    let sorted = ["", "A", "B", "a", "a b", "a-b", "ab", "b", "ä", "🦀"];
    commit(store, sorted.iter().rev().map(|key| state("detector", key, b"")).collect::<Vec<_>>()).await;

    assert_eq!(keys(store, None, 100).await, sorted);
    assert_eq!(keys(store, None, 2).await, ["", "A"]);
    assert_eq!(keys(store, Some("a"), 3).await, ["a b", "a-b", "ab"]);
    assert_eq!(keys(store, Some("🦀"), 3).await, [] as [&str; 0]);
    assert_eq!(keys(store, Some(""), usize::MAX).await.len(), 9);
}
