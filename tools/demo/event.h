/* SPDX-License-Identifier: MIT */
/* Events: what workers tell the stream process, one record a request, through a pipe that all of them share.
 *
 * The pipe is a bounded queue that the kernel keeps: a record is written whole or not at all, and a worker never waits.
 * What does not fit is dropped and counted, as any backpressure.
 */
#ifndef DEMO_EVENT_H
#define DEMO_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "labels.h"

struct event {
	int64_t time_ns; /* when the request began, CLOCK_REALTIME */
	uint64_t key;    /* different for each event */
	uint32_t type;   /* enum event_type */
	uint32_t bytes;  /* of the answer */
	uint32_t user;   /* 0 to EVENT_USERS - 1 */
	uint32_t failed; /* the request was refused, or failed */
};
#define EVENT_USERS 512u

/* Makes the pipe: fds[0] to read, fds[1] to write, neither blocks. Returns 0 or -errno. */
int event_pipe_open(int fds[2]);

/* How many events it holds at most. */
uint32_t event_pipe_capacity(int fd);

/* How many there are to read. */
uint32_t event_pipe_size(int fd);

/* Writes an event; false: there is no room. Thread- and fork-safe. */
bool event_write(int fd, const struct event *event);

/* Reads up to `count` events; returns how many. */
uint32_t event_read(int fd, struct event *events, uint32_t count);

/* The type of what an endpoint does, or -1: nothing that the stream should know. */
int event_type_of(enum endpoint endpoint);

/* CLOCK_REALTIME in nanoseconds. */
int64_t event_now_ns(void);

#endif
