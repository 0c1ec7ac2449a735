//! What was committed and is not yet packed: the head.
//!
//! Each commit appends one row to the database: of every group, the values that changed. The same bytes stay in memory
//! until the group is packed, so that neither packing nor a query reads the rows again, and nothing is held decoded.

mod buffer;
mod group;
mod places;
mod producer;
pub(crate) mod row;
mod tick;
mod value;

pub(crate) use self::{
    buffer::{Buffers, Position, Staged, Ticks},
    group::Group,
    places::{PLACES, PlaceSet},
    producer::{Home, Newcomer, Producer},
    tick::begins_whole,
};
