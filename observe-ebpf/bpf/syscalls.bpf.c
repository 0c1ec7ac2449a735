/* SPDX-License-Identifier: MIT OR Apache-2.0 OR GPL-2.0 */
/* Counts system calls, and measures how long they take: all of them, one in so many, or none. */
#include "obs_ring.h"

#define ROWS 512
/* The last row counts turns of sampling; no call has this number. */
#define TURNS (ROWS - 1)
#define UNKNOWN (ROWS - 2)
/* Calls of 32-bit programs, whose numbers are of another table. */
#define COMPAT (ROWS - 3)
#define STARTS 8192
#define TOP 256
#define X32_BIT 0x40000000

/* How x86-64 and arm64 mark such a call, or the thread that makes it. */
#define X86_TS_COMPAT 2
#define ARM64_TIF_32BIT 22

/* Times nothing. */
#define NO_LATENCY 0xFFFFFFFF

/* One call in 2^cfg_sample_shift is timed; all with 0, none with NO_LATENCY. */
const volatile __u32 cfg_sample_shift = 6;
/* Calls that take at least so long are told one by one. */
const volatile __u64 cfg_slow_ns = 1000000000;
/* One bit for each call of which slow ones are told: those that wait by their nature are never slow. */
const volatile __u64 cfg_told[ROWS / 64] = {};
/* Only this process, unless it is 0. */
const volatile __u32 cfg_pid = 0;
/* Processes and control groups are credited with one timed call in 2^cfg_top_shift; none with NO_LATENCY. */
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

static __always_inline void credit(__u32 half, __u64 owner, __u32 number)
{
    __u32 hash = ((__u32)(owner ^ owner >> 32) * 31 + number) * OBS_GOLDEN;
    __u32 key = half * TOP + (hash >> 24);
    struct obs_top *top = bpf_map_lookup_elem(&obs_tops, &key);
    if (!top)
        return;
    if (top->owner == owner && top->number == number) {
        top->score++;
        top->credits++;
    } else if (top->score > 0) {
        top->score--;
    } else {
        /* First the credits, so that nobody who reads meanwhile sees a newcomer with those of another. */
        top->credits = 1;
        asm volatile("" ::: "memory");
        top->owner = owner;
        top->number = number;
        top->score = 1;
    }
}

static __always_inline bool is_wanted(__u64 ids)
{
    return cfg_pid == 0 || cfg_pid == ids >> 32;
}

/* Returns the row of a call by its number in this machine's own table. */
static __always_inline struct obs_syscall *row_of(__u32 number)
{
    number &= ~X32_BIT;
    if (number >= COMPAT)
        number = UNKNOWN;
    return obs_row(&obs_syscalls, ROWS, number);
}

static __always_inline bool is_told(__u32 number)
{
    if (number >= ROWS)
        return false;
    /* As with buckets: the bound once more. */
    asm volatile("" : "+r"(number));
    number &= ROWS - 1;
    return cfg_told[number >> 6] >> (number & 63) & 1;
}

static __always_inline void tell(__u64 now, __u64 duration, __s64 result, __u32 number)
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
static __always_inline void time_call(
    struct obs_syscall *row, struct obs_start *start, __u64 ids, __u32 number, __s64 result)
{
    start->tid = 0;
    __u64 now = bpf_ktime_get_ns();
    /* Another thread took the place in between. */
    if (now < start->time)
        return;
    __u64 duration = now - start->time;
    obs_observe(&row->latency, duration);
    struct obs_syscall *turns = obs_row(&obs_syscalls, ROWS, TURNS);
    if (turns && cfg_top_shift != NO_LATENCY && obs_is_turn((__u32)turns->errors++, cfg_top_shift)) {
        credit(0, ids >> 32, number);
        credit(1, bpf_get_current_cgroup_id(), number);
    }
    if (OBS_UNLIKELY(duration >= cfg_slow_ns) && is_told(number))
        tell(now, duration, result, number);
}

static __always_inline struct obs_start *start_of(__u64 ids)
{
    __u32 key = (__u32)ids & (STARTS - 1);
    return bpf_map_lookup_elem(&obs_starts, &key);
}

