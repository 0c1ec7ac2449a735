//! The bodies that several routes answer with, field by field as the documents spell them.

mod deep;
mod event;
mod finding;
mod frame;
mod hardware;
mod kernel;
mod point;
mod system;
mod tops;

pub(crate) use self::{
    deep::{DeepMonitoring, EbpfBody, FeatureBody, KernelBody, ProgramBody, SecurityCountsBody, nearest},
    event::EventBody,
    finding::{AnomalyBody, TrendBody},
    hardware::HardwareBody,
    point::Points,
    system::{ComponentBody, SystemMetrics},
    tops::TopSyscallsBody,
};
