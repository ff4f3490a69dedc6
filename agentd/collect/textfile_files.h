/* SPDX-License-Identifier: MIT */
/* The files of the textfile collector: which there are, and their bytes. */
#ifndef AGENTD_COLLECT_TEXTFILE_FILES_H
#define AGENTD_COLLECT_TEXTFILE_FILES_H

#include <time.h>

#include "textfile.h"

struct textfile_file {
	char *path;
	char *bytes; /* with one spare byte behind len; NULL if it was refused */
	size_t len;
	struct timespec modified;
	textfile_reason reason; /* NULL: it is served */
	uint32_t line;          /* where that is; 0: none */
};

struct textfile_limits {
	size_t max_files;
	size_t max_bytes;   /* of one file */
	int64_t max_age_ns; /* 0: no limit */
};

struct textfile_files {
	struct textfile_file *files;
	size_t count, capacity;
	size_t directories_missing;
	size_t omitted; /* beyond max_files */
};

/* Reads the *.prom and *.om files of the directories that match `pattern` (glob(7)), ordered by name. Only regular
 * files that lie in their directory: what else has such a name is refused without being opened for reading. 0 or
 * -ENOMEM. */
int textfile_files_add(struct textfile_files *files, const char *pattern, const struct textfile_limits *limits);
void textfile_files_fini(struct textfile_files *files);

#endif
