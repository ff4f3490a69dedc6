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

/* A thread and its present questions. Owned by the set and by the thread; whoever leaves last frees it. */
struct prober {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_cond_t done;
	unsigned references;
	bool busy;
	bool leaving;  /* the thread shall end */
	bool given_up; /* it is stuck with `current`, the rest was asked elsewhere */
	/* Its own copies: the caller's list may be gone when a stuck call returns. */
	struct probe *probes;
	size_t count;
	size_t capacity;
	char *paths;
	size_t paths_capacity;
	size_t current;
	int64_t start_ns; /* of the current call */
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
	free(prober->probes);
	free(prober->paths);
	pthread_cond_destroy(&prober->wake);
	pthread_cond_destroy(&prober->done);
	pthread_mutex_destroy(&prober->lock);
	free(prober);
}

static int64_t monotonic_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* With the lock held, which is given up during the call. */
static void current_ask(struct prober *prober)
{
	struct probe *probe = &prober->probes[prober->current];
	struct statvfs result;
	if (probe->error == -ETIMEDOUT)
		return; /* stuck since before */
	prober->start_ns = monotonic_ns();
	pthread_mutex_unlock(&prober->lock);
	int error = prober->call(probe->path, &result) ? -errno : 0;
	pthread_mutex_lock(&prober->lock);
	probe->error = error;
	if (!error)
		probe->result = result;
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
		while (prober->current < prober->count && !prober->given_up) {
			current_ask(prober);
			if (!prober->given_up)
				prober->current++;
		}
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
		if (!strcmp(set->stuck[i]->probes[set->stuck[i]->current].path, path))
			return true;
	return false;
}

static bool prober_reserve(struct prober *prober, size_t count, size_t paths_bytes)
{
	if (count > prober->capacity) {
		struct probe *probes = reallocarray(prober->probes, count, sizeof(*probes));
		if (!probes)
			return false;
		prober->probes = probes;
		prober->capacity = count;
	}
	if (paths_bytes > prober->paths_capacity) {
		char *paths = realloc(prober->paths, paths_bytes);
		if (!paths)
			return false;
		prober->paths = paths;
		prober->paths_capacity = paths_bytes;
	}
	return true;
}

/* With the lock held: the questions, as the prober's own. */
static bool questions_copy(struct prober *prober, const struct probe *probes, size_t count)
{
	size_t paths_bytes = 0;
	for (size_t i = 0; i < count; i++)
		paths_bytes += strlen(probes[i].path) + 1;
	if (!prober_reserve(prober, count, paths_bytes))
		return false;
	char *path = prober->paths;
	for (size_t i = 0; i < count; i++) {
		prober->probes[i] = (struct probe){.path = path, .error = probes[i].error};
		path = stpcpy(path, probes[i].path) + 1;
	}
	prober->count = count;
	prober->current = 0;
	return true;
}

/* With the lock held: waits until all is answered, or one question is not within its time. */
static void answers_await(struct prober *prober, int64_t timeout_ns)
{
	while (prober->busy && !prober->given_up) {
		const int64_t end_ns = prober->start_ns + timeout_ns;
		const struct timespec end = {end_ns / 1000000000, end_ns % 1000000000};
		/* By now it may be asking for another, which has its own time. */
		if (pthread_cond_timedwait(&prober->done, &prober->lock, &end) && prober->busy)
			prober->given_up = monotonic_ns() >= prober->start_ns + timeout_ns;
	}
}

/* Returns how many were answered; -ETIMEDOUT for the next one after them means that the prober is stuck with it. */
static size_t prober_ask(struct prober *prober, struct probe *probes, size_t count, int64_t timeout_ns)
{
	size_t answered = 0;
	pthread_mutex_lock(&prober->lock);
	if (questions_copy(prober, probes, count)) {
		prober->start_ns = monotonic_ns();
		prober->busy = true;
		/* Signalled without the lock, which the thread wants as soon as it is awake. */
		pthread_mutex_unlock(&prober->lock);
		pthread_cond_signal(&prober->wake);
		pthread_mutex_lock(&prober->lock);
		answers_await(prober, timeout_ns);
		answered = prober->current;
		for (size_t i = 0; i < answered; i++) {
			probes[i].error = prober->probes[i].error;
			probes[i].result = prober->probes[i].result;
		}
		if (answered < count)
			probes[answered].error = -ETIMEDOUT;
	} else {
		for (; answered < count; answered++)
			probes[answered].error = -ENOMEM;
	}
	pthread_mutex_unlock(&prober->lock);
	return answered;
}

void prober_set_ask(struct prober_set *set, struct probe *probes, size_t count, int64_t timeout_ns)
{
	stuck_review(set);
	for (size_t i = 0; i < count; i++)
		probes[i].error = stuck_has(set, probes[i].path) ? -ETIMEDOUT : 0;
	/* One prober is asked for all of them; where it is stuck, the next goes on behind that. */
	for (size_t next = 0; next < count; next++) {
		if (!set->idle && set->stuck_count < STUCK_MAX)
			set->idle = prober_new(set->call);
		if (!set->idle) {
			for (; next < count; next++)
				probes[next].error = set->stuck_count < STUCK_MAX ? -ENOMEM : -ETIMEDOUT;
			return;
		}
		next += prober_ask(set->idle, probes + next, count - next, timeout_ns);
		if (next < count) {
			set->stuck[set->stuck_count++] = set->idle;
			set->idle = NULL;
		}
	}
}
