//! The recent past of every series, in rings.

mod chunk;
mod group;
mod ring;
mod stamps;
mod stats;
mod view;

pub(crate) use self::group::{Arrival, Group, GroupLimits, Observer, Outline, Pushed};
pub use self::{
    stats::{Stats, percentile},
    view::SeriesView,
};
