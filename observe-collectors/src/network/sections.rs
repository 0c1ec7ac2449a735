//! The format of `/proc/net/snmp` and `/proc/net/netstat`: pairs of lines, names above values.

use observe_core::{Metric, SchemaBuilder};

use crate::{
    read::Scan,
    text::{Words, lines, parse_u64},
};

/// One wanted value: the section in which it stands, and its name there.
#[derive(Debug)]
pub(super) struct Field {
    section: &'static str,
    key: &'static str,
    metric: &'static Metric,
}

impl Field {
    /// Names a value.
    pub(super) const fn new(section: &'static str, key: &'static str, metric: &'static Metric) -> Self {
        Self { section, key, metric }
    }

    /// Adds a column for each field, in order.
    pub(super) fn columns(fields: &[Self], schema: SchemaBuilder) -> SchemaBuilder {
        fields.iter().fold(schema, |schema, field| schema.column(field.metric))
    }
}

/// Reads the pairs of lines, and remembers what the names in each heading are.
#[derive(Debug)]
pub(super) struct Sections {
    fields: &'static [Field],
    known: Vec<Section>,
}

/// A heading, and which field each of its names is.
#[derive(Debug)]
struct Section {
    heading: Box<[u8]>,
    found: Vec<Option<usize>>,
}

impl Sections {
    /// Wants these fields.
    pub(super) const fn new(fields: &'static [Field]) -> Self {
        Self { fields, known: Vec::new() }
    }

    /// Returns the number of wanted fields.
    pub(super) const fn width(&self) -> usize {
        self.fields.len()
    }

    /// Hands over the number of each wanted field and its value.
    ///
    /// A heading without values, or values without their heading, is a line without sense.
    pub(super) fn read(&mut self, text: &[u8], mut each: impl FnMut(usize, f64)) -> Scan {
        let mut scan = Scan::default();
        let mut heading = None;
        let mut number = 0;
        for line in lines(text) {
            match heading.take() {
                None => heading = Some(line),
                Some(above) if is_pair(above, line) => {
                    self.values(number, above, line, &mut scan, &mut each);
                    number += 1;
                }
                Some(_) => {
                    scan.skipped += 1;
                    heading = Some(line);
                }
            }
        }
        scan.skipped += usize::from(heading.is_some());
        scan
    }

    fn values(
        &mut self,
        number: usize,
        heading: &[u8],
        line: &[u8],
        scan: &mut Scan,
        each: &mut impl FnMut(usize, f64),
    ) {
        let fields = self.fields;
        let Some(section) = section(&mut self.known, number, heading, fields) else {
            return;
        };
        let mut is_good = true;
        for (found, word) in section.found.iter().zip(Words::new(line).skip(1)) {
            let Some(field) = *found else {
                continue;
            };
            match parse_u64(word) {
                Some(value) => {
                    each(field, value as f64);
                    scan.found += 1;
                }
                None => is_good = false,
            }
        }
        scan.skipped += usize::from(!is_good);
    }
}

/// Returns what is known about the heading, learning it if it is new at this place.
fn section<'a>(known: &'a mut Vec<Section>, number: usize, heading: &[u8], fields: &[Field]) -> Option<&'a Section> {
    if known.get(number).is_none_or(|section| *section.heading != *heading) {
        let section = Section { heading: heading.into(), found: learn(heading, fields) };
        if let Some(place) = known.get_mut(number) {
            *place = section;
        } else if number < MAX_SECTIONS {
            known.push(section);
        }
    }
    known.get(number)
}

fn learn(heading: &[u8], fields: &[Field]) -> Vec<Option<usize>> {
    let mut words = Words::new(heading);
    let name = words.next().and_then(|word| word.strip_suffix(b":")).unwrap_or_default();
    words
        .take(MAX_VALUES)
        .map(|key| fields.iter().position(|field| field.section.as_bytes() == name && field.key.as_bytes() == key))
        .collect()
}

/// Tells whether both lines start with the same `Name:`.
fn is_pair(heading: &[u8], line: &[u8]) -> bool {
    let name = |line| Words::new(line).next();
    name(heading).is_some_and(|word| word.ends_with(b":")) && name(heading) == name(line)
}

/// The most pairs of lines in a file; the kernel has about six.
const MAX_SECTIONS: usize = 64;
/// The most values in a line; the kernel has about 150.
const MAX_VALUES: usize = 1024;

#[cfg(test)]
mod tests {
    use observe_core::Unit;
    use proptest::prelude::*;

    use super::*;

    static IN: Metric = Metric::counter("t.in", Unit::Count, "In.");
    static OUT: Metric = Metric::counter("t.out", Unit::Count, "Out.");
    static FIELDS: [Field; 2] = [Field::new("Tcp", "InSegs", &IN), Field::new("Udp", "Out", &OUT)];

    fn read(sections: &mut Sections, text: &str) -> (Vec<(usize, f64)>, Scan) {
        let mut values = Vec::new();
        let scan = sections.read(text.as_bytes(), |field, value| values.push((field, value)));
        (values, scan)
    }

    #[test]
    fn values_are_found_by_section_and_name() {
        let text = "Ip: InSegs Out\nIp: 1 2\nTcp: MaxConn InSegs\nTcp: -1 7\nUdp: Out InSegs\nUdp: 9 8\n";

        let (values, scan) = read(&mut Sections::new(&FIELDS), text);

        assert_eq!(values, [(0, 7.0), (1, 9.0)]);
        assert_eq!(scan, Scan { found: 2, skipped: 0 });
    }

    #[test]
    fn a_heading_that_changed_is_learnt_again() {
        let mut sections = Sections::new(&FIELDS);
        read(&mut sections, "Tcp: InSegs\nTcp: 1\n");

        let (values, _) = read(&mut sections, "IcmpMsg: InType3\nIcmpMsg: 4\nTcp: New InSegs\nTcp: 5 6\n");

        assert_eq!(values, [(0, 6.0)]);
    }

    #[test]
    fn lines_without_a_partner_are_counted_and_the_others_read() {
        let text = "garbage\nTcp: InSegs\nUdp: Out\nUdp: 3\nUdp: Out\nUdp: x\nTcp: InSegs\n";

        let (values, scan) = read(&mut Sections::new(&FIELDS), text);

        assert_eq!(values, [(1, 3.0)]);
        assert_eq!(scan, Scan { found: 1, skipped: 4 });
    }

    #[test]
    fn fewer_values_than_names_are_read_as_far_as_they_go() {
        let (values, _) = read(&mut Sections::new(&FIELDS), "Tcp: InSegs Other\nTcp: 3\nUdp: In Out\nUdp: 1\n");

        assert_eq!(values, [(0, 3.0)]);
    }

    #[test]
    fn an_endless_file_is_not_remembered_whole() {
        let mut sections = Sections::new(&FIELDS);

        read(&mut sections, &"Tcp: InSegs\nTcp: 1\n".repeat(1000));

        assert_eq!(sections.known.len(), MAX_SECTIONS);
    }

    proptest! {
        #[test]
        fn remembering_never_changes_what_is_read(texts in proptest::collection::vec("((Tcp|Udp|X): (InSegs|Out|7|x)( [0-9]{1,3}){0,2}\n){0,8}", 1..5)) {
            let mut kept = Sections::new(&FIELDS);
            for text in texts {
                prop_assert_eq!(read(&mut kept, &text), read(&mut Sections::new(&FIELDS), &text));
            }
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            Sections::new(&FIELDS).read(&bytes, |_, _| {});
        }
    }
}
