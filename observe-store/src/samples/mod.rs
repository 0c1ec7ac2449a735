//! Samples: taken in, packed, kept within bounds, and asked for.

mod bucket;
mod catalogue;
mod cells;
mod check;
mod import;
mod ingest;
mod known;
mod query;
mod recover;
mod retention;
mod rows;
mod seal;
mod slot;
mod tier;
mod turnover;
mod writer;

pub(crate) use self::{
    check::{Check, Found, is_whole},
    import::{Placed, Placer},
    ingest::Slots,
    query::{range, series},
    rows::Table,
    writer::{Head, Limits, SampleWriter},
};
