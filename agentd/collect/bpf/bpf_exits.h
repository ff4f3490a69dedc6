/* SPDX-License-Identifier: MIT */
/* Totals of each process that ends, told by the kernel itself: none that lived between two collections is lost.
 *
 * A process is told of when it was waited for and the kernel lets go of it: some 10 ms after it is gone from /proc.
 * That late its totals are exact; who has seen it in /proc before keeps its last values until then.
 *
 *     struct bpf_exits *exits;
 *     if (!bpf_exits_open(&exits))                      // else: see process_exits.h for what needs no BPF
 *             ...
 *     bpf_exits_take(exits, each, context);             // in each collection
 *     bpf_exits_close(exits);
 *
 * Beside taskstats: needs CAP_BPF and CAP_PERFMON (while it is opened only) instead of CAP_NET_ADMIN, no thread and no
 * socket, and tells of processes rather than threads. One thread at a time.
 */
#ifndef AGENTD_COLLECT_BPF_EXITS_H
#define AGENTD_COLLECT_BPF_EXITS_H

#include <linux/types.h>
#include <stdint.h>

#include "bpf_exits_shared.h"

struct bpf_exits;

/* Loads and attaches; there is room for some 7,000 exits between two takes. 0, -ENOMEM, -ENOSYS of an agent built with
 * BPF=0, or the kernel's -errno: see bpf_feature_state_of(). Cost: some 25 ms; 0.7 us for each process that ends. */
int bpf_exits_open(struct bpf_exits **exits);
void bpf_exits_close(struct bpf_exits *exits); /* NULL is fine */

/* Calls `each` with the processes that have ended since the last take, in the order of their ends, and forgets them.
 * Returns how many. Cost: a system call, and 20 ns each. */
typedef void bpf_exits_each(void *context, const struct bpf_exit *exit);
uint64_t bpf_exits_take(struct bpf_exits *exits, bpf_exits_each *each, void *context);

/* Ends that found no room, since the beginning. */
uint64_t bpf_exits_lost(const struct bpf_exits *exits);

#endif
