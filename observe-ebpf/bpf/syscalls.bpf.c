/* SPDX-License-Identifier: MIT OR Apache-2.0 OR GPL-2.0 */
/* Counts system calls, and measures how long they take: all of them, one in so many, or none. */
#include "obs_ring.h"

#define ROWS 512
/* The last row counts turns of sampling; no call has this number. */
#define TURNS (ROWS - 1)
#define STARTS 8192
#define TOP 1024
#define X32_BIT 0x40000000
/* 2^32 divided by the golden ratio: multiples of it are spread evenly, whatever the program's own rhythm. */
#define GOLDEN 0x9E3779B1

/* Times nothing. */
#define NO_LATENCY 0xFFFFFFFF

/* One call in 2^cfg_sample_shift is timed; all with 0, none with NO_LATENCY. */
const volatile __u32 cfg_sample_shift = 6;
/* Calls that take at least so long are told one by one. */
const volatile __u64 cfg_slow_ns = 1000000000;
/* Only this process, unless it is 0. */
const volatile __u32 cfg_pid = 0;
/* Processes and control groups are credited with one call in 2^cfg_top_shift; none with NO_LATENCY. */
const volatile __u32 cfg_top_shift = 6;

struct obs_syscall {
    __u64 calls;
    __u64 errors;
    struct obs_histogram latency;
};

struct obs_start {
    __u64 time;
    __u32 tid;
    __u32 number;
};

/* Who calls most: a counter that a newcomer wears down before it takes the place. */
struct obs_top {
    __u64 owner;
    __u32 number;
    __u32 score;
    __u64 credits;
};

struct obs_slow_syscall {
    __u64 time;
    __u64 duration;
    __s64 result;
    __u32 number;
    __u32 unused;
    struct obs_task task;
};

OBS_ROWS(obs_syscalls, struct obs_syscall);
/* By processes, then by control groups. */
OBS_ROWS(obs_tops, struct obs_top);

/* Indexed by the low bits of the thread's id; two threads that share a place lose a sample, no more. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, STARTS);
    __type(key, __u32);
    __type(value, struct obs_start);
} obs_starts SEC(".maps");

static __always_inline bool is_turn(__u32 turn, __u32 shift)
{
    return shift == 0 || (turn * GOLDEN) >> (32 - shift) == 0;
}

static __always_inline void credit(__u32 half, __u64 owner, __u32 number)
{
    __u32 hash = ((__u32)(owner ^ owner >> 32) * 31 + number) * GOLDEN;
    __u32 key = half * TOP + (hash >> 22);
    struct obs_top *top = bpf_map_lookup_elem(&obs_tops, &key);
    if (!top)
        return;
    if (top->owner == owner && top->number == number) {
        top->score++;
        top->credits++;
    } else if (top->score > 0) {
        top->score--;
    } else {
        top->owner = owner;
        top->number = number;
        top->score = 1;
        top->credits = 1;
    }
}

static __always_inline bool is_wanted(__u64 ids)
{
    return cfg_pid == 0 || cfg_pid == ids >> 32;
}

static __always_inline struct obs_syscall *row_of(__u32 number)
{
    number &= ~X32_BIT;
    if (number >= TURNS)
        number = TURNS - 1;
    return obs_row(&obs_syscalls, ROWS, number);
}

static __always_inline void tell(__u64 ids, __u64 now, __u64 duration, __s64 result, __u32 number)
{
    struct obs_slow_syscall *record = obs_reserve(now, sizeof(*record));
    if (!record)
        return;
    record->time = now;
    record->duration = duration;
    record->result = result;
    record->number = number;
    record->unused = 0;
    obs_task_fill(&record->task);
    obs_submit(record);
}

/* The rare part of an exit: the call was timed. */
static __always_inline void time_call(struct obs_syscall *row, __u64 ids, __u32 number, __s64 result)
{
    __u32 key = (__u32)ids & (STARTS - 1);
    struct obs_start *start = bpf_map_lookup_elem(&obs_starts, &key);
    if (!start || start->tid != (__u32)ids || start->number != number)
        return;
    start->tid = 0;
    __u64 now = bpf_ktime_get_ns();
    __u64 duration = now - start->time;
    obs_observe(&row->latency, duration);
    if (OBS_UNLIKELY(duration >= cfg_slow_ns))
        tell(ids, now, duration, result, number);
}

static __always_inline __u32 number_of(__u64 regs)
{
    struct pt_regs___x86 *x86 = (void *)regs;
    struct pt_regs___arm64 *arm64 = (void *)regs;
    if (bpf_core_field_exists(x86->orig_ax))
        return (__u32)OBS_GET(x86, orig_ax);
    return (__u32)OBS_GET(arm64, syscallno);
}
