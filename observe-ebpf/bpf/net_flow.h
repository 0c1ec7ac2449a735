/* SPDX-License-Identifier: MIT OR Apache-2.0 OR GPL-2.0 */
/* What is remembered of connections: requests for them, requests over HTTP, and who is asked how often. All of it lies in
 * tables of fixed size where a newcomer takes the place of another, so a flood costs samples, not memory. */
#pragma once

#include "net_packet.h"

#define HANDSHAKES 4096
#define REQUESTS 2048
/* Places for those who are asked for connections, in each of four rounds. */
#define TARGETS 128
#define ROUNDS 4

/* Places for flows that have most bytes, in each of two rounds; none with 0, else a power of two. */
const volatile __u32 cfg_flows = 0;

/* Which reading is being counted for: user space raises this at each, and reads what is behind. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} obs_round SEC(".maps");

enum obs_step { STEP_NONE, STEP_ASKED, STEP_ANSWERED, STEP_DONE };

/* The first bytes that each side sends were told already. */
#define TOLD_CLIENT 1
#define TOLD_SERVER 2

struct obs_handshake {
    __u64 key;
    __u64 time;
    /* The numbers of the first segments of both sides. */
    __u32 asked;
    __u32 answered;
    __u8 step;
    __u8 told;
    __u8 direction;
    __u8 unused;
    __u32 round;
    /* The element of obs_targets that the request was credited to: another processor may see the connection come about. */
    __u32 target;
    __u32 unused_too;
};

struct obs_request {
    __u64 key;
    __u64 time;
    __u32 sequence;
    __u32 length;
    __u16 source_port;
    __u16 destination_port;
    __u8 step;
    __u8 direction;
    __u8 unused[2];
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, HANDSHAKES);
    __type(key, __u32);
    __type(value, struct obs_handshake);
} obs_handshakes SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, REQUESTS);
    __type(key, __u32);
    __type(value, struct obs_request);
} obs_requests SEC(".maps");

/* Who is asked for connections. */
struct obs_target {
    struct obs_address address;
    /* The first who asked. */
    struct obs_address source;
    __u32 round;
    __u32 score;
    __u32 asked;
    __u32 completed;
    __u16 port;
    /* Whether others asked, too. */
    __u8 has_more;
    __u8 unused[5];
};

/* In each round the places. A round is read when the next one is over, so that answers find their requests. */
OBS_ROWS(obs_targets, struct obs_target);

/* What could not be credited to anybody, because others held the place. */
struct obs_unplaced {
    __u64 requests;
};

OBS_ROWS(obs_unplaced, struct obs_unplaced);

static __always_inline __u64 obs_endpoint(const struct obs_address *address, __u16 port)
{
    __u64 hash = (address->low ^ address->high * 0x9E3779B97F4A7C15 ^ (__u64)port << 48) * 0xD6E8FEB86659FD93;
    return hash ^ hash >> 32;
}

/* Names a connection, the same for both directions; never 0. */
static __always_inline __u64 obs_connection(const struct obs_packet *packet)
{
    __u64 sum = obs_endpoint(&packet->source, packet->source_port)
        + obs_endpoint(&packet->destination, packet->destination_port);
    return (sum ^ sum >> 29) * 0xBF58476D1CE4E5B9 | 1;
}

static __always_inline bool obs_is_address(const struct obs_address *one, const struct obs_address *other)
{
    return one->low == other->low && one->high == other->high;
}

static __always_inline __u32 obs_current_round(void)
{
    __u32 zero = 0;
    __u32 *round = bpf_map_lookup_elem(&obs_round, &zero);
    return round ? *round : 0;
}

/* The element of this processor, whose elements user space adds up. */
static __always_inline __u32 obs_target_of(const struct obs_packet *from_client, __u32 round)
{
    __u32 index = (__u32)(obs_endpoint(&from_client->destination, from_client->destination_port) >> 20) & (TARGETS - 1);
    return (bpf_get_smp_processor_id() * ROUNDS + (round & (ROUNDS - 1))) * TARGETS + index;
}

static __always_inline bool obs_is_target(const struct obs_target *target, const struct obs_packet *from_client, __u32 round)
{
    return target->round == round && target->port == from_client->destination_port
        && obs_is_address(&target->address, &from_client->destination);
}

/* A connection is wanted; returns who is asked, as an element of obs_targets. */
static __noinline __u32 obs_credit_request(const struct obs_packet *from_client, __u32 round)
{
    __u32 key = obs_target_of(from_client, round);
    struct obs_target *target = bpf_map_lookup_elem(&obs_targets, &key);
    struct obs_unplaced *unplaced = obs_row(&obs_unplaced, 1, 0);
    if (!target || !unplaced)
        return key;
    if (obs_is_target(target, from_client, round)) {
        target->asked++;
        target->score++;
        if (!obs_is_address(&target->source, &from_client->source))
            target->has_more = 1;
        return key;
    }
    if (target->round == round) {
        if (target->score > 0) {
            target->score--;
            unplaced->requests++;
            return key;
        }
        unplaced->requests += target->asked;
    }
    target->address = from_client->destination;
    target->source = from_client->source;
    target->round = round;
    target->score = 0;
    target->asked = 1;
    target->completed = 0;
    target->port = from_client->destination_port;
    target->has_more = 0;
    return key;
}

/* A connection came about. The element may be another processor's. */
static __noinline void obs_credit_completion(const struct obs_packet *from_client, const struct obs_handshake *handshake)
{
    __u32 key = handshake->target;
    struct obs_target *target = bpf_map_lookup_elem(&obs_targets, &key);
    if (target && obs_is_target(target, from_client, handshake->round))
        __sync_fetch_and_add(&target->completed, 1);
}

/* A flow, both directions, that holds its place while others wear it down. */
struct obs_flow {
    __u64 key;
    struct obs_address source;
    struct obs_address destination;
    __u64 bytes;
    __u64 packets;
    __u64 score;
    __u32 round;
    __u16 source_port;
    __u16 destination_port;
    __u8 transport;
    __u8 unused[7];
};

OBS_ROWS(obs_flows, struct obs_flow);

static __always_inline void obs_count_flow(const struct obs_packet *packet, __u32 length)
{
    __u32 round = obs_current_round();
    __u64 key = obs_connection(packet) + packet->transport * 2;
    __u32 index = (__u32)(key >> 32) & (cfg_flows - 1);
    struct obs_flow *flow = obs_row(&obs_flows, 2 * cfg_flows, (round & 1) * cfg_flows + index);
    if (!flow)
        return;
    bool is_current = flow->round == round;
    if (!is_current || flow->key != key) {
        if (is_current && flow->score > length) {
            flow->score -= length;
            return;
        }
        flow->key = key;
        flow->source = packet->source;
        flow->destination = packet->destination;
        flow->bytes = 0;
        flow->packets = 0;
        flow->score = 0;
        flow->round = round;
        flow->source_port = packet->source_port;
        flow->destination_port = packet->destination_port;
        flow->transport = packet->transport;
    }
    flow->bytes += length;
    flow->packets++;
    flow->score += length;
}
