//! Packs: the columns of up to 4,096 series over one slot of time as one blob, and the stamps they share as another.
//!
//! Both are a version byte, a body and a CRC-32C of all before it (see [`sealed`]). The body of a pack:
//!
//! ```text
//! varint ticks | counted stamps (empty: the group's stamp row has them) | varint columns
//! fields of each series (see `directory`) | per column: u8 kind, varint length (not for a constant at all ticks)
//! the columns, one after the other
//! ```
//!
//! A column is its presence (which ticks have a value: nothing, runs, a bitmap, or as the column before) and its values by
//! the codec its kind names: a constant, decimals as integers, quotients of integers, floats, raw bits, or a line of a column
//! before it. Every bit of every `f64` survives.
//! Bytes come from a disk, so decoders doubt all of them: they return errors and allocate little more than the values.

mod bits;
mod column;
mod decimal;
mod directory;
mod encode;
mod exceptions;
mod integers;
mod line;
mod numbers;
mod presence;
mod ratios;
mod sealed;
mod stamps;
#[cfg(test)]
mod tests;
mod view;

pub(crate) use self::encode::{ColumnData, PackEncoder, Stamps};
pub(crate) use self::numbers::Scratch;
pub(crate) use self::presence::Presence;
pub(crate) use self::stamps::{decode_stamps, encode_stamps};
pub(crate) use self::view::{Column, PackView};

use crate::bytes::Malformed;

/// The most columns a pack has.
pub(crate) const MAX_COLUMNS: usize = 4_096;

/// The most ticks a slot has.
pub(crate) const MAX_TICKS: usize = 65_536;

/// Says why something cannot be packed or unpacked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PackError {
    #[error("the checksum does not match")]
    Checksum,
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("written by a newer version, in format {0}")]
    Newer(u8),
    #[error("cannot decode packed numbers")]
    Numbers(#[from] pco::errors::PcoError),
    #[error("cannot pack {0}")]
    Unfit(&'static str),
}
