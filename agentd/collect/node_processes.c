/* SPDX-License-Identifier: MIT */
/* How many processes and threads there are, by state: /proc/PID/stat. Slow: one file for each thread of the machine. */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "host.h"

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

struct counts {
	int proc_fd;
	uint64_t pids;
	uint64_t threads;
	uint64_t states[26]; /* by letter; lower case counts as upper case, as the kernel has one of either only */
	uint64_t thread_states[26];
};

static bool letter_count(uint64_t *states, char state)
{
	state &= ~0x20;
	if (state < 'A' || state > 'Z')
		return false;
	states[state - 'A']++;
	return true;
}

/* State and number of threads. The command in parentheses may hold anything, also ")": the last one ends it. */
static bool stat_parse(char *stat, char *state, uint64_t *threads)
{
	char *end = strrchr(stat, ')');
	if (!end || end[1] != ' ' || !end[2])
		return false;
	struct text text = {end + 3, end + strlen(end)};
	*state = end[2];
	return text_skip_words(&text, 16) && text_u64(&text, threads);
}

#define STAT_BYTES_MAX 1024u

/* Straight, with three system calls: host_read() would look for each among the files that it keeps, and ask each what
 * it is. One read has all of it. */
static bool stat_read(const struct counts *counts, const char *path, char *stat)
{
	const int fd = openat(counts->proc_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return false;
	const ssize_t len = read(fd, stat, STAT_BYTES_MAX - 1);
	close(fd);
	stat[len > 0 ? len : 0] = '\0';
	return len > 0;
}

static bool is_pid(const char *name)
{
	return *name >= '0' && *name <= '9';
}

static void threads_count(struct host *host, const char *pid, struct counts *counts)
{
	struct host_list tasks;
	char path[HOST_PATH_MAX], stat[STAT_BYTES_MAX], state;
	uint64_t threads;
	if (host_list(host, 1, HOST_PROC, host_format(path, "%s/task", pid), &tasks))
		return;
	for (size_t i = 0; i < tasks.count; i++)
		if (is_pid(tasks.names[i]) &&
		    stat_read(counts, host_format(path, "%s/task/%s/stat", pid, tasks.names[i]), stat) &&
		    stat_parse(stat, &state, &threads))
			letter_count(counts->thread_states, state);
}

/* A process that ends meanwhile is none. */
static void process_count(struct host *host, const char *pid, struct counts *counts)
{
	char path[64], stat[STAT_BYTES_MAX], state;
	uint64_t threads;
	if (!stat_read(counts, host_format(path, "%s/stat", pid), stat))
		return;
	if (!stat_parse(stat, &state, &threads) || !letter_count(counts->states, state)) {
		host_skip(host);
		return;
	}
	counts->pids++;
	counts->threads += threads;
	if (threads == 1)
		letter_count(counts->thread_states, state); /* the same thread, without opening anything */
	else
		threads_count(host, pid, counts);
}

static void states_sample(struct host *host, const struct host_family *family, const uint64_t *states)
{
	for (int i = 0; i < 26; i++) {
		const char letter[2] = {(char)('A' + i), '\0'};
		if (states[i])
			host_u64(host, family, states[i], letter);
	}
}

static int processes_collect(struct host *host)
{
	struct host_list pids;
	struct counts counts = {.pids = 0};
	char path[PATH_MAX];
	uint64_t value;
	int r = host_list(host, 0, HOST_PROC, "", &pids);
	if (!r)
		r = host_path(host, HOST_PROC, "", path, sizeof(path));
	if (r)
		return r;
	counts.proc_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (counts.proc_fd < 0)
		return -errno;
	for (size_t i = 0; i < pids.count; i++)
		if (is_pid(pids.names[i]))
			process_count(host, pids.names[i], &counts);
	close(counts.proc_fd);
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

const struct host_ops host_processes = {.collect = processes_collect};
