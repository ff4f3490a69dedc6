/* SPDX-License-Identifier: MIT */
/* A HOST_SLOW collector on a thread of the crew. The collecting thread requests a round and waits for it until a
 * deadline; a late one is served from the last round. A collector that never comes back costs its thread, its
 * descriptors and nothing else: nobody waits for a round that was late once already. */
#ifndef AGENTD_COLLECT_HOST_WORKER_H
#define AGENTD_COLLECT_HOST_WORKER_H

#include "host.h"
#include "host_crew.h"
#include "host_sample.h"
#include "host_shared.h"

struct worker;

/* `shared` is referenced for as long as a round may run; `crew` must outlive the worker, or have been freed while a
 * round of it was under way. */
int worker_new(const char *name, const struct host_ops *ops, struct host_shared *shared, struct crew *crew,
	       struct worker **worker);

/* Waits a moment for a round under way; one that is stuck frees everything when it comes back. NULL is fine. */
void worker_free(struct worker *worker);

/* Queues a round, unless one is under way, or the source was found to be absent a few requests ago. The caller starts
 * the crew. `asked_ns` is for struct host. */
void worker_request(struct worker *worker, int64_t asked_ns);

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
