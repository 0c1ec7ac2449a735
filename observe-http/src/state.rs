//! What handlers share.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use axum::{body::Bytes, extract::FromRef};
use observe_core::{Handle, KernelBoard};
use rand::Rng;

use crate::{
    Config, ServerStats,
    aside::Aside,
    layers::{HttpMetrics, Rules},
    openapi,
    page::Cursors,
    process::ProcessMeter,
    recent::{Rate, Rise},
    rendered::Rendered,
    routes::root::Endpoint,
};

/// Everything that the routes need: an engine's handle and the settings. Clones share it.
#[derive(Clone)]
pub struct AppState {
    shared: Arc<Shared>,
    cursors: Cursors,
    server: Option<Arc<ServerStats>>,
    kernel: KernelBoard,
    trend_significance: f64,
}

struct Shared {
    handle: Handle,
    config: Config,
    metrics: Arc<HttpMetrics>,
    rules: Arc<Rules>,
    rendered: Rendered,
    aside: Aside,
    process: ProcessMeter,
    refusals: Rise,
    published: Rate,
    endpoints: Vec<Endpoint>,
    document: OnceLock<Bytes>,
    subscribers: AtomicU64,
}

impl AppState {
    /// Serves from an engine. Cursors are signed with a key that lives as long as this state.
    #[must_use]
    pub fn new(handle: Handle, config: Config) -> Self {
        let metrics = Arc::<HttpMetrics>::default();
        let shared = Shared {
            handle,
            rules: Arc::new(Rules::new(&config, Arc::clone(&metrics))),
            metrics,
            rendered: Rendered::default(),
            aside: Aside::default(),
            process: ProcessMeter::default(),
            refusals: Rise::default(),
            published: Rate::default(),
            endpoints: config.profile.rows(&config).iter().map(Endpoint::new).collect(),
            document: OnceLock::new(),
            subscribers: AtomicU64::new(0),
            config,
        };
        let mut key = [0; 32];
        rand::rng().fill_bytes(&mut key);
        Self {
            shared: Arc::new(shared),
            cursors: Cursors::new(&key),
            server: None,
            kernel: KernelBoard::default(),
            trend_significance: 1.0,
        }
    }

    /// Signs cursors with a key that other processes have too, or that survives a restart.
    #[must_use]
    pub fn with_cursor_key(mut self, key: &[u8; 32]) -> Self {
        self.cursors = Cursors::new(key);
        self
    }

    /// Shows what collectors of the kernel say about themselves. Without it, tracing is said to be switched off.
    #[must_use]
    pub fn with_kernel(mut self, board: KernelBoard) -> Self {
        self.kernel = board;
        self
    }

    /// Calls a slope rising or falling only with a p-value of at most `limit`; unless set, the sign alone decides.
    #[must_use]
    pub const fn with_trend_significance(mut self, limit: f64) -> Self {
        self.trend_significance = limit;
        self
    }

    /// Shows the counters of the server that the routes are behind.
    #[must_use]
    pub fn with_server_stats(mut self, stats: Arc<ServerStats>) -> Self {
        stats.count_refusals_in(Arc::clone(&self.shared.metrics));
        self.server = Some(stats);
        self
    }

    /// Returns the settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// Returns the engine's handle.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        &self.shared.handle
    }

    pub(crate) const fn kernel(&self) -> &KernelBoard {
        &self.kernel
    }

    pub(crate) const fn trend_significance(&self) -> f64 {
        self.trend_significance
    }

    pub(crate) fn metrics(&self) -> &HttpMetrics {
        &self.shared.metrics
    }

    pub(crate) fn rules(&self) -> &Arc<Rules> {
        &self.shared.rules
    }

    pub(crate) fn rendered(&self) -> &Rendered {
        &self.shared.rendered
    }

    pub(crate) fn aside(&self) -> &Aside {
        &self.shared.aside
    }

    pub(crate) fn process(&self) -> &ProcessMeter {
        &self.shared.process
    }

    /// Returns what is known about items that the intake refused.
    pub(crate) fn refusals(&self) -> &Rise {
        &self.shared.refusals
    }

    /// Returns how fast events are published.
    pub(crate) fn published(&self) -> &Rate {
        &self.shared.published
    }

    pub(crate) fn endpoints(&self) -> &[Endpoint] {
        &self.shared.endpoints
    }

    /// Returns the description of the interface as it stands below the path `prefix`. At the root it is made once: nested
    /// routers can be reached by any number of paths.
    pub(crate) fn document(&self, prefix: &str) -> Bytes {
        let make = || openapi::document(&self.shared.config, prefix).into();
        if prefix.is_empty() { self.shared.document.get_or_init(make).clone() } else { make() }
    }

    pub(crate) const fn cursors(&self) -> &Cursors {
        &self.cursors
    }

    pub(crate) fn server(&self) -> Option<&ServerStats> {
        self.server.as_deref()
    }

    /// Makes the id of a new subscriber to the bus.
    pub(crate) fn subscriber_id(&self, kind: &str) -> String {
        format!("{kind}-{}", self.shared.subscribers.fetch_add(1, Relaxed) + 1)
    }
}

impl fmt::Debug for AppState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppState").field("config", &self.shared.config).finish_non_exhaustive()
    }
}

impl FromRef<AppState> for Handle {
    fn from_ref(state: &AppState) -> Self {
        state.handle().clone()
    }
}
