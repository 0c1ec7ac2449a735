//! The engine inside programs of your own: first in a plain loop without any server, then in an axum service that has
//! routes already.
//!
//! Run: `cargo run --example embed`. For three seconds it prints how busy this host is; then it says where it listens.
//! Ask it with `curl http://ADDRESS/` and `curl http://ADDRESS/observe/metrics/realtime`. Ctrl-C ends it.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::{error::Error, time::Duration};

use axum::{Router, routing::get};
use observe::{
    EventKinds, collectors,
    http::{AppState, Config, router},
    prelude::*,
};
use tokio::{net::TcpListener, runtime::Runtime, signal};

fn main() -> Result<(), Box<dyn Error>> {
    let mut builder = Engine::builder().host_name("here");
    for collector in collectors::collectors(&collectors::Config::default())? {
        builder = builder.boxed_collector(collector);
    }
    let engine = builder.start()?;

    plain_loop(engine.handle())?;
    Runtime::new()?.block_on(service(engine.handle().clone()))?;

    let report = engine.shutdown(Duration::from_secs(5));
    println!("everything was processed: {}", report.is_clean());
    Ok(())
}

fn plain_loop(handle: &Handle) -> Result<(), Box<dyn Error>> {
    let busy: MetricKey = "cpu.total".parse()?;
    let frames = Filter::kinds(EventKinds::from_iter([EventKind::CpuMetric]));
    let mut readings = handle.bus().subscribe("plain-loop", frames)?;
    let until = handle.now() + Duration::from_secs(3);
    while handle.now() < until {
        readings.wait_batch(100, Duration::from_secs(1));
        // A share needs two readings; before, there is none.
        if let Some(Point { value, .. }) = handle.latest(&busy) {
            println!("{busy} = {value:.1} %");
        }
    }
    Ok(())
}

async fn service(handle: Handle) -> Result<(), std::io::Error> {
    let state = AppState::new(handle, Config::default());
    let mine = Router::new().route("/", get(|| async { "my own service\n" }));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    let all = mine.nest("/observe", router(state));
    let stop = async { drop(signal::ctrl_c().await) };
    axum::serve(listener, all).with_graceful_shutdown(stop).await
}
