/* SPDX-License-Identifier: MIT */
/* The threads of the HOST_SLOW collectors: one for all of them as long as none keeps the others waiting, one more for
 * each that does. A collector that never comes back costs its thread and nothing else; one that is back leaves no
 * thread idle beside another, since idle ones cost memory and each one woken costs some 20 us a scrape. */
#ifndef AGENTD_COLLECT_HOST_CREW_H
#define AGENTD_COLLECT_HOST_CREW_H

#include <stdbool.h>
#include <stdint.h>

#include "host_private.h"

struct crew;

/* What is to be done once. Embedded in its owner; all fields but `run` and `end` are the crew's. */
struct crew_job {
	/* On a thread of the crew, without the lock; the buffer is that thread's. */
	void (*run)(struct crew_job *job, struct host_buffer *buffer);
	/* After run(), with the lock held; or instead of it, when the crew is stopped. May free the job. */
	void (*end)(struct crew_job *job);
	struct crew_job *next;
};

struct crew *crew_new(void); /* NULL when out of memory */

/* Drops what waits, lets threads that are not at work end, and leaves the others behind: they free what is theirs when
 * they come back. Waits at most `wait_ns` for them. NULL is fine. */
void crew_free(struct crew *crew, int64_t wait_ns);

/* A thread holds its crew for as long as it lives; a job may need the lock for as long as that. */
void crew_lock(struct crew *crew);
void crew_unlock(struct crew *crew);

/* Queues a job, with the lock held. */
void crew_queue(struct crew *crew, struct crew_job *job);

/* Begins with what is queued, without the lock: one thread is woken, however many jobs there are. */
void crew_start(struct crew *crew);

/* With the lock held, which is given up meanwhile: waits until a job has ended or CLOCK_MONOTONIC reads deadline_ns;
 * false at the deadline. Starts one more thread where a job waits behind another for too long. */
bool crew_wait(struct crew *crew, int64_t deadline_ns);

#endif
