//! An observability engine: this crate gathers the family behind one name.

pub use observe_core::*;

/// Stores.
pub mod store {
    pub use observe_store::*;
}
