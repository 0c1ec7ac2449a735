//! The store that keeps everything in a database.

mod body;
pub(crate) mod events;
mod filter;
pub(crate) mod logs;
pub(crate) mod retention;
pub(crate) mod spans;
pub(crate) mod states;
mod store;
#[cfg(test)]
mod tests;
mod words;

pub use self::store::SqlStore;
