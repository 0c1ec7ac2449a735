//! Stamps of bytes that nobody vouches for, with a checksum that is right: what is read ascends, or is an error.
//!
//! Run: `cargo +nightly fuzz run stamps`.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../observe-store/src/bytes.rs"]
mod bytes;
#[path = "../../observe-store/src/pack/mod.rs"]
mod pack;

fuzz_target!(|body: &[u8]| {
    let blob = [body, &crc32c::crc32c(body).to_le_bytes()].concat();
    if let Ok(stamps) = pack::decode_stamps(&blob) {
        assert!(stamps.is_sorted_by(|left, right| left < right));
    }
});
