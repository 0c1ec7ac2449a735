//! The names table: every metric that this project collects, one row each. Nothing else spells a metric's name.
//!
//! Rows stand in the module of the collector that fills them. [`all`] walks over the whole table, for documentation
//! and tests.

pub mod block;
pub mod cgroup;
pub mod cpu;
pub mod disk;
pub mod drops;
pub mod exec;
pub mod filesystem;
pub mod hardware;
pub mod memory;
pub mod network;
pub mod packet;
pub mod pressure;
pub mod process;
pub mod profile;
pub mod reclaim;
pub mod sched;
pub mod syscall;
pub mod tcp;

use super::Metric;

/// Declares the rows of one module, and the list of them.
macro_rules! rows {
    ($($name:ident = $metric:expr;)+) => {
        $(
            #[doc = concat!("The row of `", stringify!($name), "`.")]
            pub static $name: crate::Metric = $metric;
        )+

        /// The rows of this module.
        pub static ROWS: &[&crate::Metric] = &[$(&$name,)+];
    };
}
pub(crate) use rows;

/// Walks over every row.
pub fn all() -> impl Iterator<Item = &'static Metric> {
    let modules = [
        block::ROWS,
        cgroup::ROWS,
        cpu::ROWS,
        disk::ROWS,
        drops::ROWS,
        exec::ROWS,
        filesystem::ROWS,
        hardware::ROWS,
        memory::ROWS,
        network::ROWS,
        packet::ROWS,
        pressure::ROWS,
        process::ROWS,
        reclaim::ROWS,
        profile::ROWS,
        sched::ROWS,
        syscall::ROWS,
        tcp::ROWS,
    ];
    modules.into_iter().flatten().copied()
}

/// Returns the row of the metric called `name`.
#[must_use]
pub fn find(name: &str) -> Option<&'static Metric> {
    all().find(|metric| metric.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_name_stands_once_and_has_a_sentence_of_help() {
        let mut seen = HashSet::new();
        for metric in all() {
            assert!(seen.insert(&metric.name), "{} stands twice", metric.name);
            assert!(metric.help.ends_with('.'), "{}: help is no sentence", metric.name);
        }
    }
}
