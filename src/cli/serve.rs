//! `observe serve`: the engine and its HTTP interface, until a signal ends them.

use std::{
    fmt::Write,
    io,
    process::ExitCode,
    time::{Duration, Instant},
};

use observe::{
    CollectorState, CollectorStatus, Engine, Handle,
    http::{self, BindError, Server},
};
use tokio::{
    runtime::{Builder, Runtime},
    time,
};
use tokio_util::sync::CancellationToken;

use super::{FAILED, Flag, Global, fail, fail_settings, print, signals::Signals, store_access};
use crate::{
    assemble::{self, AssembleError},
    settings::{Environment, Loaded, SettingsErrors},
    telemetry,
};

/// Starts the engine and its HTTP interface
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Listens on this address
    #[arg(long)]
    host: Option<String>,
    /// Listens on this port; 0 takes a free one
    #[arg(long)]
    port: Option<u16>,
    /// Mounts the routes of this profile at the root
    #[arg(long)]
    profile: Option<String>,
    /// Sets the environment to `development`, where problems show their cause
    #[arg(long, conflicts_with = "production")]
    reload: bool,
    /// Refuses to start with settings that are not fit for production
    #[arg(long)]
    production: bool,
}

/// Says why the server did not start, or ended.
#[derive(Debug, thiserror::Error)]
enum ServeError {
    #[error(transparent)]
    Assemble(#[from] AssembleError),
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error("cannot start the runtime")]
    Runtime(#[from] io::Error),
}

impl Args {
    pub(super) fn run(self, global: &Global, environment: &Environment) -> ExitCode {
        let loaded = match self.load(global, environment) {
            Ok(loaded) => loaded,
            Err(errors) => return fail_settings(&errors),
        };
        telemetry::start(loaded.settings.log, global.is_colored(&io::stderr(), environment));
        for remark in &loaded.remarks {
            tracing::warn!("{remark}");
        }
        match serve(&loaded) {
            Ok(()) => ExitCode::SUCCESS,
            Err(ServeError::Assemble(AssembleError::Settings(error))) => fail_settings(&error.into()),
            Err(error) => fail(&error, error.help(), FAILED),
        }
    }

    fn load(&self, global: &Global, environment: &Environment) -> Result<Loaded, SettingsErrors> {
        let loaded = global.load(None, environment, self.flags())?;
        if self.production {
            environment.check_production()?;
        }
        Ok(loaded)
    }

    fn flags(&self) -> Vec<Flag> {
        let host = self.host.as_deref().map(|host| ("server.host", host.into(), "--host"));
        let port = self.port.map(|port| ("server.port", i64::from(port).into(), "--port"));
        let profile = self.profile.as_deref().map(|profile| ("server.profile", profile.into(), "--profile"));
        let reload = self.reload.then(|| ("server.environment", "development".into(), "--reload"));
        let production = self.production.then(|| ("server.environment", "production".into(), "--production"));
        [host, port, profile, reload, production].into_iter().flatten().collect()
    }
}

impl ServeError {
    const fn help(&self) -> &'static str {
        match self {
            Self::Assemble(AssembleError::Store(_)) => {
                "set store.url to a database that this process may write to, or to \"memory\" to keep nothing"
            }
            Self::Assemble(AssembleError::Tracing(_)) => {
                "set ebpf.mode to \"auto\" to go on without; `observe doctor` says what each feature lacks"
            }
            Self::Assemble(_) | Self::Runtime(_) => "raise the limits of threads, of memory or of open files",
            Self::Bind(_) => "stop what uses the address, or choose another with --host and --port",
        }
    }
}

/// Listens, collects and answers until a signal says stop, then drains.
fn serve(loaded: &Loaded) -> Result<(), ServeError> {
    let runtime = runtime(loaded.settings.server.worker_threads)?;
    let stop = CancellationToken::new();
    let context = runtime.enter();
    if let Some(signals) = Signals::new() {
        runtime.spawn(signals.watch(stop.clone()));
    }
    drop(context);
    let (engine, until) = runtime.block_on(answer(loaded, stop))?;
    let report = engine.shutdown(until.saturating_duration_since(Instant::now()));
    if !report.is_clean() {
        tracing::warn!(stuck = ?report.stuck, unstored_bytes = report.unstored_bytes, "the drain was not clean");
    }
    tracing::info!("stopped");
    Ok(())
}

/// Answers requests until `stop`; returns the engine and when its drain must be over.
async fn answer(loaded: &Loaded, stop: CancellationToken) -> Result<(Engine, Instant), ServeError> {
    let server = Server::bind(&loaded.settings.server).await?;
    let (engine, kernel) = assemble::engine(loaded).await?;
    tracing::info!(store = store_access::place(&loaded.settings.store), "what is observed is stored");
    announce(loaded, &server);
    let state = assemble::http_state(loaded, &engine, kernel).with_server_stats(server.stats());
    let answering = server.serve(http::router(state), stop.clone(), REQUESTS_GRACE);
    let reporting = report_sources(engine.handle());
    let ending = async {
        stop.cancelled().await;
        engine.handle().begin_drain();
        tracing::info!("stopping");
        Instant::now() + GRACE
    };
    let (drained, (), until) = tokio::join!(answering, reporting, ending);
    if drained.cut_connections > 0 {
        tracing::warn!(connections = drained.cut_connections, "connections were cut at the end of the drain");
    }
    Ok((engine, until))
}

fn runtime(threads: usize) -> io::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    if threads > 0 {
        builder.worker_threads(threads);
    }
    builder.thread_name("observe-http").enable_all().build()
}

fn announce(loaded: &Loaded, server: &Server) {
    let mut text = format!("observe {}, profile {}\n", env!("CARGO_PKG_VERSION"), loaded.settings.server.profile);
    for address in server.local_addrs() {
        // Writing to a string cannot fail.
        writeln!(text, "listening on http://{address}").unwrap_or_default();
    }
    print(&text);
    if server.local_addrs().iter().any(|address| !address.ip().is_loopback()) {
        tracing::warn!("every route is open to whoever reaches this host: accounts are not built yet");
    }
}

/// Prints a table of the sources as soon as each has tried its first reading.
async fn report_sources(handle: &Handle) {
    let patience = Instant::now() + FIRST_READINGS;
    loop {
        let sources = handle.collectors();
        let is_settled = sources.iter().all(|source| source.state != CollectorState::Starting);
        if is_settled || Instant::now() > patience || handle.is_draining() {
            print(&table(&sources));
            return;
        }
        time::sleep(Duration::from_millis(20)).await;
    }
}

fn table(sources: &[CollectorStatus]) -> String {
    let mut text = format!("{} sources:\n", sources.len());
    for CollectorStatus { name, state, interval, reason, .. } in sources {
        let every = format!("every {} s", interval.as_secs_f64());
        let line = format!("  {name:<12} {:<12} {every:<12} {}", state.as_str(), reason.as_deref().unwrap_or_default());
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// How long a drain may take in all, and how long of it requests may take.
const GRACE: Duration = Duration::from_secs(10);
const REQUESTS_GRACE: Duration = Duration::from_secs(8);

/// How long to wait for first readings before the table is printed anyway.
const FIRST_READINGS: Duration = Duration::from_secs(2);
