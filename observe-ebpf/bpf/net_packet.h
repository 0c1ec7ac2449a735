/* SPDX-License-Identifier: MIT OR Apache-2.0 OR GPL-2.0 */
/* What the headers of a packet say, and whether they make sense. */
#pragma once

#include "obs.h"
#include <bpf/bpf_endian.h>

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_ARP 0x0806
#define ETHERTYPE_IPV6 0x86DD

enum obs_family { FAMILY_OTHER, FAMILY_IPV4, FAMILY_IPV6, FAMILY_ARP };
enum obs_transport { TRANSPORT_OTHER, TRANSPORT_TCP, TRANSPORT_UDP, TRANSPORT_ICMP };
#define KINDS 16

/* What is wrong with a packet. User space has a sentence for each. */
enum obs_fault {
    FAULT_NONE,
    FAULT_ARP_SHORT,
    FAULT_ICMP_SHORT,
    FAULT_IP_HEADER,
    FAULT_IP_LENGTH,
    FAULT_IP_SHORT,
    FAULT_TCP_FLAGS,
    FAULT_TCP_HEADER,
    FAULT_TCP_SHORT,
    FAULT_UDP_LENGTH,
    FAULT_UDP_SHORT,
};

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10
#define TCP_FLAGS 0x3F

/* An address in the form of IPv6. */
struct obs_address {
    __u64 high;
    __u64 low;
};

struct obs_packet {
    struct obs_address source;
    struct obs_address destination;
    __u32 sequence;
    __u32 acknowledged;
    /* Where what TCP or UDP carries begins, and how long it is. */
    __u32 payload;
    __u32 payload_length;
    __u16 source_port;
    __u16 destination_port;
    __u16 flags;
    __u8 family;
    __u8 transport;
    /* Where it was seen. */
    __u8 slot;
    __u8 direction;
    /* Whether the header of the transport was read. */
    bool has_ports;
};

struct obs_ipv4 {
    __u8 version_length;
    __u8 service;
    __be16 total;
    __be16 id;
    __be16 fragment;
    __u8 hops;
    __u8 protocol;
    __be16 checksum;
    __be32 source;
    __be32 destination;
};

struct obs_ipv6 {
    __be32 version_class;
    __be16 length;
    __u8 next;
    __u8 hops;
    __be32 source[4];
    __be32 destination[4];
};

struct obs_extension {
    __u8 next;
    __u8 length;
    __be16 fragment;
};

struct obs_tcp {
    __be16 source;
    __be16 destination;
    __be32 sequence;
    __be32 acknowledged;
    __u8 offset;
    __u8 flags;
    __be16 window;
};

struct obs_udp {
    __be16 source;
    __be16 destination;
    __be16 length;
    __be16 checksum;
};

/* Copies a header: from where it lies, or, where the packet is in pieces, by asking for it. Verifiers of older kernels
 * forget bounds of what was on the stack, so they see them once more. */
#define OBS_LOAD(skb, offset, to)                                                    \
    ({                                                                               \
        __u32 obs_offset = (offset);                                                 \
        asm volatile("" : "+r"(obs_offset));                                         \
        obs_offset &= 0x7FFF;                                                        \
        void *obs_at = (void *)(long)(skb)->data + obs_offset;                       \
        bool obs_done = obs_at + sizeof(*(to)) <= (void *)(long)(skb)->data_end;     \
        if (obs_done)                                                                \
            *(to) = *(typeof(to))obs_at;                                             \
        else                                                                         \
            obs_done = bpf_skb_load_bytes(skb, obs_offset, to, sizeof(*(to))) == 0;  \
        obs_done;                                                                    \
    })

static __always_inline enum obs_fault obs_parse_tcp(struct __sk_buff *skb, struct obs_packet *packet, __u32 at, __u32 length)
{
    struct obs_tcp tcp;
    if (length < 20 || !OBS_LOAD(skb, at, &tcp))
        return FAULT_TCP_SHORT;
    __u32 header = (tcp.offset >> 4) * 4;
    if (header < 20 || header > length)
        return FAULT_TCP_HEADER;
    packet->flags = tcp.flags & TCP_FLAGS;
    packet->source_port = bpf_ntohs(tcp.source);
    packet->destination_port = bpf_ntohs(tcp.destination);
    packet->sequence = bpf_ntohl(tcp.sequence);
    packet->acknowledged = bpf_ntohl(tcp.acknowledged);
    packet->payload = at + header;
    packet->payload_length = length - header;
    packet->has_ports = true;
    /* Nobody who wants a connection sends these; those who look for open ports do. */
    if (packet->flags == 0 || (packet->flags & TCP_SYN && packet->flags & (TCP_FIN | TCP_RST)))
        return FAULT_TCP_FLAGS;
    return FAULT_NONE;
}

static __always_inline enum obs_fault obs_parse_udp(struct __sk_buff *skb, struct obs_packet *packet, __u32 at, __u32 length, bool is_part)
{
    struct obs_udp udp;
    if (length < 8 || !OBS_LOAD(skb, at, &udp))
        return FAULT_UDP_SHORT;
    packet->source_port = bpf_ntohs(udp.source);
    packet->destination_port = bpf_ntohs(udp.destination);
    packet->payload = at + 8;
    packet->payload_length = length - 8;
    packet->has_ports = true;
    __u32 stated = bpf_ntohs(udp.length);
    /* A jumbogram states no length; that of a fragment is that of the whole. */
    bool is_stated = stated != 0 || length <= 65535;
    if (is_stated && !is_part && (stated < 8 || stated > length))
        return FAULT_UDP_LENGTH;
    return FAULT_NONE;
}

