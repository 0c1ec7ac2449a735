#![doc = include_str!("../README.md")]

mod bus;
mod collector;
pub mod command_line;
mod detector;
mod engine;
mod event;
mod frame;
pub mod history;
mod intake;
mod kernel;
mod metric;
mod notifier;
mod processor;
mod series;
mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod time;
mod trend;

pub use self::{
    bus::{Bus, BusStats, Filter, SubscribeError, SubscriberStats, Subscription, Totals},
    collector::{Collect, CollectError, Collector},
    detector::{Detector, DetectorFactory},
    engine::{
        CollectorState, CollectorStatus, DrainReport, Engine, EngineBuilder, EngineStatus, Handle, Limits,
        RefillStatus, StartError, StoreStatus,
    },
    event::{
        Anomaly, Custom, Direction, Enriched, EventData, EventId, EventKind, EventKinds, Exec, Finding, IdSequence,
        InvalidTraceId, Io, Level, LogRecord, Packet, PacketKind, Point, ProcessCache, ProcessCacheStats,
        ProcessChange, ProcessInfo, Resource, Security, Severity, Span, SpanId, SpanKind, SpanStatus, Syscall,
        SystemEvent, Task, TraceId, Trend, UnknownEventKind,
    },
    frame::{
        Bitmap, Column, Frame, InvalidFrame, InvalidSchema, KeyedTable, MAX_COLUMNS, Reading, Row, Schema,
        SchemaBuilder, Subject, SubjectId, Subjects, Table,
    },
    intake::{EventSink, IntakeStats, Item, NotDurable, Refused, Ticket},
    kernel::{
        FeatureState, FeatureStatus, HistogramFamily, KernelBoard, KernelFacts, KernelHistogram, KernelMode,
        KernelStatus, PostedHistogram, ProgramStatus, SecurityCounts, TopSyscall, TopSyscalls,
    },
    metric::{
        Attribute, Attributes, Formula, InvalidAttribute, InvalidMetricKey, Metric, MetricKey, MetricKind, OtelName,
        Term, Unit, names,
    },
    notifier::{Alert, AlertChange, Notice, Notifier, NotifyError},
    processor::{Budget, DetectorStats, ProcessorStats},
    series::{SeriesView, Stats, percentile},
    store::{
        Aggregate, Commit, EventQuery, EventStore, Figure, InvalidSelector, LogQuery, LogStore, Matcher, MetricStore,
        RangeQuery, Selector, SeriesInfo, SeriesKind, SeriesPoints, SeriesQuery, SpanQuery, SpanStore, State,
        StateStore, Store, StoreError, Stored, Upkeep, growth_between,
    },
    time::{Clock, SystemClock, Timestamp},
    trend::{LinearFit, linear_trend},
};
