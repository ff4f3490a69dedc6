/* SPDX-License-Identifier: MIT */
/* Asks file systems how full they are, without ever being stuck with one that does not answer: statvfs(3) cannot be
 * interrupted, so a thread of its own asks, and is left behind, with the mount's name, when it does not come back. The
 * mount is asked again when that thread has returned. */
#ifndef AGENTD_COLLECT_HOST_PROBER_H
#define AGENTD_COLLECT_HOST_PROBER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/statvfs.h>

struct prober_set;

struct probe {
	char *path; /* the caller's */
	int error;  /* 0, or -errno; -ETIMEDOUT: stuck, now or since before */
	struct statvfs result;
};

/* How a path is asked: statvfs(2), or what a test puts in its place. */
typedef int probe_call(const char *path, struct statvfs *result);

struct prober_set *prober_set_new(probe_call *call); /* NULL when out of memory */
/* Threads that are stuck stay behind and free what is theirs when they return. NULL is fine. */
void prober_set_free(struct prober_set *set);

/* Asks all paths and waits for each at most timeout_ns. One thread at a time. */
void prober_set_ask(struct prober_set *set, struct probe *probes, size_t count, int64_t timeout_ns);

#endif
