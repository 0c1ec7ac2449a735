/* SPDX-License-Identifier: MIT OR Apache-2.0 OR GPL-2.0 */
/* What is told of single packets. Only records of first bytes have any of what packets carry. */
#pragma once

#include "obs_ring.h"
#include "net_flow.h"

#define FIRST_BYTES 256

enum obs_told { TOLD_FAULT = 1, TOLD_HTTP, TOLD_FIRST_BYTES };

struct obs_net_record {
    __u64 time;
    __u64 key;
    __u64 duration;
    /* Who sent it; of an answer, who asked. */
    struct obs_address source;
    struct obs_address destination;
    __u32 bytes;
    __u16 source_port;
    __u16 destination_port;
    __u16 told;
    /* What is wrong, or the status. */
    __u16 code;
    __u8 slot;
    __u8 direction;
    __u8 family;
    __u8 transport;
};

struct obs_first_bytes {
    struct obs_net_record head;
    __u8 bytes[FIRST_BYTES];
};

static __always_inline void describe(struct obs_net_record *record, const struct obs_packet *packet, __u64 now, __u16 told)
{
    record->time = now;
    record->key = 0;
    record->duration = 0;
    record->source = packet->source;
    record->destination = packet->destination;
    record->bytes = packet->payload_length;
    record->source_port = packet->source_port;
    record->destination_port = packet->destination_port;
    record->told = told;
    record->code = 0;
    record->slot = packet->slot;
    record->direction = packet->direction;
    record->family = packet->family;
    record->transport = packet->transport;
}

static __noinline void tell_fault(struct __sk_buff *skb, const struct obs_packet *packet, enum obs_fault fault)
{
    __u64 now = bpf_ktime_get_ns();
    /* Anyone can send such packets: they leave most of the room to other records. */
    struct obs_net_record *record = obs_reserve_below(cfg_ring_rate / 10, now, sizeof(*record));
    if (!record)
        return;
    describe(record, packet, now, TOLD_FAULT);
    record->code = fault;
    record->bytes = skb->len;
    obs_submit(record);
}

static __noinline void tell_first_bytes(struct __sk_buff *skb, const struct obs_packet *packet, __u64 key)
{
    __u64 now = bpf_ktime_get_ns();
    struct obs_first_bytes *record = obs_reserve(now, sizeof(*record));
    if (!record)
        return;
    describe(&record->head, packet, now, TOLD_FIRST_BYTES);
    record->head.key = key;
    __u32 length = packet->payload_length;
    if (length > FIRST_BYTES)
        length = FIRST_BYTES;
    asm volatile("" : "+r"(length));
    if (length == 0 || length > FIRST_BYTES || bpf_skb_load_bytes(skb, packet->payload, record->bytes, length))
        length = 0;
    record->head.bytes = length;
    obs_submit(record);
}

static __noinline void tell_http(const struct obs_packet *packet, const struct obs_request *request, __u64 key, __u64 now, __u16 status)
{
    struct obs_net_record *record = obs_reserve(now, sizeof(*record));
    if (!record)
        return;
    describe(record, packet, now, TOLD_HTTP);
    record->key = key;
    record->duration = now - request->time;
    record->source = packet->destination;
    record->destination = packet->source;
    record->source_port = packet->destination_port;
    record->destination_port = packet->source_port;
    record->direction = request->direction;
    record->bytes = request->length + packet->payload_length;
    record->code = status;
    obs_submit(record);
}
