//! Want of memory: who waits for it, and what is killed for it.

#[cfg(target_os = "linux")]
mod programs;
pub(crate) mod report;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;

#[cfg(target_os = "linux")]
pub(crate) use self::programs::Memory;
