/* SPDX-License-Identifier: MIT OR Apache-2.0 OR GPL-2.0 */
/* Connections over TCP: how many are made, how long that takes, how long they last; what is sent again; resets. */
#include "obs_tcp.h"
#include <bpf/bpf_endian.h>

/* One change of state. */
struct change {
    struct sock *sk;
    /* The address of the socket, as a number: the verifier lets nobody reckon with a pointer. */
    __u64 socket;
    __u64 now;
    __u32 before;
};

static __always_inline __u64 number_of(__u64 *argument)
{
    __u64 number = 0;
    bpf_probe_read_kernel(&number, sizeof(number), argument);
    return number;
}

static __always_inline struct obs_attempt *attempt_at(__u64 socket)
{
    __u32 key = (__u32)(socket * GOLDEN >> (64 - ATTEMPT_BITS));
    return bpf_map_lookup_elem(&obs_attempts, &key);
}

static __always_inline struct obs_life *life_at(__u64 socket)
{
    __u32 key = (__u32)(socket * GOLDEN >> (64 - LIFE_BITS));
    return bpf_map_lookup_elem(&obs_lives, &key);
}

static __always_inline void fill_ends(struct obs_connection *record, struct sock *sk)
{
    record->family = OBS_GET(sk, __sk_common.skc_family);
    record->state = OBS_GET(sk, __sk_common.skc_state);
    record->remote_port = bpf_ntohs(OBS_GET(sk, __sk_common.skc_dport));
    /* The other field with this port is cleared before a socket is closed. */
    struct inet_sock *inet = (void *)sk;
    record->local_port = bpf_ntohs(BPF_CORE_READ(inet, inet_sport));
    if (record->family == AF_INET6 && bpf_core_field_exists(sk->__sk_common.skc_v6_daddr)) {
        BPF_CORE_READ_INTO(&record->local, sk, __sk_common.skc_v6_rcv_saddr);
        BPF_CORE_READ_INTO(&record->remote, sk, __sk_common.skc_v6_daddr);
        return;
    }
    __builtin_memset(record->local, 0, sizeof(record->local));
    __builtin_memset(record->remote, 0, sizeof(record->remote));
    record->local[0] = OBS_GET(sk, __sk_common.skc_rcv_saddr);
    record->remote[0] = OBS_GET(sk, __sk_common.skc_daddr);
}

/* Makes a record of a socket; what is rare and matters finds room even when there is much else. */
static __noinline void tell(struct change *change, __u32 kind, __u64 duration, struct obs_attempt *attempt)
{
    struct sock *sk = change->sk;
    bool matters = kind == FAILED || (kind == CONNECTED && duration >= cfg_slow_ns);
    __u32 rate = matters ? cfg_ring_rate : cfg_ring_rate / 2;
    struct obs_connection *record = obs_reserve_below(rate, change->now, sizeof(*record));
    if (!record)
        return;
    record->time = change->now;
    record->duration = duration;
    record->kind = kind;
    record->error = OBS_GET(sk, sk_err);
    fill_ends(record, sk);
    if (attempt)
        record->task = attempt->task;
    else
        __builtin_memset(&record->task, 0, sizeof(record->task));
    obs_submit(record);
}

/* This is the only moment at which the task that runs is the one that connects. */
static __always_inline void begin_attempt(struct obs_tcp *row, struct change *change)
{
    struct obs_attempt *attempt = attempt_at(change->socket);
    if (!attempt)
        return;
    if (attempt->socket && attempt->socket != change->socket)
        row->unmeasured++;
    attempt->socket = 0;
    attempt->time = change->now;
    obs_task_fill(&attempt->task);
    attempt->socket = change->socket;
}

static __always_inline void begin_life(struct obs_tcp *row, struct change *change)
{
    struct obs_life *life = life_at(change->socket);
    if (!life)
        return;
    if (life->socket && life->socket != change->socket)
        row->unmeasured++;
    life->socket = change->socket;
    life->time = change->now;
}

static __always_inline void establish(struct obs_tcp *row, struct change *change)
{
    struct obs_attempt *attempt = attempt_at(change->socket);
    if (attempt && attempt->socket != change->socket)
        attempt = 0;
    begin_life(row, change);
    if (attempt) {
        __u64 duration = change->now - attempt->time;
        row->connects++;
        obs_observe(&row->connect_latency, duration);
        tell(change, CONNECTED, duration, attempt);
        attempt->socket = 0;
    } else if (change->before == TCP_SYN_SENT) {
        row->connects++;
        tell(change, CONNECTED, 0, 0);
    } else if (change->before == TCP_SYN_RECV) {
        /* What goes before has no socket. The first round trip is what the other side took to answer; it is kept
         * in eighths of a microsecond. */
        struct tcp_sock *tcp = (void *)change->sk;
        __u64 duration = (__u64)BPF_CORE_READ(tcp, srtt_us) * 125;
        row->accepts++;
        if (duration)
            obs_observe(&row->accept_latency, duration);
        tell(change, ACCEPTED, duration, 0);
    }
}

