//! Samples: taken in, packed, kept within bounds, and asked for.

mod bucket;
mod catalogue;
mod cells;
mod ingest;
mod known;
mod query;
mod recover;
mod retention;
mod rows;
mod seal;
mod slot;
mod tier;
mod writer;

pub(crate) use self::{
    ingest::Slots,
    query::{range, series},
    writer::{Head, Limits, SampleWriter},
};
