/* SPDX-License-Identifier: MIT */
/* Directories whose files hold one number each (most of sysfs): a row of a table tells the file and its family. */
#ifndef AGENTD_COLLECT_HOST_NUMBERS_H
#define AGENTD_COLLECT_HOST_NUMBERS_H

#include "host.h"

struct host_number {
	const char *file;
	struct host_family family;
	double divisor; /* 0: as it is */
};

/* A number as the kernel writes it: decimal with or without a sign, or hexadecimal after "0x"; what follows it is not
 * looked at. False if there is none. */
bool host_number_parse(const char *string, struct number *number);
double host_number_f64(struct number number);

/* The number in one file; 0 or -errno. -EINVAL, which is not counted as skipped: a driver's "N/A" and "unknown" are
 * answers. */
int host_number_read(struct host *host, enum host_root root, const char *path, struct number *number);

/* Samples of the files in a directory that can be read and hold a number; all have the same label values. Returns how
 * many there were. */
size_t host_numbers_sample(struct host *host, enum host_root root, const char *directory,
			   const struct host_number *rows, size_t count, const char *const *values);

/* For collectors whose only state is a pair of patterns: `open` and `close`, and the verdict on a name. */
int host_filter_open(struct host *host, const char *include, const char *exclude);
void host_filter_close(struct host *host);

#endif
