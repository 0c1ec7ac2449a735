//! Counters of connections.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use http::{Method, StatusCode};

use crate::layers::{HttpMetrics, UNMATCHED};

/// What became of connections.
#[derive(Debug, Default)]
pub struct ServerStats {
    open: AtomicU64,
    accepted: AtomicU64,
    waits: AtomicU64,
    silent: AtomicU64,
    requests: OnceLock<Arc<HttpMetrics>>,
}

impl ServerStats {
    /// Returns how many connections are open.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.open.load(Relaxed)
    }

    /// Returns how many connections were accepted so far.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Relaxed)
    }

    /// Returns how often accepting had to wait because the most connections were open.
    #[must_use]
    pub fn waits(&self) -> u64 {
        self.waits.load(Relaxed)
    }

    /// Returns how many connections were closed because they said nothing in time.
    #[must_use]
    pub fn silent(&self) -> u64 {
        self.silent.load(Relaxed)
    }

    /// Counts requests that are refused before they reach a route there, among those that match none. The first call
    /// decides.
    pub(crate) fn count_refusals_in(&self, requests: Arc<HttpMetrics>) {
        self.requests.get_or_init(|| requests);
    }

    pub(super) fn count_refusal(&self, method: &Method, status: StatusCode, duration: Duration) {
        if let Some(requests) = self.requests.get() {
            requests.route(UNMATCHED).record(method, status, duration);
        }
    }

    pub(super) fn count_accepted(&self) {
        self.accepted.fetch_add(1, Relaxed);
        self.open.fetch_add(1, Relaxed);
    }

    pub(super) fn count_closed(&self) {
        self.open.fetch_sub(1, Relaxed);
    }

    pub(super) fn count_wait(&self) {
        self.waits.fetch_add(1, Relaxed);
    }

    pub(super) fn count_silent(&self) {
        self.silent.fetch_add(1, Relaxed);
    }
}
