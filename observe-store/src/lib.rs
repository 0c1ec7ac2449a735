#![doc = include_str!("../README.md")]

mod bytes;
mod db;
mod head;
mod memory;
mod pack;
mod samples;
mod sql;

pub use self::{
    memory::MemoryStore,
    sql::{SqlStore, StoreOptions},
};
