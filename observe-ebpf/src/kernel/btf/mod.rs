//! What the kernel says about its types (BTF): some 5 MB, of which the programs need a few kilobytes.

mod description;
mod draft;
mod enums;
mod index;
mod reduce;
#[cfg(test)]
mod testing;
mod types;

pub(super) use self::description::Description;
pub(crate) use self::enums::Variant;