/* Whether this call is to be timed. */
static __always_inline bool is_timed(void)
{
    if (cfg_sample_shift == NO_LATENCY)
        return false;
    struct obs_syscall *turns = obs_row(&obs_syscalls, ROWS, TURNS);
    return turns && obs_is_turn((__u32)turns->calls++, cfg_sample_shift);
}

static __always_inline void count(struct obs_syscall *row, __s64 result)
{
    row->calls++;
    /* Error numbers are 1 to 4095; 512 and above mean that the call begins again. */
    if (OBS_UNLIKELY(result < 0 && result > -512))
        row->errors++;
}

#ifdef OBS_RAW
/* Reads nothing of the kernel's: works where the kernel does not describe its types. So the number is taken down at
 * entry, for every call, and calls of 32-bit programs count as those that have their numbers here. */
OBS_SEC("sys_enter")
int sys_enter(__u64 *context)
{
    __u64 ids = bpf_get_current_pid_tgid();
    struct obs_start *start = start_of(ids);
    if (!start || !is_wanted(ids))
        return 0;
    __u32 number = OBS_ARG(context, 1, __u32);
    bool timed = is_timed();
    start->number = number;
    start->time = timed ? bpf_ktime_get_ns() : 0;
    start->tid = (__u32)ids;
    return 0;
}

OBS_SEC("sys_exit")
int sys_exit(__u64 *context)
{
    __u64 ids = bpf_get_current_pid_tgid();
    struct obs_start *start = start_of(ids);
    if (!start || !is_wanted(ids))
        return 0;
    bool is_own = start->tid == (__u32)ids;
    struct obs_syscall *row = row_of(is_own ? start->number : UNKNOWN);
    if (!row)
        return 0;
    count(row, OBS_ARG(context, 1, __s64));
    if (is_own && start->time)
        time_call(row, start, ids, start->number, OBS_ARG(context, 1, __s64));
    return 0;
}
#else
OBS_SEC("sys_enter")
int sys_enter(__u64 *context)
{
    if (!is_timed())
        return 0;
    __u64 ids = bpf_get_current_pid_tgid();
    struct obs_start *start = start_of(ids);
    if (!start || !is_wanted(ids))
        return 0;
    start->number = OBS_ARG(context, 1, __u32);
    start->time = bpf_ktime_get_ns();
    start->tid = (__u32)ids;
    return 0;
}

static __always_inline __u32 number_of(__u64 regs)
{
    struct pt_regs___x86 *x86 = (void *)regs;
    struct pt_regs___arm64 *arm64 = (void *)regs;
    if (bpf_core_field_exists(x86->orig_ax))
        return (__u32)x86->orig_ax;
    return (__u32)arm64->syscallno;
}

/* A 64-bit program may make such a call as well, so what counts is the call, not the program. */
static __always_inline bool is_compat(struct task_struct *task)
{
    if (bpf_core_field_exists(task->thread_info.status))
        return task->thread_info.status & X86_TS_COMPAT;
    return task->thread_info.flags >> ARM64_TIF_32BIT & 1;
}

OBS_SEC("sys_exit")
int sys_exit(__u64 *context)
{
    struct task_struct *task = bpf_get_current_task_btf();
    /* What bpf_get_current_pid_tgid returns, without another call. */
    __u64 ids = (__u64)task->tgid << 32 | (__u32)task->pid;
    if (!is_wanted(ids))
        return 0;
    __u32 number = number_of(context[0]);
    bool compat = is_compat(task);
    struct obs_syscall *row = compat ? obs_row(&obs_syscalls, ROWS, COMPAT) : row_of(number);
    if (!row)
        return 0;
    count(row, OBS_ARG(context, 1, __s64));
    if (cfg_sample_shift == NO_LATENCY)
        return 0;
    struct obs_start *start = start_of(ids);
    if (OBS_UNLIKELY(start && start->tid == (__u32)ids && start->number == number))
        time_call(row, start, ids, compat ? COMPAT : number, OBS_ARG(context, 1, __s64));
    return 0;
}
#endif
