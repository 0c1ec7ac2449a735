//! Samples: taken in, packed, kept within bounds, and asked for.

mod bucket;
mod catalogue;
mod cells;
mod ingest;
mod known;
mod recover;
mod rows;
mod seal;
mod slot;
mod tier;
mod writer;
