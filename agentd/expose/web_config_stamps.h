/* SPDX-License-Identifier: MIT */
/* The files that a configuration was read from, and whether they have changed since. */
#ifndef AGENTD_EXPOSE_WEB_CONFIG_STAMPS_H
#define AGENTD_EXPOSE_WEB_CONFIG_STAMPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* The file itself, certificate, key, authorities. */
#define WEB_STAMPS_MAX 4

struct web_stamp {
	char *path;
	int error;        /* of opening it; 0: none */
	struct stat stat; /* where there is no error */
};

struct web_stamps {
	struct web_stamp files[WEB_STAMPS_MAX];
	size_t count;
	bool unsettled;  /* a file was written so shortly before that a further change may not show */
	uint64_t digest; /* of all that was read */
};

#define WEB_STAMPS_INIT                                                                                                \
	{                                                                                                              \
		.count = 0                                                                                             \
	}
void web_stamps_fini(struct web_stamps *stamps);

/* Reads a whole regular file of at most 1 MiB to malloc'ed *text (with a NUL behind it), and notes the file in the
 * stamps (or NULL), also if it is not there. 0, -ENOMEM or -errno; -EINVAL: not such a file. */
int web_stamps_read(struct web_stamps *stamps, const char *path, char **text, size_t *len);

/* Whether a file may have changed. Costs a system call a file. */
bool web_stamps_changed(const struct web_stamps *stamps);

#endif
