/* SPDX-License-Identifier: MIT */
/* What this process uses of the machine's memory, as only the process itself can tell: heap, stacks, the rest. CPU time
 * and threads of a service are the agent's to tell (process_cpu_seconds_total, process_threads). */
#ifndef DEMO_PROCESS_MEMORY_H
#define DEMO_PROCESS_MEMORY_H

#include <stdint.h>

/* Makes the handles and sets the gauges. Call once in each process. */
void process_memory_init(void);

/* Sets the gauges if a second has passed since the last time. Called by one thread of the process. */
void process_memory_tick(int64_t now_ns);

#endif
