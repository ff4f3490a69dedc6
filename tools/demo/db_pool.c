/* SPDX-License-Identifier: MIT */
/* The pool: a count of free places, a lock, a condition. */
#include "db_pool.h"

#include <pthread.h>
#include <time.h>

#include <mstat/mstat.h>

#include "random.h"

#define MEDIAN_NS 300000

static const struct mstat_buckets waits = {MSTAT_BOUNDS(0.000001, 0.00001, 0.0001, 0.001, 0.01, 0.1)};

MSTAT_GAUGE(active_gauge, "db_connection_pool_active", "Database connections in use.");
MSTAT_GAUGE(max_gauge, "db_connection_pool_max", "Database connections that there are.");
MSTAT_HISTOGRAM_AS(wait_seconds, &waits, "db_connection_wait_seconds", "seconds", "Time until a connection was free.");

static struct {
	mstat_gauge *active;
	mstat_histogram *wait_seconds;
} metrics;

static struct {
	pthread_mutex_t lock;
	pthread_cond_t given_back;
	uint32_t free;
} pool = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};

void db_pool_init(uint32_t threads)
{
	pool.free = threads > 1 ? threads - 1 : 1;
	metrics.active = mstat_gauge_with(&active_gauge);
	metrics.wait_seconds = mstat_histogram_with(&wait_seconds);
	mstat_gauge_set(metrics.active, 0);
	mstat_gauge_set(mstat_gauge_with(&max_gauge), pool.free);
}

static void connection_take(void)
{
	MSTAT_TIME(metrics.wait_seconds);
	pthread_mutex_lock(&pool.lock);
	while (!pool.free)
		pthread_cond_wait(&pool.given_back, &pool.lock);
	pool.free--;
	pthread_mutex_unlock(&pool.lock);
}

static void connection_give_back(void)
{
	pthread_mutex_lock(&pool.lock);
	pool.free++;
	pthread_cond_signal(&pool.given_back);
	pthread_mutex_unlock(&pool.lock);
}

void db_pool_store(uint64_t *random)
{
	connection_take();
	mstat_gauge_inc(metrics.active);
	nanosleep(&(struct timespec){0, random_duration_ns(random, MEDIAN_NS)}, NULL);
	mstat_gauge_dec(metrics.active);
	connection_give_back();
}
