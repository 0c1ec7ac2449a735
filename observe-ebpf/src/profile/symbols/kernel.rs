//! Names of the kernel's functions.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
};

/// The kernel's functions, in the order of their addresses.
#[derive(Debug, Default)]
pub(super) struct KernelSymbols {
    functions: Vec<Function>,
    names: String,
}

#[derive(Debug)]
struct Function {
    address: u64,
    /// Where its name lies.
    start: u32,
    length: u16,
}

impl KernelSymbols {
    /// Reads `/proc/kallsyms`. Nothing is known where that hides addresses, or cannot be read.
    pub(super) fn read() -> Self {
        File::open("/proc/kallsyms").map(|file| Self::parse(BufReader::new(file.take(MAX_BYTES)))).unwrap_or_default()
    }

    fn parse(mut reader: impl BufRead) -> Self {
        let (mut symbols, mut line) = (Self::default(), Vec::new());
        while reader.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            symbols.add(&line);
            line.clear();
        }
        symbols.functions.sort_by_key(|function| function.address);
        symbols
    }

    /// Reads `ffffffff81000000 T name [module]`; what is data, or hidden, is passed over.
    fn add(&mut self, line: &[u8]) -> Option<()> {
        let mut words = line.split(|byte| byte.is_ascii_whitespace());
        let (address, kind, name) = (words.next()?, words.next()?, words.next()?);
        if !matches!(kind, b"T" | b"W" | b"t" | b"w") {
            return None;
        }
        let address = u64::from_str_radix(str::from_utf8(address).ok()?, 16).ok().filter(|address| *address != 0)?;
        let name = str::from_utf8(name).ok().filter(|name| !name.is_empty())?;
        let (start, length) = (u32::try_from(self.names.len()).ok()?, u16::try_from(name.len()).ok()?);
        self.names.push_str(name);
        self.functions.push(Function { address, start, length });
        Some(())
    }

    /// Names the function that `address` lies in.
    pub(super) fn name(&self, address: u64) -> Option<&str> {
        let after = self.functions.partition_point(|function| function.address <= address);
        let function = self.functions.get(after.checked_sub(1)?)?;
        if address - function.address > MAX_LENGTH {
            return None;
        }
        let start = function.start as usize;
        self.names.get(start..start + usize::from(function.length))
    }
}

const MAX_BYTES: u64 = 64 << 20;
/// No function is that long: what lies further behind the last one known is none of its code.
const MAX_LENGTH: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"ffffffff81000100 T second\nffffffff81000000 T first\nffffffff81000080 D data\n\
        ffffffff81000200 t third\t[module]\n\nx\nffffffff81000300 T\n";

    #[test]
    fn an_address_belongs_to_the_function_that_begins_before_it() {
        let symbols = KernelSymbols::parse(TEXT);

        assert_eq!(symbols.name(0xffff_ffff_8100_0090), Some("first"));
        assert_eq!(symbols.name(0xffff_ffff_8100_0100), Some("second"));
        assert_eq!(symbols.name(0xffff_ffff_8100_0201), Some("third"));
        assert_eq!(symbols.name(0xffff_ffff_80ff_ffff), None);
        assert_eq!(symbols.name(u64::MAX), None);
    }

    #[test]
    fn hidden_addresses_name_nothing() {
        let symbols = KernelSymbols::parse(&b"0000000000000000 T first\n0000000000000000 T second\n"[..]);

        assert_eq!(symbols.name(0), None);
        assert_eq!(symbols.name(0xffff_ffff_8100_0000), None);
    }
}
