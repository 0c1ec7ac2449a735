//! Work that takes milliseconds, kept away from the threads that answer everything else.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Problem;

/// Runs costly questions on threads of their own, few at a time.
#[derive(Debug)]
pub(crate) struct Aside {
    /// Those that run or wait.
    places: Arc<Semaphore>,
    /// Those that run.
    running: Arc<Semaphore>,
}

impl Aside {
    fn new(max_running: usize, max_waiting: usize) -> Self {
        let places = Arc::new(Semaphore::new(max_running + max_waiting));
        Self { places, running: Arc::new(Semaphore::new(max_running)) }
    }

    /// Computes an answer. When too many wait already, the client is told to come back.
    pub(crate) async fn answer<T: Send + 'static>(
        &self,
        compute: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| busy())?;
        self.run(Some(place), compute).await?
    }

    /// Computes a part of a stream, which has been let in already and therefore waits as long as it takes.
    pub(crate) async fn part<T: Send + 'static>(
        &self,
        compute: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        self.run(None, compute).await
    }

    async fn run<T: Send + 'static>(
        &self,
        place: Option<OwnedSemaphorePermit>,
        compute: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let permit = Arc::clone(&self.running).acquire_owned().await.map_err(|_| busy())?;
        // The permits go along: work whose client has left still takes its thread until it ends.
        let work = move || {
            let _held = (place, permit);
            compute()
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| Problem::internal(error.to_string()))
    }
}

/// Waits for the store, on a thread of work that is done aside.
pub(crate) fn wait<T>(answer: impl Future<Output = T>) -> T {
    tokio::runtime::Handle::current().block_on(answer)
}

impl Default for Aside {
    fn default() -> Self {
        Self::new(MAX_RUNNING, MAX_WAITING)
    }
}

fn busy() -> Problem {
    Problem::unavailable("busy", "too many costly questions wait already", RETRY_AFTER_SECONDS)
}

const MAX_RUNNING: usize = 4;
const MAX_WAITING: usize = 32;
const RETRY_AFTER_SECONDS: u32 = 1;

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tokio::task::JoinSet;

    use super::*;

    #[tokio::test]
    async fn those_too_many_are_told_to_come_back() {
        let aside = Arc::new(Aside::new(1, 1));
        let (release, released) = mpsc::channel::<()>();
        let mut tasks = JoinSet::new();
        let (first, second) = (Arc::clone(&aside), Arc::clone(&aside));
        tasks.spawn(async move { first.answer(move || Ok(released.recv().is_ok())).await.is_ok() });
        tasks.spawn(async move { second.answer(|| Ok(true)).await.is_ok() });
        while aside.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }

        let refused = aside.answer(|| Ok(())).await.unwrap_err();
        release.send(()).unwrap();
        let outcomes = tasks.join_all().await;

        assert_eq!(refused.status(), 503);
        assert_eq!(outcomes, [true, true]);
        assert!(aside.answer(|| Ok(())).await.is_ok());
    }

    #[tokio::test]
    async fn a_panic_is_a_500_and_gives_its_place_back() {
        let aside = Aside::new(1, 0);

        let outcome = aside.answer::<()>(|| panic!("a secret")).await.unwrap_err();

        assert_eq!(outcome.status(), 500);
        assert!(aside.answer(|| Ok(())).await.is_ok());
    }
}
