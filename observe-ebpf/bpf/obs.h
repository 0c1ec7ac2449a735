/* SPDX-License-Identifier: MIT OR Apache-2.0 OR GPL-2.0 */
/* What all programs share: how they attach and read fields, counters per processor, histograms, and the ring. */
#pragma once

#include "vmlinux_min.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* Each source is compiled twice. By default programs are of the type tp_btf and read fields directly. With OBS_RAW they
 * are raw tracepoints, for kernels that refuse the others, and read by copying. */
#ifdef OBS_RAW
#define OBS_SEC(point) SEC("raw_tracepoint/" point)
#define OBS_GET(pointer, field) BPF_CORE_READ(pointer, field)
#else
#define OBS_SEC(point) SEC("tp_btf/" point)
#define OBS_GET(pointer, field) ((pointer)->field)
#endif

/* The argument of a tracepoint, counted from 0. */
#define OBS_ARG(context, index, type) ((type)((context)[index]))

#define OBS_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

#define OBS_COMM 16

/* An array that user space maps into its memory: `rows` elements a processor, one processor after the other. The loader
 * sets max_entries. */
#define OBS_ROWS(name, row)                     \
    struct {                                    \
        __uint(type, BPF_MAP_TYPE_ARRAY);       \
        __uint(map_flags, BPF_F_MMAPABLE);      \
        __uint(max_entries, 1);                 \
        __type(key, __u32);                     \
        __type(value, row);                     \
    } name SEC(".maps")

/* Finds the element `index` of this processor, of `rows` that each has. */
static __always_inline void *obs_row(void *map, __u32 rows, __u32 index)
{
    __u32 key = bpf_get_smp_processor_id() * rows + index;
    return bpf_map_lookup_elem(map, &key);
}

/* Histograms: two buckets an octave from 32 ns to 137 s; what is outside falls into the first or the last. */
#define OBS_BUCKETS 64
#define OBS_FIRST_OCTAVE 5

static __always_inline __u32 obs_log2(__u64 value)
{
    __u32 result = 0;
    if (value >> 32) { value >>= 32; result += 32; }
    if (value >> 16) { value >>= 16; result += 16; }
    if (value >> 8) { value >>= 8; result += 8; }
    if (value >> 4) { value >>= 4; result += 4; }
    if (value >> 2) { value >>= 2; result += 2; }
    return result + (__u32)(value >> 1);
}

static __always_inline __u32 obs_bucket(__u64 value)
{
    if (value < (1ULL << OBS_FIRST_OCTAVE))
        return 0;
    __u32 octave = obs_log2(value);
    __u32 bucket = (octave - OBS_FIRST_OCTAVE) * 2 + (__u32)(value >> (octave - 1) & 1);
    if (bucket > OBS_BUCKETS - 1)
        bucket = OBS_BUCKETS - 1;
    /* The verifier of older compilers' code needs to see the bound once more. */
    asm volatile("" : "+r"(bucket));
    return bucket & (OBS_BUCKETS - 1);
}

/* A histogram of durations in nanoseconds, with what buckets cannot tell. */
struct obs_histogram {
    __u64 total;
    __u64 max;
    __u32 buckets[OBS_BUCKETS];
};

static __always_inline void obs_observe(struct obs_histogram *histogram, __u64 value)
{
    histogram->total += value;
    if (value > histogram->max)
        histogram->max = value;
    histogram->buckets[obs_bucket(value)]++;
}

/* Whether it is the turn of one in 2^shift, by a count of all. 2^32 divided by the golden ratio: multiples of it are
 * spread evenly, whatever the program's own rhythm. */
#define OBS_GOLDEN 0x9E3779B1

static __always_inline bool obs_is_turn(__u32 count, __u32 shift)
{
    return shift == 0 || (count * OBS_GOLDEN) >> (32 - shift) == 0;
}
