//! The accept loop: HTTP/1 and HTTP/2 on as many addresses as wanted, with a bound on everything a client can hold.

mod bind;
mod connection;
mod guard;
mod stats;
mod wire;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(crate) use self::connection::Connection;
use self::connection::Protocol;
pub use self::{bind::BindError, stats::ServerStats};
use crate::Config;

/// Listens, and serves a router until it is told to stop.
///
/// # Examples
///
/// ```
/// use observe_core::Engine;
/// use observe_http::{AppState, Config, Server, router};
/// use std::time::Duration;
/// use tokio_util::sync::CancellationToken;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut config = Config::default();
/// config.port = 0;
/// let engine = Engine::builder().start()?;
/// let server = Server::bind(&config).await?;
/// let state = AppState::new(engine.handle().clone(), config).with_server_stats(server.stats());
///
/// let stop = CancellationToken::new();
/// stop.cancel();
/// let drained = server.serve(router(state), stop, Duration::from_secs(10)).await;
///
/// assert_eq!(drained.cut_connections, 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Server {
    listeners: Vec<TcpListener>,
    local_addrs: Vec<SocketAddr>,
    config: Arc<Config>,
    stats: Arc<ServerStats>,
}

/// How serving ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Drained {
    /// Connections that were still busy when the grace period was over, and were cut.
    pub cut_connections: u64,
}

impl Server {
    /// Listens on every address of the settings.
    ///
    /// # Errors
    ///
    /// Names the address that cannot be listened on, and what to do about it.
    pub async fn bind(config: &Config) -> Result<Self, BindError> {
        let listeners = bind::listeners(config).await?;
        let local_addrs = listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect();
        Ok(Self { listeners, local_addrs, config: Arc::new(config.clone()), stats: Arc::default() })
    }

    /// Returns the addresses that are listened on, with the ports that the system chose.
    #[must_use]
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.local_addrs
    }

    /// Returns the counters of connections, which go on to be kept while serving.
    #[must_use]
    pub fn stats(&self) -> Arc<ServerStats> {
        Arc::clone(&self.stats)
    }

    /// Serves until `stop` is cancelled, then takes no more connections, ends streams, and lets requests finish within
    /// `grace`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the call closes the listeners; connections end when their clients leave.
    pub async fn serve(self, router: Router, stop: CancellationToken, grace: Duration) -> Drained {
        let hub = Arc::new(Hub {
            protocol: Protocol::new(&self.config),
            permits: Arc::new(Semaphore::new(self.config.max_connections)),
            router,
            stats: self.stats,
            tasks: TaskTracker::new(),
            draining: stop.child_token(),
            cut: CancellationToken::new(),
        });
        let mut loops = JoinSet::new();
        for listener in self.listeners {
            loops.spawn(accept(listener, Arc::clone(&hub)));
        }
        stop.cancelled().await;
        while loops.join_next().await.is_some() {}
        hub.drain(grace).await
    }
}

/// What all connections share.
struct Hub {
    protocol: Protocol,
    permits: Arc<Semaphore>,
    router: Router,
    stats: Arc<ServerStats>,
    tasks: TaskTracker,
    /// Requests may finish, streams end.
    draining: CancellationToken,
    /// Everything ends at once.
    cut: CancellationToken,
}

impl Hub {
    async fn drain(&self, grace: Duration) -> Drained {
        self.tasks.close();
        if tokio::time::timeout(grace, self.tasks.wait()).await.is_ok() {
            return Drained { cut_connections: 0 };
        }
        let cut_connections = self.stats.open();
        self.cut.cancel();
        self.tasks.wait().await;
        Drained { cut_connections }
    }
}

/// Accepts connections until the hub drains. When the most connections are open it waits; those that knock meanwhile
/// wait in the system's own queue.
async fn accept(listener: TcpListener, hub: Arc<Hub>) {
    loop {
        if hub.permits.available_permits() == 0 {
            hub.stats.count_wait();
        }
        let accepted = async {
            let permit = Arc::clone(&hub.permits).acquire_owned().await.ok()?;
            Some((permit, listener.accept().await))
        };
        let (permit, stream) = tokio::select! {
            biased;
            () = hub.draining.cancelled() => return,
            accepted = accepted => match accepted {
                Some((permit, Ok((stream, _)))) => (permit, stream),
                Some((_, Err(error))) => {
                    pause_after(&error).await;
                    continue;
                }
                None => return,
            },
        };
        prepare(&stream);
        hub.tasks.spawn(connection::serve(stream, permit, Arc::clone(&hub)));
    }
}

/// Answers are written whole, so waiting for more to send only delays them.
fn prepare(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps its delay");
    }
}

/// A client that left before it was accepted costs nothing; want of descriptors passes only with time.
async fn pause_after(error: &std::io::Error) {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted) {
        return;
    }
    tracing::error!(%error, "cannot accept connections, trying again");
    tokio::time::sleep(PAUSE).await;
}

const PAUSE: Duration = Duration::from_millis(100);
