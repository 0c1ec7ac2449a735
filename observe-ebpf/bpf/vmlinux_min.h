/* SPDX-License-Identifier: MIT OR Apache-2.0 OR GPL-2.0 */
/* The types of the kernel that the programs read, and no field more. The loader moves each access to where the
 * running kernel has the field, so neither order nor size matter here. Names that end in ___x are flavours: the
 * part after the underscores is not looked up. */
#pragma once

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;
typedef __u16 __sum16;
typedef __u32 __wsum;
typedef _Bool bool;

enum { false = 0, true = 1 };

enum bpf_map_type {
    BPF_MAP_TYPE_HASH = 1,
    BPF_MAP_TYPE_ARRAY = 2,
    BPF_MAP_TYPE_PERCPU_ARRAY = 6,
    BPF_MAP_TYPE_STACK_TRACE = 7,
    BPF_MAP_TYPE_LRU_HASH = 9,
    BPF_MAP_TYPE_LRU_PERCPU_HASH = 10,
    BPF_MAP_TYPE_RINGBUF = 27,
};

enum {
    BPF_ANY = 0,
    BPF_NOEXIST = 1,
    BPF_F_MMAPABLE = 1024,
    BPF_F_USER_STACK = 256,
    BPF_RB_NO_WAKEUP = 1,
};

/* The context of programs that see packets. Its layout is promised, and the kernel translates each access. */
struct __sk_buff {
    __u32 len;
    __u32 pkt_type;
    __u32 mark;
    __u32 queue_mapping;
    __u32 protocol;
    __u32 vlan_present;
    __u32 vlan_tci;
    __u32 vlan_proto;
    __u32 priority;
    __u32 ingress_ifindex;
    __u32 ifindex;
    __u32 tc_index;
    __u32 cb[5];
    __u32 hash;
    __u32 tc_classid;
    __u32 data;
    __u32 data_end;
};

enum skb_drop_reason {
    SKB_NOT_DROPPED_YET = 0,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct gendisk {
    int major;
    int first_minor;
};

struct in6_addr {
    union {
        __u8 u6_addr8[16];
    } in6_u;
};

struct inet_sock {
    __be16 inet_sport;
};

struct kuid {
    __u32 val;
};

struct cred {
    struct kuid uid;
    struct kuid euid;
};

struct kernfs_node {
    __u64 id;
};

struct cgroup {
    struct kernfs_node *kn;
};

struct css_set {
    struct cgroup *dfl_cgrp;
};

struct inode {
    unsigned int i_nlink;
};

struct file {
    struct inode *f_inode;
};

struct linux_binprm {
    const char *filename;
};

struct percpu_counter {
    __s64 count;
};

struct mm_struct {
    unsigned long arg_start;
    unsigned long arg_end;
    struct file *exe_file;
    struct percpu_counter rss_stat[4];
};

/* Before 6.2. */
struct mm_rss_stat___old {
    struct {
        __s64 counter;
    } count[4];
};

struct mm_struct___old {
    struct mm_rss_stat___old rss_stat;
};

struct signal_struct {
    struct {
        int counter;
    } live;
    int group_exit_code;
    unsigned int flags;
};

struct thread_info {
    unsigned long flags;
    __u32 status;
};

struct task_struct {
    struct thread_info thread_info;
    unsigned int __state;
    unsigned int flags;
    int on_cpu;
    int exit_code;
    int pid;
    int tgid;
    __u64 start_time;
    __u64 start_boottime;
    char comm[16];
    struct mm_struct *mm;
    struct task_struct *real_parent;
    struct task_struct *group_leader;
    struct signal_struct *signal;
    const struct cred *cred;
    struct css_set *cgroups;
};

/* Tell which arguments tracepoints have. */
struct trace_event_raw_mark_victim {
    unsigned int uid;
};

struct trace_event_raw_sched_process_exit {
    bool group_dead;
};

struct pt_regs___x86 {
    unsigned long orig_ax;
};

struct pt_regs___arm64 {
    int syscallno;
};

struct request_queue {
    struct gendisk *disk;
};

struct request {
    struct request_queue *q;
    unsigned int cmd_flags;
    unsigned int __data_len;
    __u64 start_time_ns;
    __u64 io_start_time_ns;
};

struct sk_buff {
    unsigned char *head;
    __u16 transport_header;
    __u16 network_header;
};

struct sock_common {
    __be32 skc_daddr;
    __be32 skc_rcv_saddr;
    __be16 skc_dport;
    unsigned short skc_family;
    unsigned char skc_state;
    struct in6_addr skc_v6_daddr;
    struct in6_addr skc_v6_rcv_saddr;
};

struct sock {
    struct sock_common __sk_common;
    int sk_err;
    __u16 sk_protocol;
};

struct tcp_sock {
    __u32 srtt_us;
};

#pragma clang attribute pop
