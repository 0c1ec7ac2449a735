/* SPDX-License-Identifier: MIT OR Apache-2.0 OR GPL-2.0 */
/* Counts what processors are found at when their clocks are sampled: which process, at which stack. */
#include "obs.h"

/* As many as the kernel's own limit allows by default. */
#define DEPTH 127
/* What stands in place of a stack's number. */
#define NO_STACK 0
#define LOST_STACK 1
#define EEXIST 17

/* Only this process, unless it is 0. */
const volatile __u32 cfg_pid = 0;
/* Whether stacks are kept; without them, samples count by process. */
const volatile __u32 cfg_stacks = 1;

struct obs_stack {
    __u64 addresses[DEPTH];
};

struct obs_sample {
    /* Numbers of stacks. */
    __u64 user;
    __u64 kernel;
    __u32 pid;
    char comm[OBS_COMM];
    __u32 unused;
};

/* One cache line, so that processors do not share any. */
struct obs_sampled {
    /* By halves. User space knows how many it found in each, so it knows how many were lost. */
    __u64 samples[2];
    /* Stacks for which there was no place; their samples count all the same. */
    __u64 stacks_lost;
    __u64 pad[5];
};

OBS_ROWS(obs_sampled, struct obs_sampled);

/* The half that programs write to, 0 or 1. User space reads and clears the other one in peace. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} obs_half SEC(".maps");

/* Where a stack is written before it has a number. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct obs_stack);
} obs_scratch SEC(".maps");

/* The loader sets the sizes. Stacks are in hashes, not in maps made for them: those have one place for each value of a
 * short hash, and turn stacks away long before they are full. */
#define OBS_STACKS(name)                  \
    struct {                              \
        __uint(type, BPF_MAP_TYPE_HASH);  \
        __uint(max_entries, 1);           \
        __type(key, __u64);               \
        __type(value, struct obs_stack);  \
    } name SEC(".maps")

#define OBS_COUNTS(name)                  \
    struct {                              \
        __uint(type, BPF_MAP_TYPE_HASH);  \
        __uint(max_entries, 1);           \
        __type(key, struct obs_sample);   \
        __type(value, __u64);             \
    } name SEC(".maps")

OBS_STACKS(obs_stacks_0);
OBS_STACKS(obs_stacks_1);
OBS_COUNTS(obs_counts_0);
OBS_COUNTS(obs_counts_1);

/* The number of a stack: as good as its own, with 63 bits. */
static __always_inline __u64 number_of(struct obs_stack *stack)
{
    __u64 number = 0;
    for (__u32 depth = 0; depth < DEPTH; depth++) {
        number = (number ^ stack->addresses[depth]) * 0x9E3779B97F4A7C15ULL;
        number ^= number >> 32;
    }
    return number | 1ULL << 63;
}

static __always_inline __u64 keep(void *context, void *stacks, __u64 flags, struct obs_sampled *sampled)
{
    __u32 key = 0;
    struct obs_stack *stack = bpf_map_lookup_elem(&obs_scratch, &key);
    /* A thread of the kernel has no stack of its user's, and one that runs its user's code none of the kernel's. */
    if (!cfg_stacks || !stack || bpf_get_stack(context, stack, sizeof(*stack), flags) <= 0)
        return NO_STACK;
    __u64 number = number_of(stack);
    long outcome = bpf_map_update_elem(stacks, &number, stack, BPF_NOEXIST);
    if (!outcome || outcome == -EEXIST)
        return number;
    sampled->stacks_lost++;
    return LOST_STACK;
}

static __always_inline void count(void *counts, struct obs_sample *sample)
{
    __u64 first = 1;
    __u64 *found = bpf_map_lookup_elem(counts, sample);
    if (!found) {
        if (!bpf_map_update_elem(counts, sample, &first, BPF_NOEXIST))
            return;
        /* Another processor was first, or there is no place. */
        found = bpf_map_lookup_elem(counts, sample);
    }
    if (found)
        __sync_fetch_and_add(found, 1);
}

static __always_inline void take(void *context, __u32 pid, void *stacks, void *counts, struct obs_sampled *sampled)
{
    struct obs_sample sample = { .pid = pid };
    bpf_get_current_comm(sample.comm, sizeof(sample.comm));
    sample.user = keep(context, stacks, BPF_F_USER_STACK, sampled);
    sample.kernel = keep(context, stacks, 0, sampled);
    count(counts, &sample);
}

SEC("perf_event")
int sample(void *context)
{
    __u32 pid = bpf_get_current_pid_tgid() >> 32;
    /* Process 0 is the processor at rest. */
    if (pid == 0 || (cfg_pid && cfg_pid != pid))
        return 0;
    __u32 key = 0;
    __u32 *half = bpf_map_lookup_elem(&obs_half, &key);
    struct obs_sampled *sampled = obs_row(&obs_sampled, 1, 0);
    if (!half || !sampled)
        return 0;
    if (*half & 1) {
        sampled->samples[1]++;
        take(context, pid, &obs_stacks_1, &obs_counts_1, sampled);
    } else {
        sampled->samples[0]++;
        take(context, pid, &obs_stacks_0, &obs_counts_0, sampled);
    }
    return 0;
}
