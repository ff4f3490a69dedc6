/* SPDX-License-Identifier: MIT */
/* The fold: a dead process tree's last values go into its service's totals, exactly once, and its file goes away.
 *
 * For each dead segment, in this order:
 *   1. a read lock on the liveness byte: it keeps adopters out, and fails while anybody lives;
 *   2. the name must still lead to the same file;
 *   3. the values are read;
 *   4. the file is moved into the agent's own directory `folding`, where no adopter finds it;
 *   5. the values and the file's mark are added to the service's totals, in memory;
 *   6. the totals are written to a new file and renamed over the old one;
 *   7. the moved file is removed, then the lock.
 * Killed before 4, nothing has happened. Killed between 4 and 6, the next agent finds the moved file without a mark and
 * adds it. Killed after 6, it finds the mark and only removes the file.
 *
 * The directory `folding` belongs to one agent at a time (a lock on its file `lock`). Not thread-safe.
 */
#ifndef AGENTD_SEGMENT_FOLD_H
#define AGENTD_SEGMENT_FOLD_H

#include "totals.h"

#define FOLD_DIRECTORY "folding"

struct fold {
	int directory_fd; /* of the segments; the caller's */
	int folding_fd;   /* -1: this directory is only read */
	int lock_fd;
	struct totals **services;
	size_t service_count, service_capacity;
	struct fold_moved *moved; /* files that may be removed after the next commit */
	size_t moved_count, moved_capacity;
	uint64_t folded;  /* segments, since the start */
	uint64_t refused; /* series of families of another shape than the totals', and files that could not be read */
	uint64_t bad_totals; /* totals files that could not be read, put aside as NAME.bad */
	int save_error;      /* -errno of the last commit that failed, or 0 */
	int load_error;      /* -errno of totals that are whole, as far as one can tell, but could not be read; or 0 */
};

/* Loads the totals of a directory. With `take_over` also makes and locks `folding`, and finishes what an earlier agent
 * left: 0, -EBUSY if another agent has it, or -errno (the directory is then read-only for this agent). Without, reads
 * what it may and returns 0. directory_fd stays the caller's and must outlive the fold. */
int fold_open(struct fold *fold, int directory_fd, const struct segment_limits *limits, bool take_over);
void fold_close(struct fold *fold);

/* Steps 1 to 5 for one segment. True when its values are in the totals and its name is gone from the directory. */
bool fold_take(struct fold *fold, struct segment *segment, const struct segment_limits *limits);

/* Steps 6 and 7 for all that was taken. 0, or -errno of the first file that could not be written: nothing is lost, the
 * next commit tries again. */
int fold_commit(struct fold *fold);

/* Whether any process maps the segment's file: a question that takes 3 us and reads nothing. */
bool fold_alive(int directory_fd, const char *name);

/* Forgets a service's totals, and their file. */
void fold_forget(struct fold *fold, size_t service);

#endif
