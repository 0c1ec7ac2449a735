/* SPDX-License-Identifier: MIT OR Apache-2.0 OR GPL-2.0 */
/* Counts packets where they enter and leave interfaces, and measures how long answers take. Packets go on unchanged. */
#include "net_record.h"

#define SLOTS 32
#define PLACES 256
/* A link whose header is not known: its packets count by what carries them alone. */
#define LINK_UNKNOWN 255
/* In both ways of attaching: whoever comes next decides. */
#define NEXT -1

/* `HTTP/1.1 200` is the shortest of what tells an answer. */
#define HTTP_BYTES 12
/* After so long, a little over a minute, what the same ports say is something else. */
#define STALE_SHIFT 36

/* Whether requests over HTTP are timed. */
const volatile __u32 cfg_http = 1;
/* Whether every request is told, not only slow and failed ones. */
const volatile __u32 cfg_http_events = 0;
const volatile __u64 cfg_slow_ns = 1000000000;
/* Whether first bytes of what packets carry are told. No other record has any. */
const volatile __u32 cfg_first_bytes = 0;

enum obs_direction { RECEIVE, TRANSMIT };

/* Where user space put an interface. */
struct obs_interface {
    __u32 index;
    __u32 slot;
    /* Bytes before the header of the network. */
    __u32 link;
    __u32 unused;
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, PLACES);
    __type(key, __u32);
    __type(value, struct obs_interface);
} obs_interfaces SEC(".maps");

/* One direction of one interface. What its packets are says how many there are. */
struct obs_traffic {
    __u64 kinds[KINDS];
    __u64 bytes;
    __u64 malformed;
    __u64 syn;
    __u64 syn_ack;
    __u64 reset;
    __u64 fin;
    __u64 pad[2];
};

OBS_ROWS(obs_traffic, struct obs_traffic);

/* How long answers take: by who asked, and by what was asked for. */
struct obs_answers {
    struct obs_histogram latency;
    /* By the first digit of the status; the rest is at 0. */
    __u64 statuses[8];
};

#define HANDSHAKE 0
#define HTTP 2
#define ANSWERS 4

OBS_ROWS(obs_answers, struct obs_answers);

static __always_inline struct obs_answers *answers_of(__u32 what, __u8 direction)
{
    return obs_row(&obs_answers, ANSWERS, what + (direction & 1));
}

/* A connection is wanted, or the other side accepts. */
static __noinline void see_syn(const struct obs_packet *packet, struct obs_handshake *handshake, __u64 key)
{
    __u64 now = bpf_ktime_get_ns();
    bool is_own = handshake->key == key;
    if (packet->flags & TCP_ACK) {
        if (!is_own || handshake->step != STEP_ASKED || packet->acknowledged != handshake->asked + 1)
            return;
        handshake->step = STEP_ANSWERED;
        handshake->answered = packet->sequence;
        struct obs_answers *answers = answers_of(HANDSHAKE, handshake->direction);
        if (answers)
            obs_observe(&answers->latency, now - handshake->time);
        return;
    }
    /* It may be seen at another interface, or sent again. */
    if (is_own && handshake->asked == packet->sequence && now - handshake->time < 1ULL << STALE_SHIFT)
        return;
    handshake->key = key;
    handshake->time = now;
    handshake->asked = packet->sequence;
    handshake->answered = 0;
    handshake->step = STEP_ASKED;
    handshake->told = 0;
    handshake->direction = packet->direction;
    handshake->round = obs_current_round();
    handshake->target = obs_credit_request(packet, handshake->round);
}

/* Follows a connection as it comes about. Returns whether the packet is the first of its side that carries something. */
static __always_inline bool follow(struct obs_packet *packet, __u64 key)
{
    __u32 place = (__u32)(key >> 32) & (HANDSHAKES - 1);
    struct obs_handshake *handshake = bpf_map_lookup_elem(&obs_handshakes, &place);
    if (!handshake)
        return false;
    if (packet->flags & TCP_SYN) {
        see_syn(packet, handshake, key);
        return false;
    }
    if (handshake->key != key)
        return false;
    bool is_first_of_client = packet->sequence == handshake->asked + 1;
    if (handshake->step == STEP_ANSWERED && is_first_of_client && !(packet->flags & TCP_RST)) {
        handshake->step = STEP_DONE;
        obs_credit_completion(packet, handshake);
    }
    if (!cfg_first_bytes || packet->payload_length == 0)
        return false;
    __u8 told = is_first_of_client ? TOLD_CLIENT : packet->sequence == handshake->answered + 1 ? TOLD_SERVER : 0;
    if (!told || handshake->told & told)
        return false;
    handshake->told |= told;
    return true;
}

#define WORD(a, b, c, d) ((__u32)(a) | (__u32)(b) << 8 | (__u32)(c) << 16 | (__u32)(d) << 24)

static __always_inline bool is_method(__u32 word)
{
    switch (word) {
    case WORD('G', 'E', 'T', ' '):
    case WORD('P', 'O', 'S', 'T'):
    case WORD('H', 'E', 'A', 'D'):
    case WORD('P', 'U', 'T', ' '):
    case WORD('D', 'E', 'L', 'E'):
    case WORD('P', 'A', 'T', 'C'):
    case WORD('O', 'P', 'T', 'I'):
    case WORD('C', 'O', 'N', 'N'):
    case WORD('T', 'R', 'A', 'C'):
        return true;
    default:
        return false;
    }
}

