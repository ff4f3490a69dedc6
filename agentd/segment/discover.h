/* SPDX-License-Identifier: MIT */
/* The segments of one directory: found by name, kept while the name is there. Not thread-safe. */
#ifndef AGENTD_SEGMENT_DISCOVER_H
#define AGENTD_SEGMENT_DISCOVER_H

#include "reader.h"

struct segment_directory {
	char *path;
	int fd;                    /* O_DIRECTORY descriptor; -1 while the directory is absent */
	int error;                 /* errno of the last attempt to open or list it, or 0 */
	struct segment **segments; /* in order of name */
	size_t count;
	size_t capacity;
	uint64_t ignored;    /* names that are not those of segments, at the last scan */
	uint64_t over_limit; /* names left out because of entries_max, at the last scan */
};

/* The default directories, as libmstat chooses them: $MSTAT_DIR alone if set, else those of /run/mstat,
 * $XDG_RUNTIME_DIR/mstat and /dev/shm/mstat-UID. Fills `paths` (each malloc'ed) and returns how many, at most 3. */
size_t segment_default_directories(char *paths[3]);

/* Prepares for a directory; it need not exist yet. -errno on failure. */
int segment_directory_init(struct segment_directory *directory, const char *path);
void segment_directory_fini(struct segment_directory *directory);

/* Opens the directory if need be (again, if it was replaced) and lists it: adds new names as UNREAD segments, removes
 * (frees) those whose names are gone. Names of segments are SERVICE.UID.K; hidden and other names are ignored. At most
 * entries_max segments are kept. Returns 0 or -errno (also in directory->error); a failure leaves an empty list. */
int segment_directory_scan(struct segment_directory *directory, size_t entries_max);

/* Whether a file name has the form SERVICE.UID.K; *uid receives UID. */
bool segment_name_valid(const char *name, uid_t *uid);

/* Reads all segments. */
void segment_directory_read(struct segment_directory *directory, const struct segment_limits *limits);

#endif
