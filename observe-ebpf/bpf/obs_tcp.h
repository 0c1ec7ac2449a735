/* SPDX-License-Identifier: MIT OR Apache-2.0 OR GPL-2.0 */
/* What the programs about connections count, remember and tell. */
#pragma once

#include "obs_ring.h"

#define ATTEMPT_BITS 10
#define LIFE_BITS 13
/* 2^64 divided by the golden ratio spreads addresses of sockets, which lie at multiples of their size. */
#define GOLDEN 0x9E3779B97F4A7C15ULL

#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6
#define SYN 0x02
#define ACK 0x10

enum {
    TCP_ESTABLISHED = 1,
    TCP_SYN_SENT = 2,
    TCP_SYN_RECV = 3,
    TCP_CLOSE = 7,
    TCP_LISTEN = 10,
    TCP_NEW_SYN_RECV = 12,
};

/* What a record tells. */
enum {
    CONNECTED = 1,
    FAILED = 2,
    ACCEPTED = 3,
    REFUSED = 4,
    RETRANSMITTED = 5,
};

/* Whether each segment that is sent again is told. */
const volatile __u32 cfg_retransmits = 0;
/* Connections that took so long to make are told before others. */
const volatile __u64 cfg_slow_ns = 1000000000;

struct obs_tcp {
    __u64 connects;
    __u64 accepts;
    __u64 failures;
    __u64 closes;
    __u64 retransmits;
    __u64 resets_sent;
    __u64 resets_received;
    /* Sockets whose place another one took. */
    __u64 unmeasured;
    struct obs_histogram connect_latency;
    struct obs_histogram accept_latency;
    /* In units of 2^10 ns, so that a day is within it. */
    struct obs_histogram lifetime;
};

/* A connection that was asked for and is not made yet. */
struct obs_attempt {
    __u64 socket;
    __u64 time;
    struct obs_task task;
};

struct obs_life {
    __u64 socket;
    __u64 time;
};

struct obs_connection {
    __u64 time;
    __u64 duration;
    __u32 kind;
    __s32 error;
    __u32 local[4];
    __u32 remote[4];
    __u16 local_port;
    __u16 remote_port;
    __u16 family;
    __u16 state;
    struct obs_task task;
};

OBS_ROWS(obs_tcps, struct obs_tcp);

/* Both are indexed by the address of the socket; of two that share a place the later one stays. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1 << ATTEMPT_BITS);
    __type(key, __u32);
    __type(value, struct obs_attempt);
} obs_attempts SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1 << LIFE_BITS);
    __type(key, __u32);
    __type(value, struct obs_life);
} obs_lives SEC(".maps");
