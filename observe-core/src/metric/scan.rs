//! Reads the text forms of keys and selectors.

use super::attributes::{is_name_character, is_plain};

/// Reads a text from the left. Where it stops to make sense, the answer is the place: bytes from its start.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self { text, rest: text }
    }

    /// Returns where it is.
    pub(crate) const fn at(&self) -> usize {
        self.text.len() - self.rest.len()
    }

    /// Takes `wanted` if it is next.
    pub(crate) fn takes(&mut self, wanted: &str) -> bool {
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Takes `wanted`, which must be next.
    pub(crate) fn expect(&mut self, wanted: &str) -> Result<(), usize> {
        if self.takes(wanted) { Ok(()) } else { Err(self.at()) }
    }

    /// Takes the closing brace, if that is all that is left.
    pub(crate) fn ends(&mut self) -> bool {
        self.rest == "}" && self.takes("}")
    }

    /// Returns whether nothing is left.
    pub(crate) const fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    /// Takes the longest run of characters of a name, which may be none.
    pub(crate) fn name(&mut self) -> &'a str {
        self.take_while(is_name_character)
    }

    /// Takes everything up to the opening brace, whether it can be a name or not.
    pub(crate) fn until_brace(&mut self) -> &'a str {
        self.take_while(|character| character != '{')
    }

    /// Takes a value, in quotes or plain.
    pub(crate) fn value(&mut self) -> Result<String, usize> {
        if self.rest.starts_with('"') { self.quoted() } else { Ok(self.take_while(is_plain).to_owned()) }
    }

    fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|character| !accept(character)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn quoted(&mut self) -> Result<String, usize> {
        let mut value = String::new();
        let mut characters = self.rest.char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return Ok(value);
                }
                '\\' => match characters.next() {
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, escaped @ ('\\' | '"'))) => value.push(escaped),
                    _ => return Err(self.at()),
                },
                other => value.push(other),
            }
        }
        Err(self.at())
    }
}
