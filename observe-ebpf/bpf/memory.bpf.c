/* SPDX-License-Identifier: MIT OR Apache-2.0 OR GPL-2.0 */
/* Want of memory: who is killed for it, who has to reclaim some before going on, and page faults. */
#include "obs_ring.h"

#define STARTS 1024
/* What the kernel calls MM_ANONPAGES. */
#define ANONYMOUS 1

/* Whose memory is reclaimed. */
enum { HOST = 0, CGROUP = 1, SCOPES = 2 };
enum { READ = 0, WRITE = 1, EXECUTE = 2, ACCESSES = 3 };

struct obs_memory {
    __u64 oom_kills;
    __u64 faults[ACCESSES];
    __u64 unused[4];
};

struct obs_reclaim {
    __u64 count;
    __u64 pages;
    struct obs_histogram latency;
};

struct obs_start {
    __u64 time;
    __u32 tid;
    __u32 scope;
};

struct obs_victim {
    __u64 time;
    __u64 anonymous_pages;
    __u32 ppid;
    __u32 unused;
    struct obs_task task;
};

OBS_ROWS(obs_memory, struct obs_memory);
OBS_ROWS(obs_reclaims, struct obs_reclaim);

/* Indexed by the low bits of the thread's id; of two threads that share a place, one is counted but not timed. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, STARTS);
    __type(key, __u32);
    __type(value, struct obs_start);
} obs_starts SEC(".maps");

static __always_inline struct obs_memory *counts(void)
{
    return obs_row(&obs_memory, 1, 0);
}

static __always_inline __u64 anonymous_pages(struct task_struct *task)
{
    struct mm_struct *memory = BPF_CORE_READ(task, mm);
    struct mm_struct___old *old = (void *)memory;
    __s64 pages;
    if (bpf_core_field_exists(old->rss_stat.count))
        pages = BPF_CORE_READ(old, rss_stat.count[ANONYMOUS].counter);
    else
        pages = BPF_CORE_READ(memory, rss_stat[ANONYMOUS].count);
    return pages < 0 ? 0 : pages;
}

static __always_inline void describe(struct obs_victim *victim, struct task_struct *task)
{
    victim->anonymous_pages = anonymous_pages(task);
    victim->ppid = BPF_CORE_READ(task, real_parent, tgid);
    victim->task.cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
    victim->task.pid = BPF_CORE_READ(task, tgid);
    victim->task.tid = BPF_CORE_READ(task, pid);
    victim->task.uid = BPF_CORE_READ(task, cred, uid.val);
    bpf_core_read(victim->task.comm, sizeof(victim->task.comm), &task->comm);
}

OBS_SEC("mark_victim")
int mark_victim(__u64 *context)
{
    struct obs_memory *memory = counts();
    if (!memory)
        return 0;
    memory->oom_kills++;
    __u64 now = bpf_ktime_get_ns();
    struct obs_victim *victim = obs_reserve(now, sizeof(*victim));
    if (!victim)
        return 0;
    __builtin_memset(victim, 0, sizeof(*victim));
    victim->time = now;
    /* Where the event has this field, the first argument is the task, else the id of the thread. */
    if (bpf_core_field_exists(struct trace_event_raw_mark_victim, uid)) {
        describe(victim, OBS_ARG(context, 0, struct task_struct *));
    } else {
        __u32 tid = OBS_ARG(context, 0, __u32);
        victim->task.pid = tid;
        victim->task.tid = tid;
        /* Mostly the one who wants memory is the one who has most of it. */
        if (tid == (__u32)bpf_get_current_pid_tgid())
            describe(victim, (void *)bpf_get_current_task());
    }
    obs_submit(victim);
    return 0;
}

static __always_inline struct obs_start *start_of(__u32 tid)
{
    __u32 key = tid & (STARTS - 1);
    return bpf_map_lookup_elem(&obs_starts, &key);
}

static __always_inline int begin(__u32 scope)
{
    __u32 tid = (__u32)bpf_get_current_pid_tgid();
    struct obs_start *start = start_of(tid);
    if (!start)
        return 0;
    start->time = bpf_ktime_get_ns();
    start->tid = tid;
    start->scope = scope;
    return 0;
}

static __always_inline int end(__u32 scope, __u64 pages)
{
    struct obs_reclaim *reclaim = obs_row(&obs_reclaims, SCOPES, scope);
    if (!reclaim)
        return 0;
    reclaim->count++;
    reclaim->pages += pages;
    __u32 tid = (__u32)bpf_get_current_pid_tgid();
    struct obs_start *start = start_of(tid);
    if (!start || start->tid != tid || start->scope != scope)
        return 0;
    start->tid = 0;
    obs_observe(&reclaim->latency, bpf_ktime_get_ns() - start->time);
    return 0;
}

OBS_SEC("mm_vmscan_direct_reclaim_begin")
int mm_vmscan_direct_reclaim_begin(__u64 *context)
{
    return begin(HOST);
}

OBS_SEC("mm_vmscan_direct_reclaim_end")
int mm_vmscan_direct_reclaim_end(__u64 *context)
{
    return end(HOST, OBS_ARG(context, 0, __u64));
}

OBS_SEC("mm_vmscan_memcg_reclaim_begin")
int mm_vmscan_memcg_reclaim_begin(__u64 *context)
{
    return begin(CGROUP);
}

OBS_SEC("mm_vmscan_memcg_reclaim_end")
int mm_vmscan_memcg_reclaim_end(__u64 *context)
{
    return end(CGROUP, OBS_ARG(context, 0, __u64));
}

/* The bits of the error code are those of x86. */
OBS_SEC("page_fault_user")
int page_fault_user(__u64 *context)
{
    struct obs_memory *memory = counts();
    if (!memory)
        return 0;
    __u64 code = OBS_ARG(context, 2, __u64);
    if (code & 16)
        memory->faults[EXECUTE]++;
    else if (code & 2)
        memory->faults[WRITE]++;
    else
        memory->faults[READ]++;
    return 0;
}
