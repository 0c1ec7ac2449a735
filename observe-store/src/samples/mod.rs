//! Samples: taken in, packed, kept within bounds, and asked for.

mod bucket;
mod catalogue;
mod ingest;
mod known;
mod slot;
