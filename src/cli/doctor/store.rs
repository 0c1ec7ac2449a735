//! The check of where things are stored.

use observe::{
    StoreError,
    store::{Config, SqlStore},
};

use super::Check;
use crate::cli::{error::CommandError, store_access};

/// Says whether the store can be reached, and a file be written.
pub(super) fn check(config: &Config) -> Check {
    let place = store_access::place(config);
    if config.is_memory() {
        return Check::limited("store", "memory", "nothing outlives the server: set store.url to keep it");
    }
    if let Some(file) = store_access::file(config) {
        if let Some(problem) = store_access::problem(&file) {
            return Check::broken("store", problem, FIX);
        }
        if !file.exists() {
            return Check::ok("store", format!("{place} is made at the first start"));
        }
    }
    match store_access::block_on(async { Ok(SqlStore::read(config).await?) }) {
        Ok(_) => Check::ok("store", place),
        // A database without tables, or of another version: the server may bring it up to date.
        Err(CommandError::Store(error @ StoreError::Refused { .. })) => {
            Check::limited("store", error.to_string(), "`observe serve` says whether it can use it")
        }
        Err(error @ CommandError::Store(StoreError::Unavailable { .. })) => {
            Check::broken("store", error.to_string(), "look whether the server runs, and lets this user in from here")
        }
        Err(error) => Check::broken("store", error.to_string(), FIX),
    }
}

const FIX: &str = "set store.url to a database that this user may write to";
