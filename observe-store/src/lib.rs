#![doc = include_str!("../README.md")]

mod bytes;
mod db;
mod head;
mod memory;
mod pack;
mod samples;

pub use self::memory::MemoryStore;
