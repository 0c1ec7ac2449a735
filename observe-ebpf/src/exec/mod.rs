//! Processes: how many start and end, how long they live, and what they run.

mod arguments;
#[cfg(target_os = "linux")]
mod programs;
pub(crate) mod report;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;

#[cfg(target_os = "linux")]
pub(crate) use self::programs::Processes;
