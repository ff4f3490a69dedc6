/* SPDX-License-Identifier: MIT */
/* The threads of the slow collectors. */
#include "host_crew.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define STACK_BYTES (256u * 1024)
/* So long a job may keep others waiting before they get a thread of their own. */
#define PATIENCE_NS INT64_C(10000000)

/* Owned by whoever made it and by its threads; the last to leave frees it. */
struct crew {
	pthread_mutex_t lock;
	pthread_cond_t wake; /* something was queued, or stop */
	pthread_cond_t done; /* a job has ended, or a thread */
	unsigned references;
	unsigned threads;
	unsigned idle;
	unsigned working;
	bool stopping;
	struct crew_job *first;
	struct crew_job **last;
};

static int64_t monotonic_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

struct crew *crew_new(void)
{
	struct crew *crew = calloc(1, sizeof(*crew));
	pthread_condattr_t clock;
	if (!crew)
		return NULL;
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_mutex_init(&crew->lock, NULL);
	pthread_cond_init(&crew->wake, NULL);
	pthread_cond_init(&crew->done, &clock);
	pthread_condattr_destroy(&clock);
	crew->references = 1;
	crew->last = &crew->first;
	return crew;
}

/* Gives the lock back. */
static void crew_unref(struct crew *crew)
{
	bool last = --crew->references == 0;
	pthread_mutex_unlock(&crew->lock);
	if (!last)
		return;
	pthread_cond_destroy(&crew->wake);
	pthread_cond_destroy(&crew->done);
	pthread_mutex_destroy(&crew->lock);
	free(crew);
}

void crew_lock(struct crew *crew)
{
	pthread_mutex_lock(&crew->lock);
}

void crew_unlock(struct crew *crew)
{
	pthread_mutex_unlock(&crew->lock);
}

/* ---- the threads ------------------------------------------------------------------------------------------------ */

static struct crew_job *job_next(struct crew *crew)
{
	struct crew_job *job = crew->first;
	if (!job)
		return NULL;
	crew->first = job->next;
	if (!crew->first)
		crew->last = &crew->first;
	return job;
}

static void job_run(struct crew *crew, struct crew_job *job, struct host_buffer *buffer)
{
	crew->working++;
	pthread_mutex_unlock(&crew->lock);
	job->run(job, buffer);
	pthread_mutex_lock(&crew->lock);
	crew->working--;
	job->end(job);
	pthread_cond_broadcast(&crew->done);
}

static void *crew_main(void *context)
{
	struct crew *crew = context;
	struct host_buffer buffer = {NULL, 0};
	pthread_mutex_lock(&crew->lock);
	while (!crew->stopping) {
		struct crew_job *job = job_next(crew);
		if (job) {
			job_run(crew, job, &buffer);
			continue;
		}
		if (crew->idle)
			break; /* one that waits is enough */
		crew->idle++;
		pthread_cond_wait(&crew->wake, &crew->lock);
		crew->idle--;
	}
	crew->threads--;
	pthread_cond_broadcast(&crew->done);
	crew_unref(crew);
	free(buffer.bytes);
	return NULL;
}

/* Without a thread the jobs wait, and count as late. The next request tries again. */
static void thread_start(struct crew *crew)
{
	pthread_attr_t attributes;
	pthread_t thread;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	bool started = !pthread_create(&thread, &attributes, crew_main, crew);
	pthread_attr_destroy(&attributes);
	crew->threads += started;
	crew->references += started;
}

/* ---- whoever asks ----------------------------------------------------------------------------------------------- */

void crew_queue(struct crew *crew, struct crew_job *job)
{
	job->next = NULL;
	*crew->last = job;
	crew->last = &job->next;
}

void crew_start(struct crew *crew)
{
	pthread_mutex_lock(&crew->lock);
	const bool wake = crew->first && crew->idle;
	/* If all are at work, crew_wait() starts another if that takes long. */
	if (crew->first && !crew->threads)
		thread_start(crew);
	pthread_mutex_unlock(&crew->lock);
	/* Without the lock, which the thread wants as soon as it is awake. */
	if (wake)
		pthread_cond_signal(&crew->wake);
}

bool crew_wait(struct crew *crew, int64_t deadline_ns)
{
	const int64_t patience_ns = monotonic_ns() + PATIENCE_NS;
	const bool patient = crew->first && patience_ns < deadline_ns;
	const int64_t end_ns = patient ? patience_ns : deadline_ns;
	const struct timespec end = {end_ns / 1000000000, end_ns % 1000000000};
	if (!pthread_cond_timedwait(&crew->done, &crew->lock, &end))
		return true;
	if (patient && crew->first && !crew->idle)
		thread_start(crew);
	return patient;
}

void crew_free(struct crew *crew, int64_t wait_ns)
{
	if (!crew)
		return;
	const int64_t deadline_ns = monotonic_ns() + wait_ns;
	const struct timespec deadline = {deadline_ns / 1000000000, deadline_ns % 1000000000};
	pthread_mutex_lock(&crew->lock);
	crew->stopping = true;
	for (struct crew_job *job; (job = job_next(crew));)
		job->end(job);
	pthread_cond_broadcast(&crew->wake);
	/* Those at work were waited for by whoever knows their jobs. */
	while (crew->threads > crew->working)
		if (pthread_cond_timedwait(&crew->done, &crew->lock, &deadline))
			break;
	crew_unref(crew);
}
