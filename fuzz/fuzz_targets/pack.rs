//! Packs of bytes that nobody vouches for, with a checksum that is right: errors are fine, panics are not.
//!
//! Run: `cargo +nightly fuzz run pack`.

#![no_main]

use libfuzzer_sys::fuzz_target;

use self::pack::{PackView, Scratch};

#[path = "../../observe-store/src/bytes.rs"]
mod bytes;
#[path = "../../observe-store/src/pack/mod.rs"]
mod pack;

fuzz_target!(|body: &[u8]| {
    let blob = [body, &crc32c::crc32c(body).to_le_bytes()].concat();
    if let Ok(view) = PackView::parse(&blob) {
        let _ = view.stamps();
        let ticks = view.ticks();
        for (_, column) in view.decoded(&mut Scratch::default()).flatten() {
            assert_eq!(column.values.len(), column.presence.ticks(ticks).count());
        }
    }
});
