//! Connections over TCP: how many, how long they take to make and last, what is sent again.

pub(crate) mod connection;
#[cfg(target_os = "linux")]
mod programs;
#[cfg(target_os = "linux")]
mod record;
pub(crate) mod report;

#[cfg(target_os = "linux")]
pub(crate) use self::programs::Tcp;
