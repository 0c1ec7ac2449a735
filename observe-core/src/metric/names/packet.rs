//! Packets, counted and timed in the kernel where they enter and leave interfaces.
//!
//! What the kernel joined to one large packet, or has the card cut into many, counts as one, as it passes. `lo` counts
//! each packet twice: as it leaves and as it comes in.

use super::rows;
use crate::{Formula, Metric, Term, Unit};

rows! {
    COUNT = Metric::counter("packet.count", Unit::Count, "Packets in one direction of one interface.");
    BYTES = Metric::counter("packet.bytes", Unit::Bytes,
        "Bytes in one direction of one interface, headers of the link included.");
    MALFORMED = Metric::counter("packet.malformed", Unit::Count,
        "Packets in one direction of one interface whose headers make no sense.");
    BY_PROTOCOL = Metric::counter("packet.by_protocol", Unit::Count,
        "Packets of one family and protocol, in both directions of all interfaces.");
    FLOW_RATE = Metric::gauge("packet.flow_rate", Unit::BytesPerSecond,
        "Bytes in a second between two addresses, of those that had most since the reading before.");
    TOTAL = Metric::counter("packet.total", Unit::Count, "Packets in both directions of all interfaces.");
    TOTAL_BYTES = Metric::counter("packet.total_bytes", Unit::Bytes, "Bytes in both directions of all interfaces.");
    TOTAL_MALFORMED = Metric::counter("packet.total_malformed", Unit::Count,
        "Packets in both directions of all interfaces whose headers make no sense.");
    SYN = Metric::counter("packet.syn", Unit::Count, "Segments that ask for a connection.");
    SYN_ACK = Metric::counter("packet.syn_ack", Unit::Count, "Segments that accept a connection.");
    RESET = Metric::counter("packet.reset", Unit::Count, "Segments that cut a connection off.");
    FIN = Metric::counter("packet.fin", Unit::Count, "Segments that end one side of a connection.");
    SYN_UNPLACED = Metric::counter("packet.syn_unplaced", Unit::Count,
        "Requests for connections that were too many at once to be told apart by who was asked.");
    RATE = Metric::derived("packet.rate", Unit::CountPerSecond,
        Formula::Rate { of: &[Term::plus("packet.total")], scale: 1.0 }, "Packets in a second.");
    BYTE_RATE = Metric::derived("packet.byte_rate", Unit::BytesPerSecond,
        Formula::Rate { of: &[Term::plus("packet.total_bytes")], scale: 1.0 }, "Bytes of packets in a second.");
    SYN_RATE = Metric::derived("packet.syn_rate", Unit::CountPerSecond,
        Formula::Rate { of: &[Term::plus("packet.syn")], scale: 1.0 }, "Segments in a second that ask for a connection.");
    HANDSHAKES = Metric::counter("packet.handshakes", Unit::Count,
        "Requests for connections that were accepted, by the direction of the request.");
    HANDSHAKE_LATENCY_P50 = Metric::gauge("packet.handshake_latency_p50", Unit::Nanoseconds,
        "Time from a request for a connection to its acceptance that half of those since the reading before took less than.");
    HANDSHAKE_LATENCY_P99 = Metric::gauge("packet.handshake_latency_p99", Unit::Nanoseconds,
        "Time from a request for a connection to its acceptance that 99 of 100 since the reading before took less than.");
    HTTP_REQUESTS = Metric::counter("http.requests", Unit::Count,
        "Requests over HTTP/1 that were answered, by the class of the status.");
    HTTP_LATENCY_P50 = Metric::gauge("http.request_latency_p50", Unit::Nanoseconds,
        "Time from a request over HTTP/1 to its answer that half of those since the reading before took less than.");
    HTTP_LATENCY_P99 = Metric::gauge("http.request_latency_p99", Unit::Nanoseconds,
        "Time from a request over HTTP/1 to its answer that 99 of 100 since the reading before took less than.");
}
