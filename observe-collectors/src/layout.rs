//! Files of `key value` lines, whose lines stand in the same order at every reading.

use observe_core::{Metric, SchemaBuilder};

use crate::{
    read::Scan,
    text::{Words, lines, parse_u64},
};

/// One wanted line of a file: its key, and what its value is.
#[derive(Debug)]
pub(crate) struct Field {
    key: &'static str,
    metric: &'static Metric,
    scale: Scale,
}

#[derive(Clone, Copy, Debug)]
enum Scale {
    Pages,
    Times(f64),
}

impl Field {
    /// Names a line; its value times `scale` is in the unit of the metric.
    pub(crate) const fn new(key: &'static str, metric: &'static Metric, scale: f64) -> Self {
        Self { key, metric, scale: Scale::Times(scale) }
    }

    /// Names a line whose value is a number of memory pages; the metric is in bytes.
    pub(crate) const fn pages(key: &'static str, metric: &'static Metric) -> Self {
        Self { key, metric, scale: Scale::Pages }
    }

    /// Adds a column for each field, in order.
    pub(crate) fn columns(fields: &[Self], schema: SchemaBuilder) -> SchemaBuilder {
        fields.iter().fold(schema, |schema, field| schema.column(field.metric))
    }
}

/// What stood on each line of a file when it was read last.
///
/// Looking a key up costs more than all the rest of a reading. So each line remembers its key and what was found for
/// it; as long as the key is the same, nothing is looked up.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    key: Box<[u8]>,
    found: Option<usize>,
}

impl Layout {
    /// Returns what `find` gave for `key` on this line before, or asks it now.
    pub(crate) fn find(&mut self, line: usize, key: &[u8], find: impl FnOnce() -> Option<usize>) -> Option<usize> {
        let is_next = line == self.lines.len() && line < MAX_LINES;
        match self.lines.get_mut(line) {
            Some(known) if *known.key == *key => known.found,
            Some(known) => {
                *known = Line { key: key.into(), found: find() };
                known.found
            }
            None => {
                let found = find();
                if is_next {
                    self.lines.push(Line { key: key.into(), found });
                }
                found
            }
        }
    }

    /// Reads lines of `key value` or `key: value unit`, and hands over the number of each wanted field and its value.
    pub(crate) fn read(&mut self, text: &[u8], fields: &[Field], mut each: impl FnMut(usize, f64)) -> Scan {
        let page_bytes = rustix::param::page_size() as f64;
        let mut scan = Scan::default();
        for (number, line) in lines(text).enumerate() {
            let mut words = Words::new(line);
            let (Some(key), Some(value)) = (words.next(), words.next()) else {
                scan.skipped += 1;
                continue;
            };
            let key = key.strip_suffix(b":").unwrap_or(key);
            let found = self.find(number, key, || fields.iter().position(|field| field.key.as_bytes() == key));
            let Some((index, field)) = found.and_then(|index| Some((index, fields.get(index)?))) else {
                continue;
            };
            match parse_u64(value) {
                Some(value) => {
                    let scale = match field.scale {
                        Scale::Pages => page_bytes,
                        Scale::Times(scale) => scale,
                    };
                    each(index, value as f64 * scale);
                    scan.found += 1;
                }
                None => scan.skipped += 1,
            }
        }
        scan
    }
}

/// The most lines of a file that are remembered; further ones are looked up each time.
const MAX_LINES: usize = 4096;

#[cfg(test)]
mod tests {
    use observe_core::Unit;
    use proptest::prelude::*;

    use super::*;

    static A: Metric = Metric::gauge("t.a", Unit::Bytes, "A.");
    static B: Metric = Metric::gauge("t.b", Unit::Count, "B.");
    static FIELDS: [Field; 2] = [Field::new("a", &A, 1024.0), Field::new("b", &B, 1.0)];

    fn read(layout: &mut Layout, text: &str) -> (Vec<(usize, f64)>, Scan) {
        let mut values = Vec::new();
        let scan = layout.read(text.as_bytes(), &FIELDS, |index, value| values.push((index, value)));
        (values, scan)
    }

    #[test]
    fn wanted_lines_are_found_scaled_and_others_passed_over() {
        let (values, scan) = read(&mut Layout::default(), "a:   2 kB\nother: x\nb 7\n");

        assert_eq!(values, [(0, 2048.0), (1, 7.0)]);
        assert_eq!(scan, Scan { found: 2, skipped: 0 });
    }

    #[test]
    fn lines_that_moved_are_found_again() {
        let mut layout = Layout::default();
        read(&mut layout, "a 1\nb 2\n");

        let (values, _) = read(&mut layout, "new 0\na 3\nb 4\n");

        assert_eq!(values, [(0, 3072.0), (1, 4.0)]);
    }

    #[test]
    fn lines_without_a_number_are_counted() {
        let (values, scan) = read(&mut Layout::default(), "a\n\nb -7\na 18446744073709551616\nb 1\n");

        assert_eq!(values, [(1, 1.0)]);
        assert_eq!(scan, Scan { found: 1, skipped: 4 });
    }

    #[test]
    fn an_endless_file_is_not_remembered_whole() {
        let mut layout = Layout::default();
        let text = "k 1\n".repeat(MAX_LINES + 10) + "a 1\n";

        let (values, _) = read(&mut layout, &text);

        assert_eq!(values, [(0, 1024.0)]);
        assert_eq!(layout.lines.len(), MAX_LINES);
    }

    proptest! {
        #[test]
        fn remembering_never_changes_what_is_read(texts in proptest::collection::vec("([abc] [0-9x]{0,3}\n){0,6}", 1..5)) {
            let mut kept = Layout::default();
            for text in texts {
                prop_assert_eq!(read(&mut kept, &text), read(&mut Layout::default(), &text));
            }
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            Layout::default().read(&bytes, &FIELDS, |_, _| {});
        }
    }
}
