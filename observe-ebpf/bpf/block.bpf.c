/* SPDX-License-Identifier: MIT OR Apache-2.0 OR GPL-2.0 */
/* Counts requests to block devices as they end, and measures how long they took. */
#include "obs_ring.h"

/* Places of a processor for pairs of device and operation. */
#define PAIRS 128
/* After them one for each operation, for devices that found no place. */
#define ROWS (PAIRS + OPERATIONS)
/* How many places a pair may take. */
#define PROBES 16
#define TAKEN (1ULL << 63)

enum {
    READ,
    WRITE,
    FLUSH,
    DISCARD,
    OTHER,
    OPERATIONS,
};

/* Requests that take at least so long are told one by one, as are those that fail. */
const volatile __u64 cfg_slow_ns = 100000000;

struct obs_block {
    /* TAKEN, the device's number, and in the lowest byte the operation. */
    __u64 pair;
    __u64 requests;
    __u64 bytes;
    __u64 errors;
    /* Requests of which the kernel did not note when they began. */
    __u64 untimed;
    struct obs_histogram latency;
};

OBS_ROWS(obs_blocks, struct obs_block);

struct obs_block_event {
    __u64 time;
    __u64 duration;
    __u64 pair;
    __u32 bytes;
    __s32 error;
};

/* The kernel numbers operations; write and flush have been the same since there are numbers. */
static __always_inline __u32 operation_of(struct request *request)
{
    __u32 number = OBS_GET(request, cmd_flags) & 0xFF;
    return number < OTHER ? number : OTHER;
}

static __always_inline __u64 pair_of(struct request *request, __u32 operation)
{
    struct request_queue *queue = OBS_GET(request, q);
    struct gendisk *disk = OBS_GET(queue, disk);
    __u64 major = (__u32)OBS_GET(disk, major);
    __u64 minor = (__u32)OBS_GET(disk, first_minor);
    return TAKEN | major << 28 | minor << 8 | operation;
}

/* Finds the row of a pair, or takes one. Each processor takes its own, so nobody else writes here. */
static __always_inline struct obs_block *row_of(__u64 pair, __u32 operation)
{
    __u32 first = (__u32)(pair >> 28 ^ pair) * OBS_GOLDEN >> 16;
    for (__u32 probe = 0; probe < PROBES; probe++) {
        struct obs_block *row = obs_row(&obs_blocks, ROWS, (first + probe) & (PAIRS - 1));
        if (!row)
            return 0;
        if (row->pair == pair)
            return row;
        if (row->pair == 0) {
            row->pair = pair;
            return row;
        }
    }
    struct obs_block *row = obs_row(&obs_blocks, ROWS, PAIRS + operation);
    if (row)
        row->pair = TAKEN | operation;
    return row;
}

static __always_inline void tell(__u64 now, __u64 duration, __u64 pair, __u32 bytes, __s32 error)
{
    struct obs_block_event *record = obs_reserve(now, sizeof(*record));
    if (!record)
        return;
    record->time = now;
    record->duration = duration;
    record->pair = pair;
    record->bytes = bytes;
    record->error = error;
    obs_submit(record);
}

/* When the device was given the request; where the kernel does not note that, when the request was made. */
static __always_inline __u64 beginning_of(struct request *request)
{
    __u64 given = OBS_GET(request, io_start_time_ns);
    return given ? given : OBS_GET(request, start_time_ns);
}

/* A request may end in parts: each has its bytes, and the last is as long as what was left. */
OBS_SEC("block_rq_complete")
int block_rq_complete(__u64 *context)
{
    struct request *request = OBS_ARG(context, 0, struct request *);
    /* An error number below zero before 5.16, a status since. */
    __s32 error = OBS_ARG(context, 1, __s32);
    __u32 bytes = OBS_ARG(context, 2, __u32);
    __u32 operation = operation_of(request);
    /* What is left of a write that had to flush before or after: its data has ended, and the flush on its own. */
    if (operation <= WRITE && bytes == 0)
        return 0;
    __u64 pair = pair_of(request, operation);
    struct obs_block *row = row_of(pair, operation);
    if (!row)
        return 0;
    if (!error)
        row->bytes += bytes;
    if (bytes < OBS_GET(request, __data_len))
        return 0;
    row->requests++;
    __u64 beginning = beginning_of(request), now = bpf_ktime_get_ns(), duration = 0;
    if (beginning) {
        duration = now > beginning ? now - beginning : 0;
        obs_observe(&row->latency, duration);
    } else {
        row->untimed++;
    }
    if (error)
        row->errors++;
    if (OBS_UNLIKELY(error || duration >= cfg_slow_ns))
        tell(now, duration, pair, bytes, error);
    return 0;
}
