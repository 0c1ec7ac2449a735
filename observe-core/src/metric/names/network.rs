//! Interfaces, protocols and sockets.

use super::rows;
use crate::{Formula, Metric, Term, Unit};

rows! {
    BYTES_RECV = Metric::counter("network.bytes_recv", Unit::Bytes, "Bytes that came in.")
        .otel_with("system.network.io", Unit::Bytes, 1.0, RECEIVE);
    PACKETS_RECV = count("network.packets_recv", "Packets that came in.")
        .otel_with("system.network.packet.count", Unit::Count, 1.0, RECEIVE);
    ERRORS_RECV = count("network.errors_recv", "Packets that came in and were bad.")
        .otel_with("system.network.errors", Unit::Count, 1.0, RECEIVE);
    DROPS_RECV = count("network.drops_recv", "Packets that came in and were dropped.")
        .otel_with("system.network.packet.dropped", Unit::Count, 1.0, RECEIVE);
    FIFO_RECV = count("network.fifo_recv", "Packets that came in while the interface's buffer was full.");
    FRAME_RECV = count("network.frame_recv", "Packets that came in with a bad frame.");
    COMPRESSED_RECV = count("network.compressed_recv", "Compressed packets that came in.");
    MULTICAST_RECV = count("network.multicast_recv", "Packets to a group that came in.");
    BYTES_SENT = Metric::counter("network.bytes_sent", Unit::Bytes, "Bytes that went out.")
        .otel_with("system.network.io", Unit::Bytes, 1.0, TRANSMIT);
    PACKETS_SENT = count("network.packets_sent", "Packets that went out.")
        .otel_with("system.network.packet.count", Unit::Count, 1.0, TRANSMIT);
    ERRORS_SENT = count("network.errors_sent", "Packets that could not be sent.")
        .otel_with("system.network.errors", Unit::Count, 1.0, TRANSMIT);
    DROPS_SENT = count("network.drops_sent", "Packets to be sent that were dropped.")
        .otel_with("system.network.packet.dropped", Unit::Count, 1.0, TRANSMIT);
    FIFO_SENT = count("network.fifo_sent", "Packets to be sent while the interface's buffer was empty.");
    COLLISIONS = count("network.collisions", "Packets that met another on the wire.");
    CARRIER_ERRORS = count("network.carrier_errors", "Packets that found no carrier.");
    COMPRESSED_SENT = count("network.compressed_sent", "Compressed packets that went out.");

    BYTES_RECV_PER_SEC = bytes_rate("network.bytes_recv_per_sec", &[Term::plus("network.bytes_recv")],
        "Bytes that came in in a second.");
    BYTES_SENT_PER_SEC = bytes_rate("network.bytes_sent_per_sec", &[Term::plus("network.bytes_sent")],
        "Bytes that went out in a second.");
    PACKETS_RECV_PER_SEC = rate("network.packets_recv_per_sec", &[Term::plus("network.packets_recv")],
        "Packets that came in in a second.");
    PACKETS_SENT_PER_SEC = rate("network.packets_sent_per_sec", &[Term::plus("network.packets_sent")],
        "Packets that went out in a second.");
    ERRORS = sum("network.errors", &[Term::plus("network.errors_recv"), Term::plus("network.errors_sent")],
        "Packets that were bad or could not be sent.");
    DROPS = sum("network.drops", &[Term::plus("network.drops_recv"), Term::plus("network.drops_sent")],
        "Packets that were dropped.");
    ERRORS_PER_SEC = rate("network.errors_per_sec",
        &[Term::plus("network.errors_recv"), Term::plus("network.errors_sent")],
        "Packets in a second that were bad or could not be sent.");
    DROPS_PER_SEC = rate("network.drops_per_sec",
        &[Term::plus("network.drops_recv"), Term::plus("network.drops_sent")], "Packets dropped in a second.");

    SOCKETS_USED = Metric::gauge("network.sockets_used", Unit::Count, "Sockets of all kinds.");
    SOCKETS = Metric::gauge("network.sockets", Unit::Count, "Sockets of one protocol that are in use.");
    TCP_CONNECTIONS = Metric::gauge("network.tcp_connections", Unit::Count,
        "TCP sockets in use over IPv4 and IPv6, listening ones included.")
        .otel_with("system.network.connection.count", Unit::Count, 1.0, &[("network.transport", "tcp")]);
    TCP_ORPHANS = Metric::gauge("network.tcp_orphans", Unit::Count, "Connections that no process holds any more.");
    TCP_TIME_WAIT = Metric::gauge("network.tcp_time_wait", Unit::Count, "Connections that ended and wait.");
    TCP_ALLOCATED = Metric::gauge("network.tcp_allocated", Unit::Count,
        "TCP sockets that exist, unused ones included.");
    TCP_MEMORY = Metric::gauge("network.tcp_memory", Unit::Bytes, "Memory of TCP sockets.");
    UDP_MEMORY = Metric::gauge("network.udp_memory", Unit::Bytes, "Memory of UDP sockets.");
    FRAGMENT_MEMORY = Metric::gauge("network.fragment_memory", Unit::Bytes,
        "Memory of fragments that wait for others.");

    IP_IN_PACKETS = count("network.ip_in_packets", "Packets of IPv4 that came in.");
    IP_IN_HEADER_ERRORS = count("network.ip_in_header_errors", "Packets of IPv4 with a bad header.");
    IP_IN_ADDRESS_ERRORS = count("network.ip_in_address_errors", "Packets of IPv4 for an address that is not ours.");
    IP_FORWARDED = count("network.ip_forwarded", "Packets of IPv4 that were forwarded.");
    IP_IN_UNKNOWN_PROTOCOLS = count("network.ip_in_unknown_protocols",
        "Packets of IPv4 for a protocol that is not known.");
    IP_IN_DISCARDS = count("network.ip_in_discards", "Packets of IPv4 that came in and were dropped for lack of room.");
    IP_IN_DELIVERS = count("network.ip_in_delivers", "Packets of IPv4 handed to a protocol.");
    IP_OUT_REQUESTS = count("network.ip_out_requests", "Packets of IPv4 that protocols asked to send.");
    IP_OUT_DISCARDS = count("network.ip_out_discards", "Packets of IPv4 to be sent and dropped for lack of room.");
    IP_OUT_NO_ROUTES = count("network.ip_out_no_routes", "Packets of IPv4 to be sent for which there was no route.");
    IP_FRAGMENTS_IN = count("network.ip_fragments_in", "Fragments of IPv4 that came in.");
    IP_REASSEMBLED = count("network.ip_reassembled", "Packets of IPv4 put together from fragments.");
    IP_REASSEMBLY_FAILURES = count("network.ip_reassembly_failures", "Packets of IPv4 that could not be put together.");
    IP_REASSEMBLY_TIMEOUTS = count("network.ip_reassembly_timeouts",
        "Packets of IPv4 whose fragments did not come in time.");
    IP_FRAGMENTED = count("network.ip_fragmented", "Packets of IPv4 taken apart.");
    IP_FRAGMENTATION_FAILURES = count("network.ip_fragmentation_failures",
        "Packets of IPv4 that could not be taken apart.");
    IP_FRAGMENTS_OUT = count("network.ip_fragments_out", "Fragments of IPv4 that were made.");
    IP_IN_BYTES = Metric::counter("network.ip_in_bytes", Unit::Bytes, "Bytes of IPv4 that came in.");
    IP_OUT_BYTES = Metric::counter("network.ip_out_bytes", Unit::Bytes, "Bytes of IPv4 that went out.");
    IP_IN_MULTICAST = count("network.ip_in_multicast", "Packets of IPv4 to a group that came in.");
    IP_OUT_MULTICAST = count("network.ip_out_multicast", "Packets of IPv4 to a group that went out.");
    IP_IN_BROADCAST = count("network.ip_in_broadcast", "Packets of IPv4 to everybody that came in.");
    IP_OUT_BROADCAST = count("network.ip_out_broadcast", "Packets of IPv4 to everybody that went out.");
    IP_IN_NO_ROUTES = count("network.ip_in_no_routes", "Packets of IPv4 that came in and had no route.");
    IP_IN_TRUNCATED = count("network.ip_in_truncated", "Packets of IPv4 that came in cut short.");
    IP_IN_CHECKSUM_ERRORS = count("network.ip_in_checksum_errors", "Packets of IPv4 with a bad checksum.");
    IP_IN_CONGESTED = count("network.ip_in_congested", "Packets of IPv4 that met congestion on their way.");
    ICMP_IN_MESSAGES = count("network.icmp_in_messages", "Messages of ICMP that came in.");
    ICMP_IN_ERRORS = count("network.icmp_in_errors", "Messages of ICMP that came in and were bad.");
    ICMP_IN_UNREACHABLE = count("network.icmp_in_unreachable", "Messages of ICMP that came in and say unreachable.");
    ICMP_IN_TIME_EXCEEDED = count("network.icmp_in_time_exceeded",
        "Messages of ICMP that came in and say too many hops.");
    ICMP_IN_REDIRECTS = count("network.icmp_in_redirects", "Messages of ICMP that came in and name a better way.");
    ICMP_IN_ECHOS = count("network.icmp_in_echos", "Pings that came in.");
    ICMP_IN_ECHO_REPLIES = count("network.icmp_in_echo_replies", "Answers to pings that came in.");
    ICMP_OUT_MESSAGES = count("network.icmp_out_messages", "Messages of ICMP that went out.");
    ICMP_OUT_ERRORS = count("network.icmp_out_errors", "Messages of ICMP that could not be sent.");
    ICMP_OUT_UNREACHABLE = count("network.icmp_out_unreachable", "Messages of ICMP that went out and say unreachable.");
    ICMP_OUT_ECHOS = count("network.icmp_out_echos", "Pings that went out.");
    ICMP_OUT_ECHO_REPLIES = count("network.icmp_out_echo_replies", "Answers to pings that went out.");
    TCP_ACTIVE_OPENS = count("network.tcp_active_opens", "Connections that this host asked for.");
    TCP_PASSIVE_OPENS = count("network.tcp_passive_opens", "Connections that others asked for.");
    TCP_ATTEMPT_FAILURES = count("network.tcp_attempt_failures", "Connections that were not made.");
    TCP_RESETS = count("network.tcp_resets", "Connections that were cut off.");
    TCP_ESTABLISHED = Metric::gauge("network.tcp_established", Unit::Count, "Connections that are established.");
    TCP_IN_SEGMENTS = count("network.tcp_in_segments", "Segments that came in.");
    TCP_OUT_SEGMENTS = count("network.tcp_out_segments", "Segments that went out, without retransmitted ones.");
    TCP_RETRANSMITS = count("network.tcp_retransmits", "Segments that were sent again.");
    TCP_IN_ERRORS = count("network.tcp_in_errors", "Segments that came in and were bad.");
    TCP_OUT_RESETS = count("network.tcp_out_resets", "Segments sent to cut off a connection.");
    TCP_IN_CHECKSUM_ERRORS = count("network.tcp_in_checksum_errors", "Segments with a bad checksum.");
    UDP_IN_DATAGRAMS = count("network.udp_in_datagrams", "Datagrams that came in.");
    UDP_OUT_DATAGRAMS = count("network.udp_out_datagrams", "Datagrams that went out.");
    UDP_NO_PORTS = count("network.udp_no_ports", "Datagrams for a port nobody listens on.");
    UDP_IN_ERRORS = count("network.udp_in_errors", "Datagrams that came in and could not be delivered.");
    UDP_RECEIVE_BUFFER_ERRORS = count("network.udp_receive_buffer_errors",
        "Datagrams dropped because the receiver's buffer was full.");
    UDP_SEND_BUFFER_ERRORS = count("network.udp_send_buffer_errors",
        "Datagrams dropped because the sender's buffer was full.");
    UDP_IN_CHECKSUM_ERRORS = count("network.udp_in_checksum_errors", "Datagrams with a bad checksum.");
    UDP_MEMORY_ERRORS = count("network.udp_memory_errors", "Datagrams dropped for lack of memory.");
    TCP_SYNCOOKIES_SENT = count("network.tcp_syncookies_sent",
        "Cookies sent because the queue of new connections was full.");
    TCP_SYNCOOKIES_RECEIVED = count("network.tcp_syncookies_received", "Good cookies that came back.");
    TCP_SYNCOOKIES_FAILED = count("network.tcp_syncookies_failed", "Bad cookies that came back.");
    TCP_EMBRYONIC_RESETS = count("network.tcp_embryonic_resets", "New connections that were cut off.");
    TCP_PRUNES = count("network.tcp_prunes", "Times that a full buffer was made smaller.");
    TCP_RECEIVE_PRUNED = count("network.tcp_receive_pruned", "Segments dropped from a full buffer.");
    TCP_OUT_OF_ORDER_PRUNED = count("network.tcp_out_of_order_pruned",
        "Segments out of order dropped from a full buffer.");
    TCP_TIME_WAITS = count("network.tcp_time_waits", "Connections that ended and waited.");
    TCP_TIME_WAITS_REUSED = count("network.tcp_time_waits_reused", "Waiting connections used anew.");
    TCP_OLD_SEGMENTS = count("network.tcp_old_segments", "Segments refused because of an old stamp.");
    TCP_DELAYED_ACKS = count("network.tcp_delayed_acks", "Answers that were delayed.");
    TCP_DELAYED_ACKS_LOST = count("network.tcp_delayed_acks_lost", "Delayed answers that came too late.");
    TCP_LISTEN_OVERFLOWS = count("network.tcp_listen_overflows",
        "New connections refused because the listener's queue was full.");
    TCP_LISTEN_DROPS = count("network.tcp_listen_drops", "New connections that were dropped.");
    TCP_FAST_PATH_HITS = count("network.tcp_fast_path_hits", "Segments that took the fast path.");
    TCP_PURE_ACKS = count("network.tcp_pure_acks", "Answers without data that came in.");
    TCP_SACK_RECOVERIES = count("network.tcp_sack_recoveries", "Recoveries from loss with selective answers.");
    TCP_RENO_RECOVERIES = count("network.tcp_reno_recoveries", "Recoveries from loss without selective answers.");
    TCP_SACK_RENEGING = count("network.tcp_sack_reneging", "Receivers that took back an answer.");
    TCP_SACK_REORDERS = count("network.tcp_sack_reorders", "Times that segments were seen to be reordered.");
    TCP_LOST_RETRANSMITS = count("network.tcp_lost_retransmits", "Segments sent again and lost again.");
    TCP_FAST_RETRANSMITS = count("network.tcp_fast_retransmits", "Segments sent again at once.");
    TCP_SLOW_START_RETRANSMITS = count("network.tcp_slow_start_retransmits",
        "Segments sent again while starting slowly.");
    TCP_TIMEOUTS = count("network.tcp_timeouts", "Times that no answer came in time.");
    TCP_LOSS_PROBES = count("network.tcp_loss_probes", "Probes for lost segments.");
    TCP_LOSS_PROBE_RECOVERIES = count("network.tcp_loss_probe_recoveries", "Losses that a probe repaired.");
    TCP_SPURIOUS_TIMEOUTS = count("network.tcp_spurious_timeouts", "Timeouts that were too early.");
    TCP_RECEIVE_COLLAPSED = count("network.tcp_receive_collapsed", "Segments joined to save memory.");
    TCP_BACKLOG_DROPS = count("network.tcp_backlog_drops",
        "Segments dropped because the backlog of a socket was full.");
    TCP_RESERVE_DROPS = count("network.tcp_reserve_drops",
        "Segments dropped because only the reserve of memory was left.");
    TCP_ZERO_WINDOW_DROPS = count("network.tcp_zero_window_drops", "Segments dropped because there was no room.");
    TCP_RECEIVE_QUEUE_DROPS = count("network.tcp_receive_queue_drops",
        "Segments dropped because the queue of a socket was full.");
    TCP_ABORTS_ON_DATA = count("network.tcp_aborts_on_data", "Connections cut off with data unread.");
    TCP_ABORTS_ON_CLOSE = count("network.tcp_aborts_on_close", "Connections cut off when closed with data unread.");
    TCP_ABORTS_ON_MEMORY = count("network.tcp_aborts_on_memory", "Connections cut off for lack of memory.");
    TCP_ABORTS_ON_TIMEOUT = count("network.tcp_aborts_on_timeout", "Connections cut off because no answer came.");
    TCP_ABORTS_ON_LINGER = count("network.tcp_aborts_on_linger", "Connections cut off while they lingered.");
    TCP_ABORT_FAILURES = count("network.tcp_abort_failures", "Times that cutting off could not be told.");
    TCP_MEMORY_PRESSURES = count("network.tcp_memory_pressures", "Times that memory for connections ran short.");
    TCP_TIME_WAIT_OVERFLOWS = count("network.tcp_time_wait_overflows", "Ended connections that could not wait.");
    TCP_REQUEST_QUEUE_FULL_COOKIES = count("network.tcp_request_queue_full_cookies",
        "Cookies sent because the queue of requests was full.");
    TCP_REQUEST_QUEUE_FULL_DROPS = count("network.tcp_request_queue_full_drops",
        "Requests dropped because the queue was full.");
    TCP_RETRANSMIT_FAILURES = count("network.tcp_retransmit_failures", "Segments that could not be sent again.");
    TCP_OUT_OF_ORDER = count("network.tcp_out_of_order", "Segments that came in out of order.");
    TCP_OUT_OF_ORDER_DROPS = count("network.tcp_out_of_order_drops", "Segments out of order dropped for lack of room.");
    TCP_CHALLENGE_ACKS = count("network.tcp_challenge_acks", "Answers that test whether a segment was real.");
    TCP_SYN_CHALLENGES = count("network.tcp_syn_challenges", "Answers to requests on an established connection.");
    TCP_WINDOW_OPENED = count("network.tcp_window_opened", "Times that a closed window was opened.");
    TCP_WINDOW_CLOSED = count("network.tcp_window_closed", "Times that the window was closed.");
    TCP_SYN_RETRANSMITS = count("network.tcp_syn_retransmits", "Requests for connections that were sent again.");
    TCP_DATA_SEGMENTS_SENT = count("network.tcp_data_segments_sent",
        "Segments with data that were sent, without retransmitted ones.");
    TCP_KEEP_ALIVES = count("network.tcp_keep_alives", "Probes whether the other side is there.");
    TCP_DELIVERED = count("network.tcp_delivered", "Segments that were delivered.");
    TCP_DELIVERED_CONGESTED = count("network.tcp_delivered_congested", "Segments delivered that met congestion.");
    TCP_AUTO_CORKINGS = count("network.tcp_auto_corkings", "Small segments joined before they were sent.");
    IP_REVERSE_PATH_DROPS = count("network.ip_reverse_path_drops",
        "Packets dropped because they came in on the wrong interface.");
    IP6_IN_PACKETS = count("network.ip6_in_packets", "Packets of IPv6 that came in.");
    IP6_IN_HEADER_ERRORS = count("network.ip6_in_header_errors", "Packets of IPv6 with a bad header.");
    IP6_IN_ADDRESS_ERRORS = count("network.ip6_in_address_errors", "Packets of IPv6 for an address that is not ours.");
    IP6_IN_NO_ROUTES = count("network.ip6_in_no_routes", "Packets of IPv6 that came in and had no route.");
    IP6_IN_DISCARDS = count("network.ip6_in_discards",
        "Packets of IPv6 that came in and were dropped for lack of room.");
    IP6_IN_DELIVERS = count("network.ip6_in_delivers", "Packets of IPv6 handed to a protocol.");
    IP6_FORWARDED = count("network.ip6_forwarded", "Packets of IPv6 that were forwarded.");
    IP6_OUT_REQUESTS = count("network.ip6_out_requests", "Packets of IPv6 that protocols asked to send.");
    IP6_OUT_DISCARDS = count("network.ip6_out_discards", "Packets of IPv6 to be sent and dropped for lack of room.");
    IP6_OUT_NO_ROUTES = count("network.ip6_out_no_routes", "Packets of IPv6 to be sent for which there was no route.");
    IP6_REASSEMBLY_FAILURES = count("network.ip6_reassembly_failures",
        "Packets of IPv6 that could not be put together.");
    IP6_IN_BYTES = Metric::counter("network.ip6_in_bytes", Unit::Bytes, "Bytes of IPv6 that came in.");
    IP6_OUT_BYTES = Metric::counter("network.ip6_out_bytes", Unit::Bytes, "Bytes of IPv6 that went out.");
    ICMP6_IN_MESSAGES = count("network.icmp6_in_messages", "Messages of ICMPv6 that came in.");
    ICMP6_IN_ERRORS = count("network.icmp6_in_errors", "Messages of ICMPv6 that came in and were bad.");
    ICMP6_OUT_MESSAGES = count("network.icmp6_out_messages", "Messages of ICMPv6 that went out.");
    UDP6_IN_DATAGRAMS = count("network.udp6_in_datagrams", "Datagrams over IPv6 that came in.");
    UDP6_OUT_DATAGRAMS = count("network.udp6_out_datagrams", "Datagrams over IPv6 that went out.");
    UDP6_NO_PORTS = count("network.udp6_no_ports", "Datagrams over IPv6 for a port nobody listens on.");
    UDP6_IN_ERRORS = count("network.udp6_in_errors", "Datagrams over IPv6 that came in and could not be delivered.");
    UDP6_RECEIVE_BUFFER_ERRORS = count("network.udp6_receive_buffer_errors",
        "Datagrams over IPv6 dropped because the receiver's buffer was full.");

    TCP_RETRANSMITS_PER_SEC = rate("network.tcp_retransmits_per_sec", &[Term::plus("network.tcp_retransmits")],
        "Segments sent again in a second.");
    TCP_RETRANSMIT_PERCENT = Metric::derived("network.tcp_retransmit_percent", Unit::Percent, RETRANSMITTED,
        "Share of the segments sent that were sent again.");
    TCP_IN_SEGMENTS_PER_SEC = rate("network.tcp_in_segments_per_sec", &[Term::plus("network.tcp_in_segments")],
        "Segments that came in in a second.");
    TCP_OUT_SEGMENTS_PER_SEC = rate("network.tcp_out_segments_per_sec", &[Term::plus("network.tcp_out_segments")],
        "Segments that went out in a second.");
    TCP_ACTIVE_OPENS_PER_SEC = rate("network.tcp_active_opens_per_sec", &[Term::plus("network.tcp_active_opens")],
        "Connections that this host asked for in a second.");
    TCP_PASSIVE_OPENS_PER_SEC = rate("network.tcp_passive_opens_per_sec", &[Term::plus("network.tcp_passive_opens")],
        "Connections that others asked for in a second.");
    TCP_RESETS_PER_SEC = rate("network.tcp_resets_per_sec", &[Term::plus("network.tcp_resets")],
        "Connections cut off in a second.");
    TCP_LISTEN_DROPS_PER_SEC = rate("network.tcp_listen_drops_per_sec", &[Term::plus("network.tcp_listen_drops")],
        "New connections dropped in a second.");
    UDP_IN_DATAGRAMS_PER_SEC = rate("network.udp_in_datagrams_per_sec", &[Term::plus("network.udp_in_datagrams")],
        "Datagrams that came in in a second.");
    UDP_OUT_DATAGRAMS_PER_SEC = rate("network.udp_out_datagrams_per_sec", &[Term::plus("network.udp_out_datagrams")],
        "Datagrams that went out in a second.");
    UDP_IN_ERRORS_PER_SEC = rate("network.udp_in_errors_per_sec", &[Term::plus("network.udp_in_errors")],
        "Datagrams in a second that came in and could not be delivered.");
}

const fn count(name: &'static str, help: &'static str) -> Metric {
    Metric::counter(name, Unit::Count, help)
}

const fn rate(name: &'static str, of: &'static [Term], help: &'static str) -> Metric {
    Metric::derived(name, Unit::CountPerSecond, Formula::Rate { of, scale: 1.0 }, help)
}

const fn bytes_rate(name: &'static str, of: &'static [Term], help: &'static str) -> Metric {
    Metric::derived(name, Unit::BytesPerSecond, Formula::Rate { of, scale: 1.0 }, help)
}

const fn sum(name: &'static str, of: &'static [Term], help: &'static str) -> Metric {
    Metric::derived(name, Unit::Count, Formula::Sum { of }, help)
}

const RETRANSMITTED: Formula = Formula::GrowthRatio {
    of: &[Term::plus("network.tcp_retransmits")],
    over: &[Term::plus("network.tcp_out_segments"), Term::plus("network.tcp_retransmits")],
    scale: 100.0,
};
const RECEIVE: &[(&str, &str)] = &[("network.io.direction", "receive")];
const TRANSMIT: &[(&str, &str)] = &[("network.io.direction", "transmit")];
