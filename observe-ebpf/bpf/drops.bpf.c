/* SPDX-License-Identifier: MIT OR Apache-2.0 OR GPL-2.0 */
/* Counts packets that the kernel throws away, by the reason that it gives. */
#include "obs.h"

/* Reasons of the kernel itself, then those of its subsystems together, then what cannot be told apart. */
#define ROWS 256
#define SUBSYSTEMS 240
#define UNKNOWN 254
#define OTHER 255

OBS_ROWS(obs_drops, __u64);

static __always_inline __u32 place_of(__u32 reason)
{
    __u32 subsystem = reason >> 16;
    __u32 place = subsystem ? SUBSYSTEMS + subsystem : reason;
    __u32 end = subsystem ? UNKNOWN : SUBSYSTEMS;
    return place < end ? place : OTHER;
}

OBS_SEC("kfree_skb")
int kfree_skb(__u64 *context)
{
    __u32 place = UNKNOWN;
    /* Kernels before 5.17 give no reason. */
    if (bpf_core_type_exists(enum skb_drop_reason))
        place = place_of(OBS_ARG(context, 2, __u32));
    __u64 *count = obs_row(&obs_drops, ROWS, place);
    if (count)
        (*count)++;
    return 0;
}
