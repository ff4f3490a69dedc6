/* SPDX-License-Identifier: MIT */
/* The journal: log events as datagrams of journald's native protocol, each field by itself.
 *
 * Not by sd_journal_send(): that says success where nobody listens. An event that the journal does not take within
 * 100 ms is the caller's again.
 * Protocol: "Native Journal Protocol" of the systemd project: KEY=value lines; a value with a newline as KEY, newline,
 * its length in 64 bits (little-endian), value, newline.
 */
#ifndef AGENTD_JOURNAL_H
#define AGENTD_JOURNAL_H

#include <stdbool.h>

#include "log.h"

/* Whether a descriptor leads to the journal ($JOURNAL_STREAM). */
bool journal_owns_fd(int fd);

/* Sends MESSAGE, PRIORITY, SYSLOG_IDENTIFIER, and each field as MSTAT_KEY; fields that find no room are left out.
 * 0 or -errno (-ENOENT, -ECONNREFUSED: there is no journal). One thread at a time. */
int journal_send(enum log_level level, const char *message, size_t message_len, const struct log_field *fields,
		 size_t count);

/* 0 if journald listens, else -errno. */
int journal_probe(void);

/* Another path than journald's, for tests; kept, not copied. */
void journal_set_path(const char *path);

#endif
