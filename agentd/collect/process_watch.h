/* SPDX-License-Identifier: MIT */
/* What the files of all processes say, read once for everybody: the collectors of processes that are on in one
 * collection share its pass, and what is known from earlier ones.
 *
 * What costs: reading all of a process takes the kernel 26 us. One that has a single thread and was not scheduled since
 * it was last read (/proc/PID/schedstat: 4 us, 1 us by a descriptor that stays open) has done nothing, so that its
 * other files are read at every PROCESS_REST_LOOKS'th look only. Until then its memory may be told too high, as the
 * kernel can take pages away from a sleeping process, and one that was just woken after a long sleep may be told to
 * sleep until it is on a CPU for the first time.
 *
 * Any thread. Who looks at all processes waits for somebody else who does, and takes what that one has found; who looks
 * at one waits for nobody. Only files that the kernel has in memory are read meanwhile, never those that wait for the
 * process (cmdline, smaps).
 */
#ifndef AGENTD_COLLECT_PROCESS_WATCH_H
#define AGENTD_COLLECT_PROCESS_WATCH_H

#include "process_files.h"

#define PROCESS_REST_LOOKS 16u
/* Processes and threads beyond this are not seen, and counted as errors. */
#define PROCESS_WATCH_MAX 524288u

/* How much of a process is read. */
enum process_depth {
	PROCESS_STAT, /* stat alone */
	PROCESS_ALL,  /* status, io, fd and limits, too */
};

/* What a look at a process or thread found. */
struct process_look {
	uint32_t pid;
	uint32_t thread_of; /* 0: a process */
	uint64_t ran;       /* another number whenever it may have run in between; 0: not known */
	uint64_t read;      /* another number whenever its files were read; 0: they were, and are not remembered */
	struct process_reading reading;
};

struct process_watch;

/* The one watch of the procfs at a path, made for the first who asks. 0 or -ENOMEM. */
int process_watch_get(const char *procfs, struct process_watch **watch);
void process_watch_put(struct process_watch *watch); /* NULL is fine */

/* Looks at one process (thread_of 0) or thread, with PROCESS_ALL; `now_ns` is a time not after the call. 0, -EBADMSG
 * when it cannot be understood, -ENOMEM, or -errno of its stat: there is no such process. */
int process_watch_look(struct process_watch *watch, const struct process_files *files, uint32_t pid, uint32_t thread_of,
		       int64_t now_ns, struct process_look *look);

typedef void process_look_each(void *context, const struct process_look *look);

/* Tells of all processes as they were at since_ns (CLOCK_MONOTONIC) or later: by looking at them, unless somebody has
 * in the meantime. `each` is called under a lock: it must not wait, and not look. `unreadable` is how many are there
 * that cannot be told of. 0 or -errno of the directory. Cost of 1,000 sleeping ones: 3 to 5 ms, or 0.1 ms. */
int process_watch_pass(struct process_watch *watch, const struct process_files *files, int64_t since_ns,
		       enum process_depth depth, process_look_each *each, void *context, uint64_t *unreadable);

#endif
