/* SPDX-License-Identifier: MIT */
/* A slow collector on a thread of its own. */
#include "host_worker.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include <mstat/atomic.h>

#include "host_private.h"

#define STACK_BYTES (256u * 1024)
/* A source that this machine does not have is looked for in every so many'th collection: waking a thread for nothing
 * would be a good part of what a scrape costs. */
#define ABSENT_EVERY 16u
/* How long a stop waits for a thread that is at work. */
#define STOP_WAIT_NS INT64_C(200000000)

/* Owned by the collecting thread and the worker's thread; whoever leaves last frees it. */
struct worker {
	pthread_mutex_t lock;
	pthread_cond_t wake; /* a round was requested, or stop */
	pthread_cond_t done; /* a round has ended, or the thread */
	unsigned references;
	bool started; /* there is a thread */
	bool busy;    /* a round is requested or under way */
	bool late;    /* and somebody has waited for it in vain */
	bool fresh;   /* `filling` holds a round that nobody took yet */
	bool stopping;
	int error;
	unsigned absent_requests; /* since it was last looked for */
	int64_t duration_ns;
	struct sample_list filling; /* the thread's while busy, else the collecting thread's */
	struct sample_list ready;   /* the collecting thread's */

	/* The thread's: */
	struct host host;
	struct host_buffer buffer;
	const struct host_ops *ops;
	struct host_shared *shared;
	bool opened;
};

static int64_t monotonic_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

int worker_new(const char *name, const struct host_ops *ops, struct host_shared *shared, struct worker **worker)
{
	struct worker *fresh = calloc(1, sizeof(*fresh));
	if (!fresh)
		return -ENOMEM;
	int r = host_private_new(name, &fresh->buffer, &fresh->host.own);
	if (r) {
		free(fresh);
		return r;
	}
	pthread_condattr_t clock;
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_mutex_init(&fresh->lock, NULL);
	pthread_cond_init(&fresh->wake, NULL);
	pthread_cond_init(&fresh->done, &clock);
	pthread_condattr_destroy(&clock);
	host_shared_ref(shared);
	fresh->shared = shared;
	fresh->host.options = &shared->options;
	fresh->ops = ops;
	fresh->references = 1;
	fresh->error = -EINPROGRESS;
	*worker = fresh;
	return 0;
}

/* Gives the lock back. */
static void worker_unref(struct worker *worker)
{
	bool last = --worker->references == 0;
	pthread_mutex_unlock(&worker->lock);
	if (!last)
		return;
	if (worker->opened && worker->ops->close)
		worker->ops->close(&worker->host);
	host_private_free(worker->host.own);
	host_shared_unref(worker->shared);
	free(worker->buffer.bytes);
	sample_list_fini(&worker->filling);
	sample_list_fini(&worker->ready);
	pthread_cond_destroy(&worker->wake);
	pthread_cond_destroy(&worker->done);
	pthread_mutex_destroy(&worker->lock);
	free(worker);
}

/* ---- the thread ------------------------------------------------------------------------------------------------- */

/* Whether a round ended without a source and without a sample. */
static bool source_absent(const struct worker *worker, const struct sample_list *list)
{
	return (worker->error == -ENOENT || worker->error == -ENODATA) && !list->len;
}

static int round_run(struct worker *worker)
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

static void *worker_main(void *context)
{
	struct worker *worker = context;
	pthread_mutex_lock(&worker->lock);
	while (!worker->stopping) {
		if (!worker->busy) {
			pthread_cond_wait(&worker->wake, &worker->lock);
			continue;
		}
		pthread_mutex_unlock(&worker->lock);
		int64_t start_ns = monotonic_ns();
		int error = round_run(worker);
		int64_t duration_ns = monotonic_ns() - start_ns;
		pthread_mutex_lock(&worker->lock);
		worker->error = error;
		worker->duration_ns = duration_ns;
		worker->busy = false;
		worker->late = false;
		worker->fresh = true;
		pthread_cond_broadcast(&worker->done);
		if (source_absent(worker, &worker->filling))
			break; /* an idle thread costs memory; the next look starts another */
	}
	worker->started = false;
	pthread_cond_broadcast(&worker->done);
	worker_unref(worker);
	return NULL;
}

static int worker_start(struct worker *worker)
{
	pthread_attr_t attributes;
	pthread_t thread;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	int r = -pthread_create(&thread, &attributes, worker_main, worker);
	pthread_attr_destroy(&attributes);
	worker->started = !r;
	worker->references += !r;
	return r;
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
}

static bool look_due(struct worker *worker)
{
	bool absent = source_absent(worker, &worker->ready);
	if (!absent || ++worker->absent_requests == ABSENT_EVERY)
		worker->absent_requests = 0;
	return !absent || !worker->absent_requests;
}

void worker_request(struct worker *worker)
{
	pthread_mutex_lock(&worker->lock);
	if (!worker->busy) {
		/* Of a round that ended after its deadline: the best there is if the next one is late, too. */
		round_take(worker);
		if (!look_due(worker)) {
			pthread_mutex_unlock(&worker->lock);
			return;
		}
		int r = worker->started ? 0 : worker_start(worker);
		if (r)
			worker->error = r;
		worker->busy = !r;
		pthread_cond_signal(&worker->wake);
	}
	pthread_mutex_unlock(&worker->lock);
}

struct worker_result worker_harvest(struct worker *worker, int64_t deadline_ns)
{
	const struct timespec deadline = {deadline_ns / 1000000000, deadline_ns % 1000000000};
	pthread_mutex_lock(&worker->lock);
	while (worker->busy && !worker->late)
		if (pthread_cond_timedwait(&worker->done, &worker->lock, &deadline))
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
	pthread_mutex_unlock(&worker->lock);
	return result;
}

void worker_free(struct worker *worker)
{
	if (!worker)
		return;
	const int64_t deadline_ns = monotonic_ns() + STOP_WAIT_NS;
	const struct timespec deadline = {deadline_ns / 1000000000, deadline_ns % 1000000000};
	pthread_mutex_lock(&worker->lock);
	worker->stopping = true;
	pthread_cond_signal(&worker->wake);
	while (worker->started && !worker->late)
		if (pthread_cond_timedwait(&worker->done, &worker->lock, &deadline))
			break;
	worker_unref(worker);
}
