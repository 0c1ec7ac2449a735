/* SPDX-License-Identifier: MIT OR Apache-2.0 OR GPL-2.0 */
/* The ring: rare records for user space, at most so many a second and processor, every one that is left out counted. */
#pragma once

#include "obs.h"

/* The loader writes this before it loads. */
const volatile __u32 cfg_ring_rate = 1000;

/* What became of the records of one processor. One cache line, so that processors do not share any. */
struct obs_ring_count {
    __u64 window;
    __u32 in_window;
    __u32 unused;
    __u64 sent;
    __u64 limited;
    __u64 lost;
    __u64 pad[3];
};

OBS_ROWS(obs_ring_counts, struct obs_ring_count);

/* The loader sets the size. */
struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 4096);
} obs_ring SEC(".maps");

/* Who did it. */
struct obs_task {
    __u64 cgroup;
    __u32 pid;
    __u32 tid;
    __u32 uid;
    char comm[OBS_COMM];
    __u32 unused;
};

static __always_inline void obs_task_fill(struct obs_task *task)
{
    __u64 ids = bpf_get_current_pid_tgid();
    task->cgroup = bpf_get_current_cgroup_id();
    task->pid = ids >> 32;
    task->tid = (__u32)ids;
    task->uid = (__u32)bpf_get_current_uid_gid();
    task->unused = 0;
    bpf_get_current_comm(task->comm, sizeof(task->comm));
}

/* Returns the counts of this processor, or nothing where there are `rate` records this second. */
static __always_inline struct obs_ring_count *obs_admit_below(__u32 rate, __u64 now)
{
    struct obs_ring_count *count = obs_row(&obs_ring_counts, 1, 0);
    if (!count)
        return 0;
    /* A window is 2^30 ns, a little over a second. */
    if (count->window != now >> 30) {
        count->window = now >> 30;
        count->in_window = 0;
    }
    if (count->in_window >= rate) {
        count->limited++;
        return 0;
    }
    return count;
}

/* Returns the counts of this processor, or nothing where there are too many records this second. */
static __always_inline struct obs_ring_count *obs_admit(__u64 now)
{
    return obs_admit_below(cfg_ring_rate, now);
}

/* Returns room for a record, or nothing where there are `rate` this second or the ring is full. */
static __always_inline void *obs_reserve_below(__u32 rate, __u64 now, __u64 size)
{
    struct obs_ring_count *count = obs_admit_below(rate, now);
    if (!count)
        return 0;
    void *record = bpf_ringbuf_reserve(&obs_ring, size, 0);
    if (!record) {
        count->lost++;
        return 0;
    }
    count->in_window++;
    count->sent++;
    return record;
}

/* Returns room for a record, or nothing where there are too many this second or the ring is full. */
static __always_inline void *obs_reserve(__u64 now, __u64 size)
{
    return obs_reserve_below(cfg_ring_rate, now, size);
}

/* Nobody is woken: user space looks on its own tick. */
static __always_inline void obs_submit(void *record)
{
    bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

/* Copies a record whose size is not known to the compiler, once it was admitted. */
static __always_inline void obs_output(struct obs_ring_count *count, void *record, __u64 size)
{
    if (bpf_ringbuf_output(&obs_ring, record, size, BPF_RB_NO_WAKEUP)) {
        count->lost++;
        return;
    }
    count->in_window++;
    count->sent++;
}