/* Reads the status of an answer; 0 where it is none. */
static __always_inline __u16 status_of(const __u32 *words)
{
    /* `HTTP`, `/1.1`, ` 200` */
    if (words[0] != WORD('H', 'T', 'T', 'P') || (words[1] & 0xFFFFFF) != WORD('/', '1', '.', 0))
        return 0;
    __u32 hundreds = (words[2] >> 8 & 255) - '0', tens = (words[2] >> 16 & 255) - '0', ones = (words[2] >> 24) - '0';
    if ((words[2] & 255) != ' ' || hundreds < 1 || hundreds > 9 || tens > 9 || ones > 9)
        return 0;
    return hundreds * 100 + tens * 10 + ones;
}

static __always_inline void answer(const struct obs_packet *packet, struct obs_request *request, __u64 key, __u16 status)
{
    /* After 100 and its like comes the answer itself; after 101 none comes. */
    if (status < 200 && status != 101)
        return;
    if (request->key != key || request->step != STEP_ASKED || request->source_port != packet->destination_port
        || request->destination_port != packet->source_port)
        return;
    request->step = STEP_ANSWERED;
    __u64 now = bpf_ktime_get_ns();
    struct obs_answers *answers = answers_of(HTTP, request->direction);
    if (!answers)
        return;
    obs_observe(&answers->latency, now - request->time);
    __u32 class = status / 100;
    if (class > 5)
        class = 0;
    asm volatile("" : "+r"(class));
    answers->statuses[class & 7]++;
    if (cfg_http_events || class == 5 || now - request->time >= cfg_slow_ns)
        tell_http(packet, request, key, now, status);
}

/* A request, where `status` is 0, or an answer. Returns whether it is a request that was not seen before. */
static __noinline bool see_http(const struct obs_packet *packet, __u64 key, __u32 status)
{
    __u32 place = (__u32)(key >> 32) & (REQUESTS - 1);
    struct obs_request *request = bpf_map_lookup_elem(&obs_requests, &place);
    if (!request)
        return false;
    if (status) {
        answer(packet, request, key, status);
        return false;
    }
    /* It may be seen at another interface, or sent again. */
    if (request->key == key && request->sequence == packet->sequence)
        return false;
    request->key = key;
    request->time = bpf_ktime_get_ns();
    request->sequence = packet->sequence;
    request->length = packet->payload_length;
    request->source_port = packet->source_port;
    request->destination_port = packet->destination_port;
    request->step = STEP_ASKED;
    request->direction = packet->direction;
    return true;
}

/* Times requests over HTTP/1. Returns whether one begins here that was not seen before. */
static __always_inline bool time_http(struct __sk_buff *skb, struct obs_packet *packet, __u64 key)
{
    struct obs_start { __u32 words[HTTP_BYTES / 4]; } start;
    if (packet->payload_length < HTTP_BYTES || !OBS_LOAD(skb, packet->payload, &start))
        return false;
    bool is_request = is_method(start.words[0]);
    __u16 status = is_request ? 0 : status_of(start.words);
    return (is_request || status) && see_http(packet, key, status);
}

static __always_inline void see_tcp(struct __sk_buff *skb, struct obs_packet *packet, struct obs_traffic *row)
{
    if (OBS_UNLIKELY(packet->flags & (TCP_SYN | TCP_RST | TCP_FIN))) {
        if (packet->flags & TCP_RST)
            row->reset++;
        else if (packet->flags & TCP_FIN)
            row->fin++;
        else if (packet->flags & TCP_ACK)
            row->syn_ack++;
        else
            row->syn++;
    }
    __u64 key = obs_connection(packet);
    bool is_first = follow(packet, key);
    bool is_request = cfg_http && time_http(skb, packet, key);
    if (cfg_first_bytes && (is_first || is_request))
        tell_first_bytes(skb, packet, key);
}

/* Each interface lies at one of two places. */
static __always_inline struct obs_interface *interface_of(__u32 index)
{
    __u32 place = index & (PLACES - 1);
    struct obs_interface *interface = bpf_map_lookup_elem(&obs_interfaces, &place);
    if (interface && interface->index == index)
        return interface;
    place = index * 0x9E3779B1 >> 24;
    interface = bpf_map_lookup_elem(&obs_interfaces, &place);
    return interface && interface->index == index ? interface : 0;
}

static __always_inline int see(struct __sk_buff *skb, __u32 direction)
{
    struct obs_interface *interface = interface_of(skb->ifindex);
    if (!interface || interface->slot >= SLOTS)
        return NEXT;
    struct obs_packet packet = { .slot = interface->slot, .direction = direction };
    struct obs_traffic *row = obs_row(&obs_traffic, SLOTS * 2, interface->slot * 2 + direction);
    if (!row)
        return NEXT;
    row->bytes += skb->len;
    if (interface->link == LINK_UNKNOWN) {
        row->kinds[0]++;
        return NEXT;
    }
    enum obs_fault fault = obs_parse(skb, &packet, interface->link & 31);
    row->kinds[(packet.family * 4 + packet.transport) & (KINDS - 1)]++;
    if (OBS_UNLIKELY(fault)) {
        row->malformed++;
        tell_fault(skb, &packet, fault);
        return NEXT;
    }
    if (cfg_flows && (packet.family == FAMILY_IPV4 || packet.family == FAMILY_IPV6))
        obs_count_flow(&packet, skb->len);
    if (packet.transport == TRANSPORT_TCP && packet.has_ports)
        see_tcp(skb, &packet, row);
    return NEXT;
}

SEC("classifier")
int net_ingress(struct __sk_buff *skb)
{
    return see(skb, RECEIVE);
}

SEC("classifier")
int net_egress(struct __sk_buff *skb)
{
    return see(skb, TRANSMIT);
}
