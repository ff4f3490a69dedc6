/* SPDX-License-Identifier: MIT */
/* The gauges of memory, read from the allocator, /proc/self/status and the limits. */
#include "process_memory.h"

#include <malloc.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include <mstat/mstat.h>

#define EVERY_NS 1000000000

enum memory_type { MEMORY_HEAP, MEMORY_STACK, MEMORY_NATIVE, MEMORY_COUNT };
static const char *const type_texts[MEMORY_COUNT] = {"heap", "stack", "native"};

MSTAT_GAUGE_AS(memory_bytes, MSTAT_SUM | MSTAT_LIVE, "process_memory_bytes", "bytes",
	       "Memory of all processes: in use on heaps, stacks of main threads, all else that is resident.",
	       "memory_type");
MSTAT_GAUGE_AS(heap_bytes, MSTAT_SUM | MSTAT_LIVE, "process_heap_bytes", "bytes",
	       "Memory that the heaps of all processes have from the system.");
MSTAT_GAUGE_AS(heap_max_bytes, MSTAT_MAX | MSTAT_LIVE, "process_heap_max_bytes", "bytes",
	       "Most that the heap of one process may have: its limit, else the machine's memory.");
MSTAT_GAUGE_AS(machine_bytes, MSTAT_MAX | MSTAT_LIVE, "machine_memory_bytes", "bytes", "Memory of the machine.");

static struct {
	mstat_gauge *memory[MEMORY_COUNT], *heap, *heap_max, *machine;
} metrics;
static int64_t next_ns;

static int64_t machine_memory(void)
{
	return (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
}

static int64_t heap_limit(void)
{
	struct rlimit limit;
	int64_t machine = machine_memory();
	if (getrlimit(RLIMIT_DATA, &limit) != 0 || limit.rlim_cur > (rlim_t)machine)
		return machine;
	return (int64_t)limit.rlim_cur;
}

static void status_read(int64_t *resident, int64_t *stack)
{
	char line[256];
	unsigned long long kib;
	FILE *file = fopen("/proc/self/status", "re");
	*resident = *stack = 0;
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "VmRSS: %llu", &kib) == 1)
			*resident = (int64_t)kib * 1024;
		else if (sscanf(line, "VmStk: %llu", &kib) == 1)
			*stack = (int64_t)kib * 1024;
	}
	if (file)
		fclose(file);
}

static void gauges_set(void)
{
	struct mallinfo2 heap = mallinfo2();
	int64_t resident, stack;
	int64_t used = (int64_t)(heap.uordblks + heap.hblkhd);
	status_read(&resident, &stack);
	int64_t rest = resident - used - stack;
	mstat_gauge_set(metrics.memory[MEMORY_HEAP], used);
	mstat_gauge_set(metrics.memory[MEMORY_STACK], stack);
	mstat_gauge_set(metrics.memory[MEMORY_NATIVE], rest > 0 ? rest : 0);
	mstat_gauge_set(metrics.heap, (int64_t)(heap.arena + heap.hblkhd));
	mstat_gauge_set(metrics.heap_max, heap_limit());
	mstat_gauge_set(metrics.machine, machine_memory());
}

void process_memory_init(void)
{
	for (unsigned i = 0; i < MEMORY_COUNT; i++)
		metrics.memory[i] = mstat_gauge_with(&memory_bytes, type_texts[i]);
	metrics.heap = mstat_gauge_with(&heap_bytes);
	metrics.heap_max = mstat_gauge_with(&heap_max_bytes);
	metrics.machine = mstat_gauge_with(&machine_bytes);
	gauges_set();
}

void process_memory_tick(int64_t now_ns)
{
	if (now_ns < next_ns)
		return;
	next_ns = now_ns + EVERY_NS;
	gauges_set();
}
