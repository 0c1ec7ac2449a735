/* SPDX-License-Identifier: MIT OR Apache-2.0 OR GPL-2.0 */
/* Does nothing at every system call: what any tracer of entries and exits costs at least. */
#include "obs.h"

OBS_SEC("sys_enter")
int sys_enter(__u64 *context)
{
    return 0;
}

OBS_SEC("sys_exit")
int sys_exit(__u64 *context)
{
    return 0;
}
