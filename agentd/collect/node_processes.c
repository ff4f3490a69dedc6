/* SPDX-License-Identifier: MIT */
/* How many processes and threads there are, by state. Processes as the process_watch.h has them, with those of a single
 * thread; for the threads of the others one file each. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"
#include "process_watch.h"

static const struct host_family threads_family = HOST_GAUGE("node_processes_threads", "Allocated threads in system");
static const struct host_family max_threads_family =
	HOST_GAUGE("node_processes_max_threads", "Limit of threads in the system");
static const struct host_family state_family =
	HOST_GAUGE("node_processes_state", "Number of processes in each state.", "state");
static const struct host_family threads_state_family =
	HOST_GAUGE("node_processes_threads_state", "Number of threads in each state.", "thread_state");
static const struct host_family pids_family = HOST_GAUGE("node_processes_pids", "Number of PIDs");
static const struct host_family max_processes_family =
	HOST_GAUGE("node_processes_max_processes", "Number of max PIDs limit");

/* By letter; lower case counts as upper case, as the kernel has one of either only. */
#define LETTERS 26

/* A process of several threads, which are yet to be looked at. */
struct leader {
	uint32_t pid;
	char state;
};

struct processes {
	struct process_watch *watch;
	struct leader *leaders;
	size_t leader_capacity;
};

struct counts {
	struct host *host;
	struct processes *processes;
	const struct process_files *files;
	size_t leaders;
	uint64_t pids;
	uint64_t threads;
	uint64_t states[LETTERS];
	uint64_t thread_states[LETTERS];
};

static bool letter_count(uint64_t *states, char state)
{
	state &= ~0x20;
	if (state < 'A' || state > 'Z')
		return false;
	states[state - 'A']++;
	return true;
}

/* ---- threads ---------------------------------------------------------------------------------------------------- */

#define STAT_BYTES_MAX 1024u

/* From the directory of the threads, which spares the kernel half of the path. The command in parentheses may hold
 * anything, also ")": the last one ends it. */
static bool thread_state(int directory_fd, uint32_t thread, char *state)
{
	char path[32], stat[STAT_BYTES_MAX];
	snprintf(path, sizeof(path), "%" PRIu32 "/stat", thread);
	const int fd = openat(directory_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return false;
	const ssize_t len = read(fd, stat, sizeof(stat));
	close(fd);
	const char *end = len > 0 ? memrchr(stat, ')', (size_t)len) : NULL;
	if (!end || stat + len - end < 4 || end[1] != ' ' || end[3] != ' ')
		return false;
	*state = end[2];
	return true;
}

struct leader_threads {
	struct counts *counts;
	struct leader leader;
};

/* The first thread of a process is what the process is said to be. */
static void thread_count(void *context, int directory_fd, uint32_t thread)
{
	const struct leader_threads *threads = context;
	struct counts *counts = threads->counts;
	char state = threads->leader.state;
	if ((thread == threads->leader.pid && counts->files->real) || thread_state(directory_fd, thread, &state))
		letter_count(counts->thread_states, state);
}

/* Without the lock of the watch: there may be many. */
static void threads_count(struct counts *counts)
{
	char path[32];
	for (size_t i = 0; i < counts->leaders; i++) {
		struct leader_threads threads = {counts, counts->processes->leaders[i]};
		snprintf(path, sizeof(path), "%" PRIu32 "/task", threads.leader.pid);
		process_files_each_number(counts->files, path, thread_count, &threads);
	}
}

/* ---- processes -------------------------------------------------------------------------------------------------- */

static bool leader_add(struct counts *counts, uint32_t pid, char state)
{
	struct processes *processes = counts->processes;
	if (counts->leaders == processes->leader_capacity) {
		const size_t capacity = processes->leader_capacity ? 2 * processes->leader_capacity : 64;
		struct leader *leaders = reallocarray(processes->leaders, capacity, sizeof(*leaders));
		if (!leaders)
			return false;
		processes->leaders = leaders;
		processes->leader_capacity = capacity;
	}
	processes->leaders[counts->leaders++] = (struct leader){pid, state};
	return true;
}

static void process_count(void *context, const struct process_look *look)
{
	struct counts *counts = context;
	const struct process_reading *reading = &look->reading;
	if (!letter_count(counts->states, reading->state)) {
		host_skip(counts->host);
		return;
	}
	counts->pids++;
	counts->threads += reading->threads;
	if (reading->threads == 1)
		letter_count(counts->thread_states, reading->state); /* the same thread, without opening anything */
	else if (!leader_add(counts, look->pid, reading->state))
		host_skip(counts->host);
}

static int processes_count(struct counts *counts)
{
	uint64_t unreadable;
	struct host *host = counts->host;
	int r = process_watch_pass(counts->processes->watch, counts->files, host->asked_ns, PROCESS_STAT, process_count,
				   counts, &unreadable);
	if (r)
		return r;
	while (unreadable--)
		host_skip(host);
	threads_count(counts);
	return 0;
}

/* ---- the collector ---------------------------------------------------------------------------------------------- */

static void processes_close(struct host *host)
{
	struct processes *processes = host->state;
	process_watch_put(processes->watch);
	free(processes->leaders);
	free(processes);
	host->state = NULL;
}

static int processes_open(struct host *host)
{
	struct processes *processes = calloc(1, sizeof(*processes));
	const int r = processes ? process_watch_get(host->options->paths[HOST_PROC], &processes->watch) : -ENOMEM;
	if (r)
		free(processes);
	else
		host->state = processes;
	return r;
}

static void states_sample(struct host *host, const struct host_family *family, const uint64_t *states)
{
	for (int i = 0; i < LETTERS; i++) {
		const char letter[2] = {(char)('A' + i), '\0'};
		if (states[i])
			host_u64(host, family, states[i], letter);
	}
}

static int processes_collect(struct host *host)
{
	struct process_files files;
	struct counts counts = {.host = host, .processes = host->state, .files = &files};
	uint64_t value;
	int r = process_files_open(host->options->paths[HOST_PROC], &files);
	if (r)
		return r;
	r = processes_count(&counts);
	process_files_close(&files);
	if (r)
		return r;
	host_u64(host, &threads_family, counts.threads);
	host_u64(host, &pids_family, counts.pids);
	states_sample(host, &state_family, counts.states);
	states_sample(host, &threads_state_family, counts.thread_states);
	if (!host_read_u64(host, HOST_PROC, "sys/kernel/threads-max", &value))
		host_u64(host, &max_threads_family, value);
	r = host_read_u64(host, HOST_PROC, "sys/kernel/pid_max", &value);
	if (!r)
		host_u64(host, &max_processes_family, value);
	return r;
}

const struct host_ops host_processes = {
	.collect = processes_collect,
	.open = processes_open,
	.close = processes_close,
};
