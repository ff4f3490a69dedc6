/* SPDX-License-Identifier: MIT */
/* What the files of the host framework share; collectors see host.h only. */
#ifndef AGENTD_COLLECT_HOST_PRIVATE_H
#define AGENTD_COLLECT_HOST_PRIVATE_H

#include "host.h"
#include "host_sample.h"

/* Descriptors that stay open: per collector, and of all collectors together. Beyond that files are opened each time. */
#define HOST_KEPT_MAX 64u
#define HOST_KEPT_ALL_MAX 256u
/* A kept file that was not read in so many collections is closed. */
#define HOST_KEPT_IDLE_MAX 16u

struct kept_file {
	char *path; /* in full */
	int fd;
	size_t end_below; /* a read of fewer bytes was the last one; 0: only an empty one was */
	uint32_t used;
};

struct host_buffer {
	char *bytes;
	size_t capacity;
};

struct list_store {
	struct host_buffer bytes;
	size_t len;
	const char **names;
	size_t capacity;
};

struct host_private {
	const char *name;
	struct host_buffer *buffer; /* of all collectors on one thread */
	struct kept_file kept[HOST_KEPT_MAX];
	size_t kept_count;
	size_t kept_next; /* where the next read looks first: collectors read in the same order each time */
	uint32_t collection;
	struct list_store lists[HOST_LISTS];
	int netlink_fd_plus_1; /* 0: none */
	int netlink_protocol;
	uint32_t netlink_sequence;
	struct host_sink sink;
	uint64_t skipped; /* relaxed: written by the collector's thread, read by the collecting one */
};

int host_private_new(const char *name, struct host_buffer *buffer, struct host_private **own);
void host_private_free(struct host_private *own); /* NULL is fine */

/* Around each call of a collector's collect(). */
void host_files_begin(struct host_private *own);
void host_files_end(struct host_private *own);
void host_files_close(struct host_private *own);
void host_netlink_close(struct host_private *own);

/* Room for `bytes`, contents kept; false when out of memory. */
bool host_buffer_reserve(struct host_buffer *buffer, size_t bytes);

#endif
