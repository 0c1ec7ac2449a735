#![doc = include_str!("../README.md")]

mod bytes;
mod db;
mod memory;

pub use self::memory::MemoryStore;
