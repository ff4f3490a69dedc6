/* SPDX-License-Identifier: MIT */
/* What a process_watch.h remembers of each process and thread: records by PID, and by their schedstat whether they have
 * run since. Whoever calls has the lock of the watch. */
#ifndef AGENTD_COLLECT_PROCESS_RECORDS_H
#define AGENTD_COLLECT_PROCESS_RECORDS_H

#include "process_watch.h"

/* Nanoseconds on a CPU, times put there: what /proc/PID/schedstat tells. */
struct process_schedule {
	uint64_t run_ns;
	uint64_t slices;
};

struct process_record {
	struct process_record *next; /* with the same hash */
	struct process_look look;
	struct process_schedule schedule; /* before the files were read */
	int schedule_fd;                  /* kept open, or -1 */
	enum process_depth depth;         /* to which they were read */
	uint32_t looks;
	uint32_t pass; /* the last one when it was seen */
	int64_t seen_ns;
};

/* By PID, which a process shares with its first thread. */
struct process_records {
	struct process_record **buckets;
	size_t bucket_count; /* a power of 2 */
	size_t count;
	size_t kept; /* descriptors */
	size_t kept_max;
	uint64_t sequence; /* of the numbers that say whether something changed */
};

int process_records_init(struct process_records *records); /* 0 or -ENOMEM */
void process_records_fini(struct process_records *records);

/* NULL: none. */
struct process_record *process_records_find(const struct process_records *records, uint32_t pid, uint32_t thread_of);

/* NULL when there is no room for it. */
struct process_record *process_records_add(struct process_records *records, uint32_t pid, uint32_t thread_of);

/* Takes one out of its bucket: *place is the next one afterwards. */
void process_records_remove(struct process_records *records, struct process_record **place);
void process_records_forget(struct process_records *records, const struct process_record *record);

/* Reads the schedule of now; true if nothing can have changed since the files were read. */
bool process_record_rests(struct process_records *records, struct process_record *record,
			  const struct process_files *files, struct process_schedule *schedule);

#endif
