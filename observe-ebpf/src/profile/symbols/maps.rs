//! What a process has mapped that can be executed.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
};

/// One line of `/proc/PID/maps`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Mapping {
    pub(super) start: u64,
    pub(super) end: u64,
    /// Where in the file it begins.
    pub(super) offset: u64,
    /// The file's number, zero where there is none.
    pub(super) inode: u64,
    /// Its path, or what else the kernel calls it: `[vdso]`.
    pub(super) path: String,
}

impl Mapping {
    /// Returns where in the file an address lies.
    pub(super) fn offset_of(&self, address: u64) -> Option<u64> {
        (self.start..self.end).contains(&address).then(|| (address - self.start).saturating_add(self.offset))
    }

    /// Names what is no file.
    pub(super) fn label(&self) -> &str {
        if self.path.starts_with('[') { &self.path } else { "[anonymous]" }
    }

    /// Names a place in the file by its number: `[libfoo.so+0x1234]`.
    pub(super) fn name(&self, at: u64) -> String {
        let path = self.path.strip_suffix(" (deleted)").unwrap_or(&self.path);
        let file = path.rsplit('/').next().unwrap_or(path);
        format!("[{file}+{at:#x}]")
    }
}

/// Reads what process `pid` has mapped; nothing where it is gone, or may not be looked at.
pub(super) fn read(pid: u32) -> Vec<Mapping> {
    let Ok(file) = File::open(format!("/proc/{pid}/maps")) else { return Vec::new() };
    let mut reader = BufReader::new(file.take(MAX_BYTES));
    let (mut mappings, mut line) = (Vec::new(), Vec::new());
    while mappings.len() < MAX_MAPPINGS && reader.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        mappings.extend(parse(&String::from_utf8_lossy(&line)));
        line.clear();
    }
    mappings
}

/// Reads `7f00-7f80 r-xp 00001000 fd:01 123   /usr/lib/x.so`, unless it cannot be executed.
fn parse(line: &str) -> Option<Mapping> {
    let mut fields = line.trim_end_matches('\n').splitn(6, ' ');
    let (start, end) = fields.next()?.split_once('-')?;
    let is_executable = fields.next()?.as_bytes().get(2) == Some(&b'x');
    let (offset, _device, inode) = (fields.next()?, fields.next()?, fields.next()?);
    let number = |text| u64::from_str_radix(text, 16).ok();
    let mapping = Mapping {
        start: number(start)?,
        end: number(end)?,
        offset: number(offset)?,
        inode: inode.parse().ok()?,
        path: fields.next().unwrap_or_default().trim_start().to_owned(),
    };
    is_executable.then_some(mapping)
}

const MAX_BYTES: u64 = 4 << 20;
const MAX_MAPPINGS: usize = 4096;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_can_be_executed_is_read_and_nothing_else() {
        let code = "7f00-7f80 r-xp 00001000 fd:01 123                    /usr/lib/a file.so (deleted)\n";

        let mapping = parse(code).unwrap();

        assert_eq!((mapping.start, mapping.end, mapping.offset, mapping.inode), (0x7f00, 0x7f80, 0x1000, 123));
        assert_eq!(mapping.name(0x1234), "[a file.so+0x1234]");
        assert_eq!(mapping.offset_of(0x7f10), Some(0x1010));
        assert_eq!((mapping.offset_of(0x7f80), mapping.offset_of(0)), (None, None));
        assert_eq!(parse("7f00-7f80 r--p 00001000 fd:01 123 /usr/lib/x.so\n"), None);
    }

    #[test]
    fn what_is_no_file_goes_by_what_the_kernel_calls_it() {
        let vdso = parse("7ffc-7ffe r-xp 00000000 00:00 0                          [vdso]\n").unwrap();
        let code_of_a_compiler = parse("7ffc-7ffe rwxp 00000000 00:00 0 \n").unwrap();

        assert_eq!((vdso.label(), code_of_a_compiler.label()), ("[vdso]", "[anonymous]"));
    }

    proptest! {
        #[test]
        fn no_line_panics(line: String) {
            parse(&line);
        }
    }
}
