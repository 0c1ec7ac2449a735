//! Signals: the first asks for a drain, the second ends the process.

use std::process;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The signals that end a server.
#[cfg(unix)]
pub(super) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

/// The signals that end a server.
#[cfg(not(unix))]
pub(super) struct Signals;

impl Signals {
    /// Cancels `stop` at the first SIGINT or SIGTERM and ends the process at the second.
    pub(super) async fn watch(mut self, stop: CancellationToken) {
        self.next().await;
        stop.cancel();
        let code = self.next().await;
        process::exit(code);
    }
}

/// Whether a signal asked a command to end.
#[derive(Debug)]
pub(super) struct Stop {
    asked: CancellationToken,
    /// Holds the watch over the signals for as long as the command goes on.
    _watch: JoinSet<()>,
}

impl Stop {
    /// Takes the signals over, from within a runtime: the first asks to end, the second ends the process.
    pub(super) fn new() -> Self {
        let (asked, mut watch) = (CancellationToken::new(), JoinSet::new());
        if let Some(signals) = Signals::new() {
            watch.spawn(signals.watch(asked.clone()));
        }
        Self { asked, _watch: watch }
    }

    pub(super) fn is_asked(&self) -> bool {
        self.asked.is_cancelled()
    }

    /// Waits until it is asked for.
    pub(super) async fn asked(&self) {
        self.asked.cancelled().await;
    }
}

#[cfg(unix)]
impl Signals {
    /// Takes the signals over, from within a runtime.
    pub(super) fn new() -> Option<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        let signals = signal(SignalKind::interrupt())
            .and_then(|interrupt| Ok(Self { interrupt, terminate: signal(SignalKind::terminate())? }));
        signals.inspect_err(|error| tracing::warn!(%error, "signals end the process without a drain")).ok()
    }

    /// Waits for a signal; returns the exit code that tells a shell which one it was.
    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.interrupt.recv() => 130,
            _ = self.terminate.recv() => 143,
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    #[expect(clippy::unnecessary_wraps, reason = "it can fail on other systems")]
    pub(super) fn new() -> Option<Self> {
        Some(Self)
    }

    async fn next(&mut self) -> i32 {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        130
    }
}
