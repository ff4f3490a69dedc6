/* SPDX-License-Identifier: MIT */
/* Processes that were killed for want of memory. */
#ifndef AGENTD_COLLECT_BPF_OOM_H
#define AGENTD_COLLECT_BPF_OOM_H

#define OOM_SLOTS 256

/* Words of the array "kills". */
enum oom_word { OOM_KILLS, OOM_WORDS };

#endif
