#![doc = include_str!("../README.md")]

mod brief;
mod config;
mod detect;
mod patterns;
mod state;
mod table;
#[cfg(test)]
mod testing;
mod trend;
mod unmatched;
mod window;
mod zscore;

pub use self::{
    config::{Config, InvalidConfig, TrendConfig, ZscoreConfig},
    detect::detect,
    table::detectors,
    unmatched::{Unmatched, unmatched},
};
