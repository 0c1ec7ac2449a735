//! OpenMetrics text, as Prometheus and its kin read and write it.
//!
//! There a name has no dots. So what we write carries the whole key of a series in the label [`KEY`] beside labels that
//! Prometheus takes; whoever reads takes the key from there, and where it is missing from name and labels.

mod read;
mod write;

pub(super) use self::{read::Reader, write::Families};

/// The label with the key of a series as we spell it.
const KEY: &str = "metric_key";
