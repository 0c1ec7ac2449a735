//! The interface as clients see it: in process, and over real sockets where those matter.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that stops says what is wrong")]

mod deep_system;
mod exposition;
mod fixture;
mod headers;
mod inventory;
mod kernel_events;
mod pages;
mod parameters;
mod past;
mod shapes;
mod sockets;
mod store;
mod streams;
