/* SPDX-License-Identifier: MIT */
/* The rounds of a slow collector. */
#include "host_worker.h"

#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include <mstat/atomic.h>

#include "host_absent.h"
#include "host_private.h"

/* How long a stop waits for a round under way. */
#define STOP_WAIT_NS INT64_C(200000000)

/* Owned by the collecting thread and, while one is queued or under way, by the round; the last to leave frees it. */
struct worker {
	struct crew_job job;
	struct crew *crew; /* its lock guards what follows */
	unsigned references;
	bool busy;  /* a round is queued or under way */
	bool late;  /* and somebody has waited for it in vain */
	bool fresh; /* `filling` holds a round that nobody took yet */
	int error;
	struct absence absence;
	int64_t duration_ns;
	struct sample_list filling; /* the round's while busy, else the collecting thread's */
	struct sample_list ready;   /* the collecting thread's */

	/* The round's: */
	struct host host;
	const struct host_ops *ops;
	struct host_shared *shared;
	bool opened;
	int round_error;
	int64_t round_ns;
};

static void round_run(struct crew_job *job, struct host_buffer *buffer);
static void round_end(struct crew_job *job);

static int64_t monotonic_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

int worker_new(const char *name, const struct host_ops *ops, struct host_shared *shared, struct crew *crew,
	       struct worker **worker)
{
	struct worker *fresh = calloc(1, sizeof(*fresh));
	if (!fresh)
		return -ENOMEM;
	int r = host_private_new(name, NULL, &fresh->host.own);
	if (r) {
		free(fresh);
		return r;
	}
	host_shared_ref(shared);
	fresh->job = (struct crew_job){.run = round_run, .end = round_end};
	fresh->crew = crew;
	fresh->shared = shared;
	fresh->host.options = &shared->options;
	fresh->ops = ops;
	fresh->references = 1;
	fresh->error = -EINPROGRESS;
	fresh->round_error = -EINPROGRESS;
	*worker = fresh;
	return 0;
}

/* With the crew's lock held, or as the only one who knows the worker. */
static void worker_unref(struct worker *worker)
{
	if (--worker->references)
		return;
	if (worker->opened && worker->ops->close)
		worker->ops->close(&worker->host);
	host_private_free(worker->host.own);
	host_shared_unref(worker->shared);
	sample_list_fini(&worker->filling);
	sample_list_fini(&worker->ready);
	free(worker);
}

/* ---- a round, on a thread of the crew --------------------------------------------------------------------------- */

static struct worker *worker_of(struct crew_job *job)
{
	return (struct worker *)((char *)job - offsetof(struct worker, job));
}

static int collector_run(struct worker *worker)
{
	struct host *host = &worker->host;
	int r = 0;
	host_files_begin(host->own);
	host_sink_begin(&host->own->sink, NULL, &worker->filling);
	if (!worker->opened) {
		r = worker->ops->open ? worker->ops->open(host) : 0;
		worker->opened = !r;
	}
	if (!r)
		r = worker->ops->collect(host);
	host_files_end(host->own);
	return r;
}

static void round_run(struct crew_job *job, struct host_buffer *buffer)
{
	struct worker *worker = worker_of(job);
	const int64_t start_ns = monotonic_ns();
	worker->host.own->buffer = buffer;
	worker->round_error = collector_run(worker);
	worker->round_ns = monotonic_ns() - start_ns;
}

static void round_end(struct crew_job *job)
{
	struct worker *worker = worker_of(job);
	worker->error = worker->round_error;
	worker->duration_ns = worker->round_ns;
	worker->busy = false;
	worker->late = false;
	worker->fresh = true;
	worker_unref(worker);
}

/* ---- the collecting thread -------------------------------------------------------------------------------------- */

static void round_take(struct worker *worker)
{
	if (!worker->fresh)
		return;
	struct sample_list taken = worker->filling;
	worker->filling = worker->ready;
	worker->ready = taken;
	worker->fresh = false;
	absence_note(&worker->absence, worker->error, worker->ready.len);
}

void worker_request(struct worker *worker, int64_t asked_ns)
{
	crew_lock(worker->crew);
	if (!worker->busy) {
		/* Of a round that ended after its deadline: the best there is if the next one is late, too. */
		round_take(worker);
		worker->busy = absence_look_due(&worker->absence);
		if (worker->busy) {
			worker->host.asked_ns = asked_ns;
			worker->references++;
			crew_queue(worker->crew, &worker->job);
		}
	}
	crew_unlock(worker->crew);
}

struct worker_result worker_harvest(struct worker *worker, int64_t deadline_ns)
{
	crew_lock(worker->crew);
	while (worker->busy && !worker->late)
		if (!crew_wait(worker->crew, deadline_ns))
			break;
	worker->late = worker->busy;
	round_take(worker);
	struct worker_result result = {
		.error = worker->error,
		.duration_ns = worker->duration_ns,
		.late = worker->late,
		.list = &worker->ready,
		.skipped = mstat_load_relaxed(&worker->host.own->skipped),
	};
	crew_unlock(worker->crew);
	return result;
}

void worker_free(struct worker *worker)
{
	if (!worker)
		return;
	struct crew *crew = worker->crew;
	const int64_t deadline_ns = monotonic_ns() + STOP_WAIT_NS;
	crew_lock(crew);
	while (worker->busy && !worker->late)
		if (!crew_wait(crew, deadline_ns))
			break;
	worker_unref(worker);
	crew_unlock(crew);
}
