#![doc = include_str!("../README.md")]

mod bytes;
mod memory;
mod pack;

pub use self::memory::MemoryStore;
