//! The store that keeps everything in a database.

mod store;

pub use self::store::{SqlStore, StoreOptions};
