/* SPDX-License-Identifier: MIT */
/* Asks file systems how full they are. */
#include "host_prober.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STACK_BYTES (128u * 1024)
/* More mounts than this are stuck at once: what is left is not asked any more. */
#define STUCK_MAX 16u

/* A thread and its present question. Owned by the set and by the thread; whoever leaves last frees it. */
struct prober {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_cond_t done;
	unsigned references;
	bool busy;
	bool leaving; /* the thread shall end */
	char *path;   /* its own copy: the caller's list may be gone when a stuck call returns */
	int error;
	struct statvfs result;
	probe_call *call;
};

struct prober_set {
	probe_call *call;
	struct prober *idle; /* the one that is asked next, or NULL */
	struct prober *stuck[STUCK_MAX];
	size_t stuck_count;
};

/* Gives the lock back. */
static void prober_unref(struct prober *prober)
{
	bool last = --prober->references == 0;
	pthread_mutex_unlock(&prober->lock);
	if (!last)
		return;
	free(prober->path);
	pthread_cond_destroy(&prober->wake);
	pthread_cond_destroy(&prober->done);
	pthread_mutex_destroy(&prober->lock);
	free(prober);
}

static void *prober_main(void *context)
{
	struct prober *prober = context;
	pthread_mutex_lock(&prober->lock);
	while (!prober->leaving) {
		if (!prober->busy) {
			pthread_cond_wait(&prober->wake, &prober->lock);
			continue;
		}
		struct statvfs result;
		pthread_mutex_unlock(&prober->lock);
		int error = prober->call(prober->path, &result) ? -errno : 0;
		pthread_mutex_lock(&prober->lock);
		prober->error = error;
		if (!error)
			prober->result = result;
		prober->busy = false;
		pthread_cond_signal(&prober->done);
	}
	prober_unref(prober);
	return NULL;
}

static struct prober *prober_new(probe_call *call)
{
	struct prober *prober = calloc(1, sizeof(*prober));
	pthread_condattr_t clock;
	pthread_attr_t attributes;
	pthread_t thread;
	if (!prober)
		return NULL;
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_mutex_init(&prober->lock, NULL);
	pthread_cond_init(&prober->wake, NULL);
	pthread_cond_init(&prober->done, &clock);
	pthread_condattr_destroy(&clock);
	prober->call = call;
	prober->references = 2;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	int r = pthread_create(&thread, &attributes, prober_main, prober);
	pthread_attr_destroy(&attributes);
	if (!r)
		return prober;
	prober->references = 1;
	pthread_mutex_lock(&prober->lock);
	prober_unref(prober);
	return NULL;
}

static void prober_leave(struct prober *prober)
{
	if (!prober)
		return;
	pthread_mutex_lock(&prober->lock);
	prober->leaving = true;
	pthread_cond_signal(&prober->wake);
	prober_unref(prober);
}

struct prober_set *prober_set_new(probe_call *call)
{
	struct prober_set *set = calloc(1, sizeof(*set));
	if (set)
		set->call = call;
	return set;
}

void prober_set_free(struct prober_set *set)
{
	if (!set)
		return;
	prober_leave(set->idle);
	for (size_t i = 0; i < set->stuck_count; i++)
		prober_leave(set->stuck[i]);
	free(set);
}

/* Lets those go that have come back. */
static void stuck_review(struct prober_set *set)
{
	size_t kept = 0;
	for (size_t i = 0; i < set->stuck_count; i++) {
		struct prober *prober = set->stuck[i];
		pthread_mutex_lock(&prober->lock);
		bool busy = prober->busy;
		pthread_mutex_unlock(&prober->lock);
		if (busy)
			set->stuck[kept++] = prober;
		else
			prober_leave(prober);
	}
	set->stuck_count = kept;
}

static bool stuck_has(const struct prober_set *set, const char *path)
{
	for (size_t i = 0; i < set->stuck_count; i++)
		if (!strcmp(set->stuck[i]->path, path))
			return true;
	return false;
}

static int prober_ask(struct prober *prober, struct probe *probe, int64_t timeout_ns)
{
	char *path = strdup(probe->path);
	struct timespec deadline;
	int r = 0;
	if (!path)
		return -ENOMEM;
	clock_gettime(CLOCK_MONOTONIC, &deadline);
	timeout_ns += deadline.tv_nsec;
	deadline.tv_sec += timeout_ns / 1000000000;
	deadline.tv_nsec = timeout_ns % 1000000000;
	pthread_mutex_lock(&prober->lock);
	free(prober->path);
	prober->path = path;
	prober->busy = true;
	pthread_cond_signal(&prober->wake);
	while (prober->busy && !r)
		r = -pthread_cond_timedwait(&prober->done, &prober->lock, &deadline);
	if (!prober->busy) {
		r = prober->error;
		probe->result = prober->result;
	}
	pthread_mutex_unlock(&prober->lock);
	return r;
}

void prober_set_ask(struct prober_set *set, struct probe *probes, size_t count, int64_t timeout_ns)
{
	stuck_review(set);
	for (size_t i = 0; i < count; i++) {
		if (stuck_has(set, probes[i].path) || set->stuck_count == STUCK_MAX) {
			probes[i].error = -ETIMEDOUT;
			continue;
		}
		if (!set->idle)
			set->idle = prober_new(set->call);
		probes[i].error = set->idle ? prober_ask(set->idle, &probes[i], timeout_ns) : -ENOMEM;
		if (probes[i].error == -ETIMEDOUT) {
			set->stuck[set->stuck_count++] = set->idle;
			set->idle = NULL;
		}
	}
}
