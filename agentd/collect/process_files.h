/* SPDX-License-Identifier: MIT */
/* What the files of one process say: /proc/PID/stat, status, io, limits, fd. Source of the fields: proc(5).
 *
 * The files are hostile: a command may hold any bytes, fields may be missing, the process may vanish between two reads.
 * What is not there is 0; only stat must be understood, up to the number of threads.
 */
#ifndef AGENTD_COLLECT_PROCESS_FILES_H
#define AGENTD_COLLECT_PROCESS_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROCESS_COMM_BYTES 32
#define PROCESS_FILE_BYTES 4096u

struct process_counters {
#define PROCESS_COUNTER(field) uint64_t field;
#include "process_counters.def"
};

void process_counters_add(struct process_counters *sum, const struct process_counters *counters);
/* Adds what `now` has more than `before`; a counter that went down adds nothing. */
void process_counters_add_growth(struct process_counters *sum, const struct process_counters *now,
				 const struct process_counters *before);
/* Field by field the greater. */
void process_counters_max(struct process_counters *counters, const struct process_counters *other);

struct process_reading {
	char comm[PROCESS_COMM_BYTES];
	char state; /* R, S, D, Z, ... */
	uint32_t parent;
	uint32_t uid;
	uint32_t innermost_pid; /* in the PID namespace that is nested deepest; 0: the kernel does not say */
	uint64_t start_ticks;   /* after boot: with the PID this is one process and no other */
	uint64_t image;         /* changes with exec, where the kernel lets us see it */
	uint64_t threads;
	uint64_t virtual_bytes;
	uint64_t resident_bytes;
	uint64_t swapped_bytes;
	uint64_t open_fds;
	uint64_t max_fds; /* 0: without limit or unknown */
	struct process_counters counters;
	bool partial; /* io or fd could not be read: of another user, without the right to it */
};

struct process_files {
	int proc_fd;
	bool real;        /* a procfs of the kernel's, no copy of one */
	bool fds_by_size; /* the kernel tells the number of descriptors as the size of the directory fd */
	uint64_t tick_ns;
	uint64_t page_bytes;
	uint64_t boot_ns; /* when ticks began, CLOCK_REALTIME; asked once, so that start times do not tremble */
};

/* A place: "PID", or "PID/task/TID" of a thread. */
struct process_place {
	char path[32];
	size_t len;
};
struct process_place process_place_of(uint32_t pid, uint32_t thread_of);

/* Opens a procfs. 0 or -errno. Thread-safe as long as each thread has its own. */
int process_files_open(const char *procfs, struct process_files *files);
void process_files_close(struct process_files *files);

/* Reads one file from its beginning, at most size - 1 bytes, and ends it with a NUL. Its length or -errno. */
ssize_t process_file_read(const struct process_files *files, const struct process_place *place, const char *name,
			  char *text, size_t size);

/* stat alone: 7 us. 0, -errno, or -EBADMSG when it cannot be understood. */
int process_files_stat(const struct process_files *files, const struct process_place *place,
		       struct process_reading *reading);
/* What goes beyond stat: status, io, and fd if asked for: 19 us. `reading` has been filled in by process_files_stat().
 */
void process_files_more(const struct process_files *files, const struct process_place *place, bool with_fds,
			struct process_reading *reading);
/* status alone: what it has of `reading`. */
void process_files_status(const struct process_files *files, const struct process_place *place,
			  struct process_reading *reading);
/* The soft limit of open descriptors; 0: none, or unknown. 8 us. */
uint64_t process_files_limit(const struct process_files *files, const struct process_place *place);

/* Tells of each name in a directory that is a number from 1 to INT32_MAX: processes in ".", threads in "PID/task". 0 or
 * -errno. */
typedef void process_number_each(void *context, int directory_fd, uint32_t number);
int process_files_each_number(const struct process_files *files, const char *path, process_number_each *each,
			      void *context);

/* Seconds after 1970 at which a process started. */
double process_start_seconds(const struct process_files *files, uint64_t start_ticks);

#endif