static __always_inline void close_attempt(struct obs_tcp *row, struct change *change)
{
    struct obs_attempt *attempt = attempt_at(change->socket);
    if (attempt && attempt->socket != change->socket)
        attempt = 0;
    /* When two sides connect to each other at once, the state is that of one that was asked. */
    if (!attempt && change->before != TCP_SYN_SENT)
        return;
    row->failures++;
    tell(change, FAILED, attempt ? change->now - attempt->time : 0, attempt);
    if (attempt)
        attempt->socket = 0;
}

static __always_inline void close_life(struct obs_tcp *row, struct change *change)
{
    row->closes++;
    struct obs_life *life = life_at(change->socket);
    if (!life || life->socket != change->socket)
        return;
    obs_observe(&row->lifetime, (change->now - life->time) >> 10);
    life->socket = 0;
}

static __always_inline void close(struct obs_tcp *row, struct change *change)
{
    switch (change->before) {
    case TCP_SYN_SENT:
    case TCP_SYN_RECV:
        close_attempt(row, change);
        break;
    case TCP_CLOSE:
    case TCP_LISTEN:
    case TCP_NEW_SYN_RECV:
        break;
    default:
        close_life(row, change);
    }
}

OBS_SEC("inet_sock_set_state")
int inet_sock_set_state(__u64 *context)
{
    struct sock *sk = (void *)context[0];
    __u32 after = OBS_ARG(context, 2, __u32);
    if (OBS_GET(sk, sk_protocol) != IPPROTO_TCP)
        return 0;
    if (after != TCP_SYN_SENT && after != TCP_ESTABLISHED && after != TCP_CLOSE)
        return 0;
    struct obs_tcp *row = obs_row(&obs_tcps, 1, 0);
    if (!row)
        return 0;
    struct change change = { .sk = sk, .socket = number_of(context), .now = bpf_ktime_get_ns() };
    change.before = OBS_ARG(context, 1, __u32);
    if (after == TCP_SYN_SENT)
        begin_attempt(row, &change);
    else if (after == TCP_ESTABLISHED)
        establish(row, &change);
    else
        close(row, &change);
    return 0;
}

OBS_SEC("tcp_retransmit_skb")
int tcp_retransmit_skb(__u64 *context)
{
    struct obs_tcp *row = obs_row(&obs_tcps, 1, 0);
    if (!row)
        return 0;
    row->retransmits++;
    if (cfg_retransmits) {
        struct change change = { .sk = (void *)context[0], .now = bpf_ktime_get_ns() };
        tell(&change, RETRANSMITTED, 0, 0);
    }
    return 0;
}

/* What is read of headers lies as on the wire. */
struct tcp_header {
    __be16 source;
    __be16 destination;
    __u8 between[9];
    __u8 flags;
};

/* Somebody asked for a connection where nobody listens. */
static __always_inline void tell_refusal(struct sk_buff *skb)
{
    struct tcp_header tcp = {};
    unsigned char *head = BPF_CORE_READ(skb, head);
    unsigned char *ip = head + BPF_CORE_READ(skb, network_header);
    bpf_probe_read_kernel(&tcp, sizeof(tcp), head + BPF_CORE_READ(skb, transport_header));
    if ((tcp.flags & (SYN | ACK)) != SYN)
        return;
    __u64 now = bpf_ktime_get_ns();
    struct obs_connection *record = obs_reserve_below(cfg_ring_rate / 2, now, sizeof(*record));
    if (!record)
        return;
    __builtin_memset(record, 0, sizeof(*record));
    record->time = now;
    record->kind = REFUSED;
    record->local_port = bpf_ntohs(tcp.destination);
    record->remote_port = bpf_ntohs(tcp.source);
    __u8 version = 0;
    bpf_probe_read_kernel(&version, sizeof(version), ip);
    if (version >> 4 == 6) {
        record->family = AF_INET6;
        bpf_probe_read_kernel(record->remote, 16, ip + 8);
        bpf_probe_read_kernel(record->local, 16, ip + 24);
    } else {
        record->family = AF_INET;
        bpf_probe_read_kernel(record->remote, 4, ip + 12);
        bpf_probe_read_kernel(record->local, 4, ip + 16);
    }
    obs_submit(record);
}

OBS_SEC("tcp_send_reset")
int tcp_send_reset(__u64 *context)
{
    struct obs_tcp *row = obs_row(&obs_tcps, 1, 0);
    if (!row)
        return 0;
    row->resets_sent++;
    /* Some verifiers take it for granted that there is a socket. */
    if (number_of(&context[0]) == 0)
        tell_refusal((void *)number_of(&context[1]));
    return 0;
}

OBS_SEC("tcp_receive_reset")
int tcp_receive_reset(__u64 *context)
{
    struct obs_tcp *row = obs_row(&obs_tcps, 1, 0);
    if (row)
        row->resets_received++;
    return 0;
}