/* What follows the headers of the network. */
struct obs_carried {
    __u32 at;
    __u32 length;
    __u8 protocol;
    /* It is a later fragment, without the header of the transport. */
    bool is_rest;
    /* It is the first of several fragments. */
    bool is_part;
};

static __always_inline enum obs_fault obs_parse_transport(struct __sk_buff *skb, struct obs_packet *packet, const struct obs_carried *carried)
{
    switch (carried->protocol) {
    case 6:
        packet->transport = TRANSPORT_TCP;
        return carried->is_rest ? FAULT_NONE : obs_parse_tcp(skb, packet, carried->at, carried->length);
    case 17:
        packet->transport = TRANSPORT_UDP;
        if (carried->is_rest)
            return FAULT_NONE;
        return obs_parse_udp(skb, packet, carried->at, carried->length, carried->is_part);
    case 1:
    case 58:
        packet->transport = TRANSPORT_ICMP;
        return carried->length < 8 && !carried->is_rest ? FAULT_ICMP_SHORT : FAULT_NONE;
    default:
        return FAULT_NONE;
    }
}

static __always_inline enum obs_fault obs_parse_ipv4(struct __sk_buff *skb, struct obs_packet *packet, struct obs_carried *carried)
{
    __u32 at = carried->at;
    struct obs_ipv4 ip;
    if (skb->len < at + sizeof(ip) || !OBS_LOAD(skb, at, &ip))
        return FAULT_IP_SHORT;
    packet->source.low = 0xFFFF00000000 | bpf_ntohl(ip.source);
    packet->destination.low = 0xFFFF00000000 | bpf_ntohl(ip.destination);
    __u32 header = (ip.version_length & 15) * 4;
    if (ip.version_length >> 4 != 4 || header < 20)
        return FAULT_IP_HEADER;
    __u32 there = skb->len - at, total = bpf_ntohs(ip.total);
    /* What the kernel joined may be longer than the header can say. */
    if (total == 0 && there > 65535)
        total = there;
    if (total < header || total > there)
        return FAULT_IP_LENGTH;
    __u16 fragment = bpf_ntohs(ip.fragment);
    carried->at = at + header;
    carried->length = total - header;
    carried->protocol = ip.protocol;
    carried->is_rest = fragment & 0x1FFF;
    carried->is_part = fragment & 0x2000;
    return FAULT_NONE;
}

static __always_inline __u64 obs_half(const __be32 *half)
{
    return (__u64)bpf_ntohl(half[0]) << 32 | bpf_ntohl(half[1]);
}

static __always_inline bool obs_is_extension(__u8 next)
{
    return next == 0 || next == 43 || next == 44 || next == 60;
}

/* Rare, so it is a function of its own. More headers than these, and the packet counts without its transport. */
static __noinline enum obs_fault obs_skip_extensions(struct __sk_buff *skb, struct obs_carried *carried)
{
    for (int i = 0; i < 4 && obs_is_extension(carried->protocol) && !carried->is_rest; i++) {
        struct obs_extension extension;
        if (carried->length < 8 || carried->at > 8192 || bpf_skb_load_bytes(skb, carried->at, &extension, sizeof(extension)))
            return FAULT_IP_SHORT;
        bool is_fragment = carried->protocol == 44;
        __u32 size = is_fragment ? 8 : (extension.length + 1) * 8;
        if (size > carried->length)
            return FAULT_IP_LENGTH;
        if (is_fragment) {
            carried->is_part = true;
            carried->is_rest = bpf_ntohs(extension.fragment) & 0xFFF8;
        }
        carried->protocol = extension.next;
        carried->at += size;
        carried->length -= size;
    }
    return FAULT_NONE;
}

static __always_inline enum obs_fault obs_parse_ipv6(struct __sk_buff *skb, struct obs_packet *packet, struct obs_carried *carried)
{
    __u32 at = carried->at;
    struct obs_ipv6 ip;
    if (skb->len < at + sizeof(ip) || !OBS_LOAD(skb, at, &ip))
        return FAULT_IP_SHORT;
    packet->source.high = obs_half(ip.source);
    packet->source.low = obs_half(ip.source + 2);
    packet->destination.high = obs_half(ip.destination);
    packet->destination.low = obs_half(ip.destination + 2);
    if (bpf_ntohl(ip.version_class) >> 28 != 6)
        return FAULT_IP_HEADER;
    __u32 there = skb->len - at - sizeof(ip), length = bpf_ntohs(ip.length);
    if (length == 0 && ip.next == 0)
        length = there;
    if (length > there)
        return FAULT_IP_LENGTH;
    carried->at = at + sizeof(ip);
    carried->length = length;
    carried->protocol = ip.next;
    return obs_is_extension(ip.next) ? obs_skip_extensions(skb, carried) : FAULT_NONE;
}

/* Reads the headers from `at` on, where that of the network begins. */
static __always_inline enum obs_fault obs_parse(struct __sk_buff *skb, struct obs_packet *packet, __u32 at)
{
    struct obs_carried carried = { .at = at };
    enum obs_fault fault = FAULT_NONE;
    switch (bpf_ntohs((__be16)skb->protocol)) {
    case ETHERTYPE_IPV4:
        packet->family = FAMILY_IPV4;
        fault = obs_parse_ipv4(skb, packet, &carried);
        break;
    case ETHERTYPE_IPV6:
        packet->family = FAMILY_IPV6;
        fault = obs_parse_ipv6(skb, packet, &carried);
        break;
    case ETHERTYPE_ARP:
        packet->family = FAMILY_ARP;
        return skb->len < at + 28 ? FAULT_ARP_SHORT : FAULT_NONE;
    default:
        return FAULT_NONE;
    }
    if (fault)
        return fault;
    return obs_parse_transport(skb, packet, &carried);
}
