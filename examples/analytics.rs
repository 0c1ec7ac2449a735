//! A server with the profile `analytics` alone: metrics in real time and in the past, anomalies, trends, events.
//!
//! Run: `cargo run --example analytics`. It says where it listens and lists a few questions; ask them with `curl`.
//! Ctrl-C ends it: requests finish, streams end, and everything that was collected is processed.
#![expect(clippy::print_stdout, reason = "an example says where it listens")]

use std::{error::Error, sync::Arc, time::Duration};

use observe::{
    collectors,
    http::{AppState, Config, Profile, Server, router},
    ml,
    prelude::*,
    store::MemoryStore,
};
use tokio::{runtime::Runtime, signal};
use tokio_util::sync::CancellationToken;

fn main() -> Result<(), Box<dyn Error>> {
    let mut builder = Engine::builder().host_name("here").store(Arc::new(MemoryStore::new(1 << 20)));
    for collector in collectors::collectors(&collectors::Config::default())? {
        builder = builder.boxed_collector(collector);
    }
    for detector in ml::detectors(&ml::Config::default())? {
        builder = builder.detector(detector);
    }
    let engine = builder.start()?;

    let mut config = Config::default();
    config.profile = Profile::Analytics;
    config.port = 0; // A free one.
    Runtime::new()?.block_on(serve(engine.handle().clone(), config))?;

    let report = engine.shutdown(Duration::from_secs(5));
    println!("everything was processed: {}", report.is_clean());
    Ok(())
}

async fn serve(handle: Handle, config: Config) -> Result<(), Box<dyn Error>> {
    let server = Server::bind(&config).await?;
    for address in server.local_addrs() {
        println!("listening on http://{address}; ask for example");
        for question in QUESTIONS {
            println!("  curl 'http://{address}{question}'");
        }
    }
    let state = AppState::new(handle, config).with_server_stats(server.stats());
    let stop = CancellationToken::new();
    let wait = async {
        drop(signal::ctrl_c().await);
        stop.cancel();
    };
    let (drained, ()) = tokio::join!(server.serve(router(state), stop.clone(), Duration::from_secs(5)), wait);
    println!("{} connections were cut", drained.cut_connections);
    Ok(())
}

const QUESTIONS: [&str; 5] = [
    "/metrics/realtime",
    "/metrics/history?metric_key=cpu.total&seconds=60",
    "/trends?metric_key=memory.percent",
    "/anomalies?limit=10",
    "/stats",
];
