#![doc = include_str!("../README.md")]

mod bytes;
mod memory;

pub use self::memory::MemoryStore;
