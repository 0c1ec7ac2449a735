//! The bodies that several routes answer with, field by field as the documents spell them.

mod event;
mod finding;
mod frame;
mod kernel;
mod point;
mod system;

pub(crate) use self::{
    event::EventBody,
    finding::{AnomalyBody, TrendBody},
    point::Points,
    system::{ComponentBody, EbpfBody, SystemMetrics},
};
