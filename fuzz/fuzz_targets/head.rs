//! Rows of the head of bytes that nobody vouches for, with a checksum that is right: errors are fine, panics are not.
//!
//! Run: `cargo +nightly fuzz run head`.

#![no_main]
#![allow(dead_code, reason = "a part of the store is enough to read it")]

use libfuzzer_sys::fuzz_target;

use self::{
    bytes::Reader,
    head::{places::PlaceSet, row, tick::State},
};

#[path = "../../observe-store/src/bytes.rs"]
mod bytes;

#[path = "."]
mod head {
    #[path = "../../observe-store/src/head/buffer.rs"]
    pub mod buffer;
    #[path = "../../observe-store/src/head/places.rs"]
    pub mod places;
    #[path = "../../observe-store/src/head/row.rs"]
    pub mod row;
    #[path = "../../observe-store/src/head/tick.rs"]
    pub mod tick;
    #[path = "../../observe-store/src/head/value.rs"]
    pub mod value;
}

fuzz_target!(|body: &[u8]| {
    let blob = [body, &crc32c::crc32c(body).to_le_bytes()].concat();
    let mut wanted = PlaceSet::default();
    (0..512).step_by(3).for_each(|place| wanted.insert(place));
    for (_, staged) in row::read(&blob).unwrap_or_default() {
        let (mut state, mut reader) = (State::default(), Reader::new(&staged.bytes));
        while !reader.is_empty() && state.read(&mut reader, &wanted).is_ok() {}
    }
});
