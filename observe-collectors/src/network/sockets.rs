//! The format of `/proc/net/sockstat` and `/proc/net/sockstat6`.

use observe_core::{Metric, SchemaBuilder, names::network as names};

use crate::{
    read::Scan,
    text::{Words, lines, parse_u64},
};

/// One wanted value: the protocol's line, its key there, and its column.
#[derive(Debug)]
struct Value {
    protocol: &'static str,
    key: &'static str,
    metric: &'static Metric,
    /// The attribute `protocol` of the column.
    attribute: Option<&'static str>,
    is_pages: bool,
}

/// Adds the columns, in order; the first is the number of TCP sockets over both IPv4 and IPv6.
pub(super) fn columns(schema: SchemaBuilder) -> SchemaBuilder {
    VALUES.iter().fold(schema.column(&names::TCP_CONNECTIONS), |schema, value| match value.attribute {
        Some(protocol) => schema.column_with(value.metric, &[("protocol", protocol)]),
        None => schema.column(value.metric),
    })
}

/// The number of columns.
pub(super) const fn column_count() -> usize {
    VALUES.len() + 1
}

/// Reads lines such as `TCP: inuse 1 orphan 0 tw 0 alloc 1 mem 134`, and hands over columns and values.
///
/// The TCP sockets in use are added to `connections`.
pub(super) fn parse(text: &[u8], connections: &mut Option<f64>, mut each: impl FnMut(usize, f64)) -> Scan {
    let page_bytes = rustix::param::page_size() as f64;
    let mut scan = Scan::default();
    for line in lines(text) {
        let mut words = Words::new(line);
        let Some(protocol) = words.next().and_then(|word| word.strip_suffix(b":")) else {
            scan.skipped += 1;
            continue;
        };
        let mut is_good = true;
        while let (Some(key), Some(word)) = (words.next(), words.next()) {
            let wanted = |value: &Value| value.protocol.as_bytes() == protocol && value.key.as_bytes() == key;
            let (Some((index, value)), number) =
                (VALUES.iter().enumerate().find(|(_, value)| wanted(value)), parse_u64(word))
            else {
                continue;
            };
            let Some(number) = number.map(|number| number as f64) else {
                is_good = false;
                continue;
            };
            each(index + 1, if value.is_pages { number * page_bytes } else { number });
            if matches!(value.attribute, Some("tcp" | "tcp6")) {
                *connections = Some(connections.unwrap_or(0.0) + number);
            }
            scan.found += 1;
        }
        scan.skipped += usize::from(!is_good);
    }
    scan
}

const fn inuse(protocol: &'static str, attribute: &'static str) -> Value {
    Value { protocol, key: "inuse", metric: &names::SOCKETS, attribute: Some(attribute), is_pages: false }
}

const fn count(protocol: &'static str, key: &'static str, metric: &'static Metric) -> Value {
    Value { protocol, key, metric, attribute: None, is_pages: false }
}

const fn pages(protocol: &'static str, key: &'static str, metric: &'static Metric) -> Value {
    Value { protocol, key, metric, attribute: None, is_pages: true }
}

static VALUES: &[Value] = &[
    count("sockets", "used", &names::SOCKETS_USED),
    inuse("TCP", "tcp"),
    count("TCP", "orphan", &names::TCP_ORPHANS),
    count("TCP", "tw", &names::TCP_TIME_WAIT),
    count("TCP", "alloc", &names::TCP_ALLOCATED),
    pages("TCP", "mem", &names::TCP_MEMORY),
    inuse("UDP", "udp"),
    pages("UDP", "mem", &names::UDP_MEMORY),
    inuse("RAW", "raw"),
    inuse("FRAG", "frag"),
    Value { protocol: "FRAG", key: "memory", metric: &names::FRAGMENT_MEMORY, attribute: None, is_pages: false },
    inuse("TCP6", "tcp6"),
    inuse("UDP6", "udp6"),
    inuse("RAW6", "raw6"),
    inuse("FRAG6", "frag6"),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &[u8]) -> (Vec<(usize, f64)>, Option<f64>, Scan) {
        let mut cells = Vec::new();
        let mut connections = None;
        let scan = parse(text, &mut connections, |column, value| cells.push((column, value)));
        (cells, connections, scan)
    }

    #[test]
    fn tcp_sockets_of_both_versions_are_connections() {
        let (cells, connections, scan) =
            read(b"sockets: used 14\nTCP: inuse 3 orphan 0 tw 5 alloc 4 mem 2\nTCP6: inuse 4\nUDPLITE: inuse 0\n");

        let page_bytes = rustix::param::page_size() as f64;
        assert_eq!(connections, Some(7.0));
        assert_eq!(cells[0], (1, 14.0));
        assert!(cells.contains(&(6, 2.0 * page_bytes)), "{cells:?}");
        assert_eq!(scan, Scan { found: 7, skipped: 0 });
    }

    #[test]
    fn lines_without_sense_are_counted_and_the_others_read() {
        let (cells, connections, scan) = read(b"\nTCP inuse 3\nTCP: inuse x tw 2 alloc\nsockets: used 9\n");

        assert_eq!(cells, [(4, 2.0), (1, 9.0)]);
        assert_eq!(connections, None);
        assert_eq!(scan, Scan { found: 2, skipped: 3 });
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            read(&bytes);
        }
    }
}
