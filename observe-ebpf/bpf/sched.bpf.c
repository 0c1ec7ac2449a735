/* SPDX-License-Identifier: MIT OR Apache-2.0 OR GPL-2.0 */
/* Counts switches of the processors from task to task, and measures how long tasks wait for one. */
#include "obs.h"

#define QUEUED 4096

/* One wait in 2^cfg_sample_shift is timed; all with 0. */
const volatile __u32 cfg_sample_shift = 0;

struct obs_sched {
    __u64 switches;
    __u64 involuntary;
    __u64 wakeups;
    /* Waits that were to be timed, but another task took the place. */
    __u64 lost;
    struct obs_histogram waits;
    /* Waits that began here. */
    __u64 turns;
    /* Whole cache lines, so that processors do not share any. */
    __u64 pad;
};

OBS_ROWS(obs_scheds, struct obs_sched);

/* A task that waits for a processor. Who runs has none, so places are few. */
struct obs_queued {
    __u64 time;
    __u32 tid;
    __u32 unused;
};

/* Indexed by the low bits of the thread's id. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, QUEUED);
    __type(key, __u32);
    __type(value, struct obs_queued);
} obs_queue SEC(".maps");

static __always_inline struct obs_queued *place_of(__u32 tid)
{
    __u32 key = tid & (QUEUED - 1);
    return bpf_map_lookup_elem(&obs_queue, &key);
}

/* A wait begins. Returns the time, where that had to be found out. */
static __always_inline __u64 begin(struct obs_sched *row, __u32 tid)
{
    struct obs_queued *queued = place_of(tid);
    if (!queued)
        return 0;
    if (!obs_is_turn((__u32)row->turns++, cfg_sample_shift)) {
        /* Where running tasks cannot be told, one that was woken left a time behind that is not this wait's. */
        if (queued->tid == tid)
            queued->tid = 0;
        return 0;
    }
    if (OBS_UNLIKELY(queued->tid != 0 && queued->tid != tid))
        row->lost++;
    __u64 now = bpf_ktime_get_ns();
    queued->tid = tid;
    queued->time = now;
    return now;
}

/* A wait ends. */
static __always_inline void end(struct obs_sched *row, __u32 tid, __u64 now)
{
    struct obs_queued *queued = place_of(tid);
    if (!queued || queued->tid != tid)
        return;
    queued->tid = 0;
    __u64 since = queued->time;
    if (!now)
        now = bpf_ktime_get_ns();
    /* Clocks of two processors may be apart by a little. */
    obs_observe(&row->waits, now > since ? now - since : 0);
}

/* Whoever is woken on its way to sleep has never left its processor. Kernels for one processor do not note it. */
static __always_inline bool is_running(struct task_struct *task)
{
    return bpf_core_field_exists(task->on_cpu) && OBS_GET(task, on_cpu);
}

static __always_inline int woken(struct task_struct *task)
{
    struct obs_sched *row = obs_row(&obs_scheds, 1, 0);
    if (!row)
        return 0;
    row->wakeups++;
    if (!is_running(task))
        begin(row, OBS_GET(task, pid));
    return 0;
}

OBS_SEC("sched_wakeup")
int sched_wakeup(__u64 *context)
{
    return woken(OBS_ARG(context, 0, struct task_struct *));
}

OBS_SEC("sched_wakeup_new")
int sched_wakeup_new(__u64 *context)
{
    return woken(OBS_ARG(context, 0, struct task_struct *));
}

OBS_SEC("sched_switch")
int sched_switch(__u64 *context)
{
    struct obs_sched *row = obs_row(&obs_scheds, 1, 0);
    if (!row)
        return 0;
    row->switches++;
    struct task_struct *before = OBS_ARG(context, 1, struct task_struct *);
    struct task_struct *next = OBS_ARG(context, 2, struct task_struct *);
    __u64 now = 0;
    /* Whoever is sent away, or goes without having to wait for anything, queues again; tasks called 0 idle. */
    if (OBS_ARG(context, 0, bool) || OBS_GET(before, __state) == 0) {
        __u32 tid = OBS_GET(before, pid);
        if (tid) {
            row->involuntary++;
            now = begin(row, tid);
        }
    }
    __u32 tid = OBS_GET(next, pid);
    if (tid)
        end(row, tid, now);
    return 0;
}
