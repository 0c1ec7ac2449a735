//! The only place that names implementations: makes an engine and its HTTP interface out of settings.

use std::sync::Arc;

use observe::{
    Collector, DetectorFactory, Engine, Limits, StartError,
    collectors::{self, InvalidConfig as InvalidCollectors},
    http::AppState,
    ml,
    store::MemoryStore,
};

use crate::settings::{Loaded, Settings, SettingsError};

/// Says why an engine could not be made of settings.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AssembleError {
    /// The settings do not allow it.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A thread could not be started.
    #[error("cannot start the engine")]
    Start(#[from] StartError),
}

/// Says whether all parts can be made of the settings, without starting any.
pub(crate) fn check(loaded: &Loaded) -> Result<(), SettingsError> {
    detectors(loaded)?;
    collectors(loaded)?;
    Ok(())
}

/// Starts an engine with everything that the settings ask for.
pub(crate) fn engine(loaded: &Loaded) -> Result<Engine, AssembleError> {
    let limits = limits(&loaded.settings);
    let store = MemoryStore::new(limits.budget().history);
    let mut builder = Engine::builder().host_name(host_name()).store(Arc::new(store)).limits(limits);
    for detector in detectors(loaded)? {
        builder = builder.detector(detector);
    }
    for collector in collectors(loaded)? {
        builder = builder.boxed_collector(collector);
    }
    Ok(builder.start()?)
}

/// Makes the state of the HTTP interface of an engine.
pub(crate) fn http_state(loaded: &Loaded, engine: &Engine) -> AppState {
    AppState::new(engine.handle().clone(), loaded.settings.server.clone())
}

fn limits(settings: &Settings) -> Limits {
    Limits { memory_max_bytes: settings.memory.max_bytes, ..Limits::default() }
}

fn collectors(loaded: &Loaded) -> Result<Vec<Box<dyn Collector>>, SettingsError> {
    collectors::collectors(&loaded.settings.collectors).map_err(|error| match error {
        InvalidCollectors::Value { key, value, advice } => {
            loaded.invalid(key, format!("{value} cannot be used: {advice}"))
        }
        other => loaded.invalid("collectors", other.to_string()),
    })
}

fn detectors(loaded: &Loaded) -> Result<Vec<Arc<dyn DetectorFactory>>, SettingsError> {
    ml::detectors(&loaded.settings.ml).map_err(|error| {
        let text = error.to_string();
        loaded.invalid(error.key(), text.strip_prefix(error.key()).unwrap_or(&text).trim_start())
    })
}

/// Asks the system directly: whatever else is known about the host is not needed for the first answer.
fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
