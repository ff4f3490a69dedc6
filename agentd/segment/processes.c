/* SPDX-License-Identifier: MIT */
/* The processes of a tree: which slots are claimed, and which of their processes live. */
#include <errno.h>
#include <limits.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "private.h"

static const struct mstat_shm_process *slot_of(const struct segment_scan *scan, uint64_t index)
{
	uint32_t stride = region_of(scan->segment, MSTAT_SHM_REGION_PROCESSES)->stride;
	return (const void *)((const char *)scan->table + index * stride);
}

static enum segment_refusal process_keep(struct segment_scan *scan, const struct mstat_shm_process *slot,
					 uint32_t index)
{
	struct segment *segment = scan->segment;
	enum segment_refusal refusal =
		scan_reserve(scan, (void **)&segment->processes, sizeof(*segment->processes),
			     (size_t)segment->process_count + 1, &segment->private->process_capacity);

	if (refusal)
		return refusal;
	segment->processes[segment->process_count++] = (struct segment_process){
		.slot = index,
		.pid = slot->pid,
		.pid_ns = slot->pid_ns,
		.start_ticks = slot->start_ticks,
		/* For the moment: whether the question of liveness goes to its lock. */
		.live = slot->flags & MSTAT_SHM_PROCESS_LOCKED,
	};
	return SEGMENT_REFUSED_NONE;
}

enum segment_refusal processes_read(struct segment_scan *scan, uint32_t *states)
{
	struct segment *segment = scan->segment;
	uint32_t slots = segment->header.process_max;
	enum segment_refusal refusal = SEGMENT_REFUSED_NONE;
	uint64_t count = 0;

	segment->process_count = 0;
	for (uint64_t first = 0; !refusal && first < slots; first += count) {
		count = slots - first;
		refusal = scan_table(scan, MSTAT_SHM_REGION_PROCESSES, first, &count);
		for (uint64_t i = 0; !refusal && i < count; i++) {
			const struct mstat_shm_process *slot = slot_of(scan, i);
			states[first + i] = slot->state;
			if ((slot->state & MSTAT_SHM_PROCESS_MASK) == MSTAT_SHM_PROCESS_LIVE)
				refusal = process_keep(scan, slot, (uint32_t)(first + i));
		}
	}
	return refusal;
}

enum segment_refusal processes_unchanged(struct segment_scan *scan, const uint32_t *states, bool *unchanged)
{
	uint32_t slots = scan->segment->header.process_max;
	enum segment_refusal refusal = SEGMENT_REFUSED_NONE;
	bool same = true;
	uint64_t count = 0;

	for (uint64_t first = 0; !refusal && first < slots; first += count) {
		count = slots - first;
		refusal = scan_table(scan, MSTAT_SHM_REGION_PROCESSES, first, &count);
		for (uint64_t i = 0; !refusal && i < count; i++)
			same = same && slot_of(scan, i)->state == states[first + i];
	}
	if (!refusal)
		*unchanged = same;
	return refusal;
}

/* Field 22 of /proc/PID/stat; 0 or -errno. The command's name before it may hold anything, even ")". */
static int start_ticks_read(uint32_t pid, uint64_t *start_ticks)
{
	char path[32];
	char text[1024];

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t len = read(fd, text, sizeof(text) - 1);
	int error = len < 0 ? errno : 0;
	close(fd);
	if (error)
		return -error;
	text[len] = 0;
	const char *field = strrchr(text, ')');
	for (int number = 2; field && number < 22; number++)
		field = strchr(field + 1, ' ');
	if (!field)
		return -EBADMSG;
	*start_ticks = strtoull(field, NULL, 10);
	return 0;
}

static bool process_runs(const struct segment_process *process)
{
	uint64_t start_ticks;

	if (!process->pid || process->pid > INT_MAX)
		return false;
	if (!start_ticks_read(process->pid, &start_ticks))
		return start_ticks == process->start_ticks;
	/* /proc may be mounted so that other users' processes are not in it; a signal still finds them. */
	return !kill((pid_t)process->pid, 0) || errno != ESRCH;
}

static uint32_t own_pid_namespace(void)
{
	struct stat namespace;
	return stat("/proc/self/ns/pid", &namespace) ? 0 : (uint32_t) namespace.st_ino;
}

void processes_ask_liveness(struct segment_scan *scan)
{
	struct segment *segment = scan->segment;
	uint32_t namespace = segment->process_count && scan->tree_live ? own_pid_namespace() : 0;

	for (uint32_t i = 0; i < segment->process_count; i++) {
		struct segment_process *process = &segment->processes[i];
		if (!scan->tree_live)
			process->live = false;
		else if (process->live)
			process->live = attach_locked(scan->fd, (uint64_t)MSTAT_SHM_LOCK_PROCESS + process->slot);
		else if (namespace && process->pid_ns == namespace)
			process->live = process_runs(process);
		else
			process->live = true; /* of another namespace: as long as the tree lives */
	}
}
