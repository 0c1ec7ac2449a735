//! What takes how much of a file of SQLite, read from the file itself: its format is published.

use std::{collections::BTreeMap, path::Path};

/// How a file is filled, in pages.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    pub(crate) page_bytes: usize,
    pub(crate) all: usize,
    pub(crate) free: usize,
    /// Of each table, with its indexes and what overflows.
    pub(crate) tables: BTreeMap<String, usize>,
}

impl Pages {
    pub(crate) fn of(path: &Path) -> Self {
        let file = std::fs::read(path).unwrap();
        let page_bytes = usize::from(u16::from_be_bytes([file[16], file[17]]));
        let walker = Walker { file: &file, page_bytes };
        let mut tables: BTreeMap<String, usize> = BTreeMap::new();
        let mut roots = Vec::new();
        tables.insert("sqlite_schema".to_owned(), walker.walk(1, &mut |record| roots.push(root_of(record))));
        for (table, root) in roots {
            *tables.entry(table).or_default() += walker.walk(root, &mut |_| ());
        }
        Self { page_bytes, all: file.len() / page_bytes, free: walker.number(36), tables }
    }

    pub(crate) fn bytes(&self, tables: &[&str]) -> usize {
        tables.iter().filter_map(|table| self.tables.get(*table)).sum::<usize>() * self.page_bytes
    }

    pub(crate) const fn file_bytes(&self) -> usize {
        self.all * self.page_bytes
    }

    pub(crate) const fn free_bytes(&self) -> usize {
        self.free * self.page_bytes
    }
}

struct Walker<'a> {
    file: &'a [u8],
    page_bytes: usize,
}

impl Walker<'_> {
    fn number(&self, at: usize) -> usize {
        u32::from_be_bytes(self.file[at..at + 4].try_into().unwrap()) as usize
    }

    /// Counts the pages of a tree, and shows what the rows of a table have of theirs in the tree itself.
    fn walk(&self, page: usize, show: &mut impl FnMut(&[u8])) -> usize {
        if page == 0 {
            return 0;
        }
        let start = (page - 1) * self.page_bytes;
        let head = start + if page == 1 { 100 } else { 0 };
        let kind = self.file[head];
        let is_leaf = kind & 8 != 0;
        let cells = usize::from(u16::from_be_bytes([self.file[head + 3], self.file[head + 4]]));
        let mut pages = 1 + if is_leaf { 0 } else { self.walk(self.number(head + 8), show) };
        for cell in 0..cells {
            let at = head + if is_leaf { 8 } else { 12 } + 2 * cell;
            let mut at = start + usize::from(u16::from_be_bytes([self.file[at], self.file[at + 1]]));
            if !is_leaf {
                pages += self.walk(self.number(at), show);
                at += 4;
            }
            if kind == TABLE_INTERIOR {
                continue;
            }
            let payload = self.varint(&mut at);
            if kind == TABLE_LEAF {
                self.varint(&mut at);
            }
            let here = self.local(payload, kind);
            pages += (payload - here).div_ceil(self.page_bytes - 4);
            show(&self.file[at..at + here]);
        }
        pages
    }

    /// Returns how much of a payload stays in the tree.
    const fn local(&self, payload: usize, kind: u8) -> usize {
        let usable = self.page_bytes;
        let most = if kind == TABLE_LEAF { usable - 35 } else { (usable - 12) * 64 / 255 - 23 };
        let least = (usable - 12) * 32 / 255 - 23;
        if payload <= most {
            return payload;
        }
        let fitting = least + (payload - least) % (usable - 4);
        if fitting <= most { fitting } else { least }
    }

    fn varint(&self, at: &mut usize) -> usize {
        varint(self.file, at)
    }
}

fn varint(bytes: &[u8], at: &mut usize) -> usize {
    let mut value = 0;
    for count in 0..9 {
        let byte = bytes[*at];
        *at += 1;
        if count == 8 {
            return value << 8 | usize::from(byte);
        }
        value = value << 7 | usize::from(byte & 0x7f);
        if byte < 0x80 {
            break;
        }
    }
    value
}

/// Reads a row of the table of tables: what it belongs to, and where its tree begins.
fn root_of(record: &[u8]) -> (String, usize) {
    let mut at = 0;
    let head = varint(record, &mut at);
    let types: Vec<usize> = std::iter::from_fn(|| (at < head).then(|| varint(record, &mut at))).collect();
    let size = |kind: usize| match kind {
        0..=4 => kind,
        5 => 6,
        6 | 7 => 8,
        8 | 9 => 0,
        _ => (kind - 12) / 2,
    };
    let table = head + size(types[0]) + size(types[1]);
    let root = table + size(types[2]);
    let name = String::from_utf8_lossy(&record[table..root]).into_owned();
    let page = record[root..root + size(types[3])].iter().fold(0, |page, byte| page << 8 | usize::from(*byte));
    (name, if types[3] == 9 { 1 } else { page })
}

const TABLE_INTERIOR: u8 = 5;
const TABLE_LEAF: u8 = 13;
