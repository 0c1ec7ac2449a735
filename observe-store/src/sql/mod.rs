//! The store that keeps everything in a database.

mod body;
mod check;
mod copy;
pub(crate) mod events;
mod filter;
mod import;
mod inspect;
pub(crate) mod logs;
pub(crate) mod retention;
pub(crate) mod spans;
pub(crate) mod states;
mod store;
#[cfg(test)]
mod tests;
mod words;

pub use self::{
    check::{Checked, Damage},
    copy::Copied,
    import::{Importer, Written},
    inspect::{StoreStats, TierStats},
    store::SqlStore,
};
