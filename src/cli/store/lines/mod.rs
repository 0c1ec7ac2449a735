//! Lines of JSON: what an exported store consists of, without loss.

mod event;
mod kernel;
mod number;
mod record;
mod samples;

pub(super) use self::{
    event::{EventLine, read_event},
    number::{exact, read_exact},
    samples::{SamplesLine, write_samples},
};
