//! What can go wrong with a store.

/// Says why a store could not write or answer.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// What is stored does not make sense; the rest can still be read.
    #[error("{what} is damaged: {reason}")]
    Corrupt {
        /// What is damaged: `pack 17 of slot 4`.
        what: String,
        /// What does not fit.
        reason: String,
    },
    /// Another process writes to it.
    #[error("{store} is already in use by {holder}; one process at a time may write to it")]
    Held {
        /// The store.
        store: String,
        /// Who has it.
        holder: String,
    },
    /// The database cannot be used as it is: it is none, belongs to a newer version, or cannot be written.
    #[error("cannot use {store}: {reason}")]
    Refused {
        /// The store.
        store: String,
        /// Why, and what to do.
        reason: String,
    },
    /// The answer would be larger than the query allows.
    #[error("this makes more than {limit} {what}")]
    TooMany {
        /// What there is too much of: `points`.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
    /// It cannot now, and may later: no room, no connection.
    #[error("{store} store is not available: {reason}")]
    Unavailable {
        /// The kind of store.
        store: &'static str,
        /// What is missing.
        reason: String,
    },
    /// What is kept cannot answer it.
    #[error("{reason}")]
    Unanswerable {
        /// What is missing, and what could be asked instead.
        reason: String,
    },
}

impl StoreError {
    /// Returns whether the same call could succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}
