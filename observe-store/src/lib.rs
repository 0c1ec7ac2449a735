#![doc = include_str!("../README.md")]

mod bytes;
mod config;
mod db;
mod head;
mod memory;
mod order;
mod pack;
mod samples;
mod sql;

pub use self::{
    config::{Config, InvalidConfig, RetentionConfig},
    memory::MemoryStore,
    sql::{Checked, Copied, Damage, Importer, SqlStore, StoreStats, TierStats, Written},
};
