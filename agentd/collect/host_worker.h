/* SPDX-License-Identifier: MIT */
/* A HOST_SLOW collector on a thread of its own. The collecting thread requests a round and waits for it until a
 * deadline; a late one is served from the last round. A collector that never comes back costs its thread, its
 * descriptors and nothing else: nobody waits for a round that was late once already. */
#ifndef AGENTD_COLLECT_HOST_WORKER_H
#define AGENTD_COLLECT_HOST_WORKER_H

#include "host.h"
#include "host_sample.h"
#include "host_shared.h"

struct worker;

/* The thread starts with the first request. `shared` is referenced for as long as the thread lives. */
int worker_new(const char *name, const struct host_ops *ops, struct host_shared *shared, struct worker **worker);

/* Waits a moment for a round under way; a thread that is stuck is left behind and frees everything when it comes back.
 * NULL is fine. */
void worker_free(struct worker *worker);

/* Begins a round, unless one is under way, or the source was found to be absent a few requests ago. */
void worker_request(struct worker *worker);

struct worker_result {
	int error;                      /* of the last round that ended; -EINPROGRESS before the first */
	int64_t duration_ns;            /* of that round */
	bool late;                      /* the round that was requested has not ended */
	const struct sample_list *list; /* of the last round that ended; valid until the next request */
	uint64_t skipped;
};

/* Waits until the round has ended or CLOCK_MONOTONIC reads deadline_ns; not at all for a round that was late before. */
struct worker_result worker_harvest(struct worker *worker, int64_t deadline_ns);

#endif
