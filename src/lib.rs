#![doc = include_str!("../README.md")]

pub use observe_core::*;

#[cfg(feature = "collectors")]
pub use observe_collectors as collectors;
#[cfg(feature = "ebpf")]
pub use observe_ebpf as ebpf;
#[cfg(feature = "http")]
pub use observe_http as http;
#[cfg(feature = "ml")]
pub use observe_ml as ml;
#[cfg(feature = "store")]
pub use observe_store as store;

/// What most programs use: `use observe::prelude::*`.
pub mod prelude {
    pub use observe_core::{
        Collect, CollectError, Collector, Detector, DetectorFactory, Engine, EngineBuilder, EventData, EventKind,
        EventQuery, EventSink, Filter, Finding, Handle, Item, Limits, Metric, MetricKey, Notifier, NotifyError, Point,
        Schema, Store, SystemEvent, Table, Timestamp, Unit,
    };
}
