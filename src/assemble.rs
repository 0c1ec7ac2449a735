//! The only place that names implementations: makes an engine and its HTTP interface out of settings.

use std::sync::Arc;

use observe::{
    Collector, DetectorFactory, Engine, KernelBoard, Limits, StartError, Store, StoreError,
    collectors::{self, InvalidConfig as InvalidCollectors},
    ebpf::{self, InvalidConfig as InvalidTracing, Tracing},
    http::AppState,
    ml::{self, Unmatched},
    store::{MemoryStore, SqlStore},
};

use crate::settings::{Loaded, Settings, SettingsError};

/// Says why an engine could not be made of settings.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AssembleError {
    /// The settings do not allow it.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The kernel must be traced, and does not let itself.
    #[error("cannot trace the kernel, which `ebpf.mode = \"kernel\"` asks for")]
    Tracing(#[from] ebpf::NothingTraced),
    /// A thread could not be started.
    #[error("cannot start the engine")]
    Start(#[from] StartError),
    /// The store cannot be used.
    #[error("cannot open the store")]
    Store(#[from] StoreError),
}

/// Says whether all parts can be made of the settings, without starting any.
pub(crate) fn check(loaded: &Loaded) -> Result<(), SettingsError> {
    server(loaded)?;
    memory(loaded)?;
    store_settings(loaded)?;
    detectors(loaded)?;
    collectors(loaded)?;
    tracing(loaded)?;
    Ok(())
}

/// Says what the settings allow and is probably not meant.
pub(crate) fn remarks(loaded: &Loaded) -> Vec<String> {
    let remark = |Unmatched { key, pattern, nearest, .. }| {
        let hint = nearest.map(|nearest| format!("; did you mean {nearest:?}?")).unwrap_or_default();
        format!("{}: `{key}`: {pattern:?} matches no metric that is known{hint}", loaded.origin(key))
    };
    ml::unmatched(&loaded.settings.ml).into_iter().map(remark).collect()
}

/// Starts an engine with everything that the settings ask for.
///
/// Returns the board on which tracing says how it is doing, too.
pub(crate) async fn engine(loaded: &Loaded) -> Result<(Engine, KernelBoard), AssembleError> {
    let limits = limits(&loaded.settings);
    let store = store(&loaded.settings, &limits).await?;
    let mut builder = Engine::builder().host_name(host_name()).store(store).limits(limits);
    for detector in detectors(loaded)? {
        builder = builder.detector(detector);
    }
    let mut tracing = tracing(loaded)?;
    if loaded.settings.ebpf.mode == ebpf::Mode::Kernel {
        tracing.check()?;
    }
    for collector in collectors(loaded)?.into_iter().chain(tracing.collectors) {
        builder = builder.boxed_collector(collector);
    }
    Ok((builder.start()?, tracing.board))
}

/// Makes the state of the HTTP interface of an engine.
pub(crate) fn http_state(loaded: &Loaded, engine: &Engine, kernel: KernelBoard) -> AppState {
    let Settings { server, ml, .. } = &loaded.settings;
    let state = AppState::new(engine.handle().clone(), server.clone()).with_kernel(kernel);
    state.with_trend_significance(ml.trend_significance)
}

async fn store(settings: &Settings, limits: &Limits) -> Result<Arc<dyn Store>, StoreError> {
    if settings.store.is_memory() {
        return Ok(Arc::new(MemoryStore::new(limits.budget().history)));
    }
    Ok(Arc::new(SqlStore::open(&settings.store).await?))
}

fn limits(settings: &Settings) -> Limits {
    let commit_interval = settings.store.commit_interval();
    Limits { memory_max_bytes: settings.memory.max_bytes, commit_interval, ..Limits::default() }
}

fn store_settings(loaded: &Loaded) -> Result<(), SettingsError> {
    loaded.settings.store.check().map_err(|error| problem_with(loaded, error.key(), &error.to_string()))
}

fn server(loaded: &Loaded) -> Result<(), SettingsError> {
    loaded.settings.server.check().map_err(|error| problem_with(loaded, error.key(), &error.to_string()))
}

fn memory(loaded: &Loaded) -> Result<(), SettingsError> {
    match loaded.settings.memory.problem() {
        Some(problem) => Err(loaded.invalid("memory.max_bytes", problem)),
        None => Ok(()),
    }
}

fn collectors(loaded: &Loaded) -> Result<Vec<Box<dyn Collector>>, SettingsError> {
    collectors::collectors(&loaded.settings.collectors).map_err(|error| match error {
        InvalidCollectors::Value { key, value, advice } => {
            loaded.invalid(key, format!("{value} cannot be used: {advice}"))
        }
        other => loaded.invalid("collectors", other.to_string()),
    })
}

/// Makes what traces the kernel; nothing is loaded yet.
pub(crate) fn tracing(loaded: &Loaded) -> Result<Tracing, SettingsError> {
    ebpf::tracing(&loaded.settings.tracing()).map_err(|error| match error {
        InvalidTracing::Value { key, value, advice } => {
            loaded.invalid(key, format!("{value} cannot be used: {advice}"))
        }
        InvalidTracing::Rules(error) => problem_with(loaded, &error.key, &error.to_string()),
        other => loaded.invalid("ebpf", other.to_string()),
    })
}

fn detectors(loaded: &Loaded) -> Result<Vec<Arc<dyn DetectorFactory>>, SettingsError> {
    ml::detectors(&loaded.settings.ml).map_err(|error| problem_with(loaded, error.key(), &error.to_string()))
}

/// Makes an error out of a message that begins with the key, which is not to be said twice.
fn problem_with(loaded: &Loaded, key: &str, message: &str) -> SettingsError {
    loaded.invalid(key, message.strip_prefix(key).unwrap_or(message).trim_start())
}

/// Asks the system directly: whatever else is known about the host is not needed for the first answer.
fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
