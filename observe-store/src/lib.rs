#![doc = include_str!("../README.md")]

mod bytes;
mod db;
mod memory;
mod sql;

pub use self::{
    memory::MemoryStore,
    sql::{SqlStore, StoreOptions},
};
