/* SPDX-License-Identifier: MIT OR Apache-2.0 OR GPL-2.0 */
/* Processes: counts those that start, run a program and end, and tells the ones that run a program. */
#include "obs_ring.h"

#define PATH 256
#define ARGUMENTS 256
/* What the kernel calls PF_KTHREAD and SIGNAL_GROUP_EXIT. */
#define KERNEL_THREAD 0x00200000
#define GROUP_EXIT 4
#define ENDED 1024

/* Whether arguments are read. */
const volatile __u32 cfg_arguments = 1;
/* Whether ends of processes are told, not only counted. */
const volatile __u32 cfg_exits = 0;

struct obs_processes {
    __u64 started;
    __u64 exited;
    __u64 forked;
    __u64 failed;
    __u64 signalled;
    __u64 unused;
    /* In microseconds: processes may live for days. */
    struct obs_histogram lifetimes;
};

enum { STARTED = 0, EXITED = 1 };

struct obs_change {
    __u64 time;
    /* Nanoseconds since boot, suspension included. */
    __u64 start;
    __u64 lifetime;
    /* As `wait` tells it. */
    __s32 code;
    __u32 kind;
    __u32 ppid;
    __u32 euid;
    __u32 is_deleted;
    __u32 path_size;
    __u32 arguments_size;
    /* How many bytes there were. */
    __u32 arguments_total;
    struct obs_task task;
};

/* Only as much of the text as there is goes into the ring. */
struct obs_exec {
    struct obs_change change;
    char text[PATH + ARGUMENTS];
};

OBS_ROWS(obs_processes, struct obs_processes);
/* Where a record is put together. */
OBS_ROWS(obs_execs, struct obs_exec);

/* Processes that ended last, by the low bits of their id. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, ENDED);
    __type(key, __u32);
    __type(value, __u64);
} obs_ended SEC(".maps");

static __always_inline struct obs_processes *counts(void)
{
    return obs_row(&obs_processes, 1, 0);
}

static __always_inline void describe(struct obs_change *change, struct task_struct *task, __u64 now, __u32 kind)
{
    struct task_struct *leader = BPF_CORE_READ(task, group_leader);
    change->time = now;
    change->start = BPF_CORE_READ(leader, start_boottime);
    change->lifetime = 0;
    change->code = 0;
    change->kind = kind;
    change->ppid = BPF_CORE_READ(task, real_parent, tgid);
    change->euid = BPF_CORE_READ(task, cred, euid.val);
    change->is_deleted = 0;
    change->path_size = 0;
    change->arguments_size = 0;
    change->arguments_total = 0;
    obs_task_fill(&change->task);
    /* A thread may have a name of its own. */
    bpf_core_read(change->task.comm, sizeof(change->task.comm), &leader->comm);
}

static __always_inline bool is_deleted(struct task_struct *task)
{
    struct file *file = BPF_CORE_READ(task, mm, exe_file);
    return file && BPF_CORE_READ(file, f_inode, i_nlink) == 0;
}

/* Reads the path and, behind it, the arguments. Returns how many bytes that makes. */
static __always_inline __u64 read_text(struct obs_exec *exec, struct task_struct *task, struct linux_binprm *program)
{
    __s64 path = bpf_probe_read_kernel_str(exec->text, PATH, BPF_CORE_READ(program, filename));
    __u64 size = path < 0 ? 0 : path;
    if (size > PATH)
        size = PATH;
    asm volatile("" : "+r"(size));
    exec->change.path_size = size;
    if (!cfg_arguments)
        return size;
    __u64 start = BPF_CORE_READ(task, mm, arg_start);
    __u64 wanted = BPF_CORE_READ(task, mm, arg_end) - start;
    exec->change.arguments_total = wanted > 0xFFFFFFFF ? 0xFFFFFFFF : wanted;
    if (wanted > ARGUMENTS)
        wanted = ARGUMENTS;
    asm volatile("" : "+r"(wanted));
    if (size > PATH || wanted > ARGUMENTS)
        return 0;
    if (bpf_probe_read_user(exec->text + size, wanted, (void *)start))
        return size;
    exec->change.arguments_size = wanted;
    return size + wanted;
}

