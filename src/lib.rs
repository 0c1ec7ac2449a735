//! An observability engine: this crate gathers the family behind one name.

pub use observe_core::*;

/// Stores.
pub mod store {
    pub use observe_store::*;
}

/// Readers of the host.
pub mod collectors {
    pub use observe_collectors::*;
}

/// Detectors.
pub mod ml {
    pub use observe_ml::*;
}

/// The HTTP interface.
pub mod http {
    pub use observe_http::*;
}
