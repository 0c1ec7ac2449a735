//! One connection, from its first byte to its last.

use std::{
    convert::Infallible,
    future::Future,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Router, body::Body, response::Response};
use futures_util::future::{Either, Ready, ready};
use http::Request;
use hyper::{body::Incoming, rt::Executor, service::Service};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{net::TcpStream, sync::OwnedSemaphorePermit};
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};
use tower::Service as _;

use super::{Hub, ServerStats, guard, wire::Wire};
use crate::{Config, layers};

/// The connection that a request came in on. Streams that outlive their request hold on to it.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    shared: Arc<Held>,
}

/// What is given back when the last stream of a connection has ended.
#[derive(Debug)]
struct Held {
    draining: CancellationToken,
    stats: Arc<ServerStats>,
    _permit: OwnedSemaphorePermit,
    _task: TaskTrackerToken,
}

impl Connection {
    /// Returns what is cancelled when streams should end.
    pub(crate) fn draining(&self) -> CancellationToken {
        self.shared.draining.clone()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.stats.count_closed();
    }
}

/// What both protocols allow.
pub(super) struct Protocol {
    config: Config,
}

impl Protocol {
    pub(super) fn new(config: &Config) -> Self {
        Self { config: config.clone() }
    }

    const fn first_byte_timeout(&self) -> Duration {
        self.config.first_byte_timeout()
    }

    fn builder(&self, executor: Tracked) -> auto::Builder<Tracked> {
        let config = &self.config;
        let mut builder = auto::Builder::new(executor);
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(config.header_timeout())
            .max_headers(config.max_headers)
            .max_buf_size(config.max_header_bytes.max(MIN_BUFFER_BYTES));
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(config.max_streams)
            .max_header_list_size(u32::try_from(config.max_header_bytes).unwrap_or(u32::MAX))
            .keep_alive_interval(KEEP_ALIVE_INTERVAL)
            .keep_alive_timeout(config.header_timeout());
        builder
    }
}

/// Serves one connection until it ends, the hub drains, or the hub cuts it.
pub(super) async fn serve(stream: TcpStream, permit: OwnedSemaphorePermit, hub: Arc<Hub>) {
    hub.stats.count_accepted();
    let connection = Connection {
        shared: Arc::new(Held {
            draining: hub.draining.clone(),
            stats: Arc::clone(&hub.stats),
            _permit: permit,
            _task: hub.tasks.token(),
        }),
    };
    let opened = tokio::select! {
        opened = tokio::time::timeout(hub.protocol.first_byte_timeout(), Wire::open(stream, hub.protocol.config.write_timeout())) => opened,
        () = hub.draining.cancelled() => return,
    };
    let wire = match opened {
        Ok(Ok(wire)) => wire,
        Ok(Err(_)) => return,
        Err(_) => return hub.stats.count_silent(),
    };
    let executor = Tracked { tasks: hub.tasks.clone(), cut: hub.cut.clone() };
    let builder = hub.protocol.builder(executor);
    let service = Guarded { router: hub.router.clone(), max_headers: hub.protocol.config.max_headers, connection };
    let mut served = pin!(builder.serve_connection_with_upgrades(TokioIo::new(wire), service));
    let outcome = tokio::select! {
        outcome = served.as_mut() => outcome,
        () = hub.cut.cancelled() => return,
        () = hub.draining.cancelled() => {
            served.as_mut().graceful_shutdown();
            tokio::select! {
                outcome = served.as_mut() => outcome,
                () = hub.cut.cancelled() => return,
            }
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(error, "a connection ended early");
    }
}

/// Refuses ambiguous requests, and hands the others to the router.
struct Guarded {
    router: Router,
    max_headers: usize,
    connection: Connection,
}

impl Service<Request<Incoming>> for Guarded {
    type Error = Infallible;
    type Future = Either<Ready<Result<Response, Infallible>>, axum::routing::future::RouteFuture<Infallible>>;
    type Response = Response;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        if let Some(problem) = guard::refusal(&request, self.max_headers) {
            let started = Instant::now();
            let response = layers::refuse(&problem, request.headers(), request.uri());
            self.connection.shared.stats.count_refusal(request.method(), response.status(), started.elapsed());
            return Either::Left(ready(Ok(response)));
        }
        request.extensions_mut().insert(self.connection.clone());
        Either::Right(self.router.clone().call(request.map(Body::new)))
    }
}

/// Runs the requests of an HTTP/2 connection as tasks that the hub owns.
#[derive(Clone)]
struct Tracked {
    tasks: TaskTracker,
    cut: CancellationToken,
}

impl<F> Executor<F> for Tracked
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, future: F) {
        let cut = self.cut.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                _ = future => {}
                () = cut.cancelled() => {}
            }
        });
    }
}

const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(20);

/// The least that the library takes.
const MIN_BUFFER_BYTES: usize = 8 << 10;