OBS_SEC("sched_process_exec")
int sched_process_exec(__u64 *context)
{
    struct obs_processes *processes = counts();
    if (!processes)
        return 0;
    processes->started++;
    __u64 now = bpf_ktime_get_ns();
    struct obs_ring_count *count = obs_admit(now);
    struct obs_exec *exec = obs_row(&obs_execs, 1, 0);
    if (!count || !exec)
        return 0;
    struct task_struct *task = OBS_ARG(context, 0, struct task_struct *);
    describe(&exec->change, task, now, STARTED);
    exec->change.is_deleted = is_deleted(task);
    __u64 size = read_text(exec, task, OBS_ARG(context, 2, struct linux_binprm *));
    if (size > sizeof(exec->text))
        size = sizeof(exec->text);
    obs_output(count, exec, sizeof(exec->change) + size);
    return 0;
}

OBS_SEC("sched_process_fork")
int sched_process_fork(__u64 *context)
{
    struct task_struct *child = OBS_ARG(context, 1, struct task_struct *);
    struct obs_processes *processes = counts();
    bool is_thread = BPF_CORE_READ(child, pid) != BPF_CORE_READ(child, tgid);
    if (processes && !is_thread && !(BPF_CORE_READ(child, flags) & KERNEL_THREAD))
        processes->forked++;
    return 0;
}

/* Whether the process ends with this thread. */
static __always_inline bool is_last(__u64 *context, struct task_struct *task)
{
    /* Where the event has this field, the tracepoint has it as an argument. */
    if (bpf_core_field_exists(struct trace_event_raw_sched_process_exit, group_dead))
        return OBS_ARG(context, 1, __u64) & 1;
    if (BPF_CORE_READ(task, signal, live.counter) != 0)
        return false;
    /* Threads that end at once may all see that none is left. The first to say so is the last. */
    __u32 pid = BPF_CORE_READ(task, tgid);
    __u64 mark = BPF_CORE_READ(task, group_leader, start_boottime) ^ (__u64)pid << 40;
    __u32 key = pid & (ENDED - 1);
    __u64 *ended = bpf_map_lookup_elem(&obs_ended, &key);
    return ended && __sync_lock_test_and_set(ended, mark) != mark;
}

static __always_inline __s32 exit_code(struct task_struct *task)
{
    struct signal_struct *signal = BPF_CORE_READ(task, signal);
    if (BPF_CORE_READ(signal, flags) & GROUP_EXIT)
        return BPF_CORE_READ(signal, group_exit_code);
    return BPF_CORE_READ(task, group_leader, exit_code);
}

OBS_SEC("sched_process_exit")
int sched_process_exit(__u64 *context)
{
    struct task_struct *task = OBS_ARG(context, 0, struct task_struct *);
    if (BPF_CORE_READ(task, flags) & KERNEL_THREAD || !is_last(context, task))
        return 0;
    struct obs_processes *processes = counts();
    if (!processes)
        return 0;
    __u64 now = bpf_ktime_get_ns();
    __u64 lifetime = now - BPF_CORE_READ(task, group_leader, start_time);
    __s32 code = exit_code(task);
    processes->exited++;
    if (code & 0x7F)
        processes->signalled++;
    else if (code)
        processes->failed++;
    obs_observe(&processes->lifetimes, lifetime / 1000);
    if (!cfg_exits)
        return 0;
    struct obs_change *change = obs_reserve(now, sizeof(*change));
    if (!change)
        return 0;
    describe(change, task, now, EXITED);
    change->lifetime = lifetime;
    change->code = code;
    obs_submit(change);
    return 0;
}
