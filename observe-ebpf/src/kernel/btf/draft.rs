//! Descriptions that are written.

use std::collections::HashMap;

use super::types::MAGIC;

/// A description in the making.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    /// Types, each as the words that it is made of.
    pub(super) types: Vec<u32>,
    strings: Vec<u8>,
    names: HashMap<&'a [u8], u32>,
}

impl<'a> Draft<'a> {
    pub(super) fn new() -> Self {
        Self { types: Vec::new(), strings: vec![0], names: HashMap::from([(&b""[..], 0)]) }
    }

    /// Returns by what number types refer to a name; `None` if there are too many names.
    pub(super) fn name(&mut self, text: &'a [u8]) -> Option<u32> {
        if let Some(known) = self.names.get(text) {
            return Some(*known);
        }
        let offset = u32::try_from(self.strings.len()).ok()?;
        self.strings.extend(text);
        self.strings.push(0);
        self.names.insert(text, offset);
        Some(offset)
    }

    /// Returns the description; `None` if it is too long.
    pub(super) fn finish(self) -> Option<Vec<u8>> {
        let types = u32::try_from(size_of_val(&*self.types)).ok()?;
        let strings = u32::try_from(self.strings.len()).ok()?;
        let header = [VERSION << 16 | MAGIC, HEADER_BYTES, 0, types, types, strings];
        let mut bytes = Vec::with_capacity(size_of_val(&header) + size_of_val(&*self.types) + self.strings.len());
        for word in header.into_iter().chain(self.types) {
            bytes.extend(word.to_ne_bytes());
        }
        bytes.extend(self.strings);
        Some(bytes)
    }
}

const VERSION: u32 = 1;
const HEADER_BYTES: u32 = 24;
