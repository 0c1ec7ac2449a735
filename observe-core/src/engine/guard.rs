//! Calls of a store, which must not take the caller with them.

use tokio::task::JoinSet;

use crate::StoreError;

/// Runs work of the store `name` in a task of its own, so that a panic in it is a failure and nothing worse.
pub(super) async fn guarded<T: Send + 'static>(
    name: &'static str,
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    let mut task = JoinSet::new();
    task.spawn(work);
    match task.join_next().await {
        Some(Ok(result)) => result,
        _ => Err(StoreError::Unavailable { store: name, reason: "it panicked".to_owned() }),
    }
}
