/* SPDX-License-Identifier: MIT */
/* Handles by backend, operation, error. */
#include "state_metrics.h"

#include <mstat/mstat.h>

static const struct mstat_buckets durations = {
	MSTAT_BOUNDS(0.00001, 0.0001, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25)};

MSTAT_COUNTER(get_total, "state_backend_get_total", "Attempts to get a value from a backend.", "backend_type",
	      "error_type");
MSTAT_COUNTER(put_total, "state_backend_put_total", "Attempts to put a value into a backend.", "backend_type",
	      "error_type");
MSTAT_COUNTER(delete_total, "state_backend_delete_total", "Attempts to delete a value in a backend.", "backend_type",
	      "error_type");
MSTAT_COUNTER(errors_total, "state_backend_errors_total", "Attempts that failed.", "backend_type", "operation",
	      "error_type");
MSTAT_COUNTER(attempts_total, "state_backend_operations_total", "Attempts, by outcome; error_type none is a success.",
	      "backend_type", "operation", "error_type");
MSTAT_HISTOGRAM_AS(get_seconds, &durations, "state_backend_get_duration_seconds", "seconds",
		   "Time of an attempt to get a value.", "backend_type", "cache_hit");
MSTAT_HISTOGRAM_AS(put_seconds, &durations, "state_backend_put_duration_seconds", "seconds",
		   "Time of an attempt to put a value.", "backend_type", "cache_hit");
MSTAT_HISTOGRAM_AS(delete_seconds, &durations, "state_backend_delete_duration_seconds", "seconds",
		   "Time of an attempt to delete a value.", "backend_type", "cache_hit");
MSTAT_GAUGE_AS(size_bytes, MSTAT_SUM | MSTAT_LIVE, "state_backend_size_bytes", "bytes",
	       "Bytes of keys and values in a backend, by namespace.", "backend_type", "namespace");
MSTAT_GAUGE(entry_count, "state_backend_entries", "Entries in a backend.", "backend_type", "namespace");

MSTAT_COUNTER(operations_total, "state_operations_total",
	      "Operations on state, each of one attempt or two; see state_backend_operations_total.", "operation",
	      "backend");
MSTAT_HISTOGRAM_AS(operation_seconds, MSTAT_NATIVE, "state_operation_duration_seconds", "seconds",
		   "Time of an operation on state, all attempts together.", "operation", "backend");
MSTAT_GAUGE_AS(total_bytes, MSTAT_SUM | MSTAT_LIVE, "state_size_bytes", "bytes",
	       "Bytes of keys and values in a backend, all namespaces together.", "backend");
MSTAT_HISTOGRAM(attempts_each, "state_operation_attempts", "Attempts that an operation took.", "backend");

/* The three operations that have families of their own; scans are among all operations only. */
#define OWN_COUNT STATE_SCAN
static mstat_counter_family *const own_totals[OWN_COUNT] = {
	[STATE_GET] = &get_total, [STATE_PUT] = &put_total, [STATE_DELETE] = &delete_total};
static mstat_histogram_family *const own_seconds[OWN_COUNT] = {
	[STATE_GET] = &get_seconds, [STATE_PUT] = &put_seconds, [STATE_DELETE] = &delete_seconds};

static struct backend_metrics {
	mstat_counter *own[OWN_COUNT][STATE_ERROR_COUNT];
	mstat_histogram *own_seconds[OWN_COUNT][2]; /* by cache_hit */
	mstat_counter *attempts[STATE_COUNT][STATE_ERROR_COUNT];
	mstat_counter *errors[STATE_COUNT][STATE_ERROR_COUNT];
	mstat_counter *operations[STATE_COUNT];
	mstat_histogram *seconds[STATE_COUNT];
	mstat_gauge *bytes[NAMESPACE_COUNT], *entries[NAMESPACE_COUNT];
	mstat_gauge *total_bytes;
	mstat_histogram *attempts_each;
} metrics[BACKEND_COUNT];

static void own_init(struct backend_metrics *own, unsigned operation, const char *name)
{
	for (unsigned error = 0; error < STATE_ERROR_COUNT; error++)
		own->own[operation][error] =
			mstat_counter_with(own_totals[operation], name, label_text(DOMAIN_STATE_ERROR, error));
	own->own_seconds[operation][false] = mstat_histogram_with(own_seconds[operation], name, "false");
	own->own_seconds[operation][true] = mstat_histogram_with(own_seconds[operation], name, "true");
}

static void operation_init(struct backend_metrics *own, unsigned operation, const char *name)
{
	const char *text = label_text(DOMAIN_STATE_OPERATION, operation);
	for (unsigned error = 0; error < STATE_ERROR_COUNT; error++) {
		const char *error_text = label_text(DOMAIN_STATE_ERROR, error);
		own->attempts[operation][error] = mstat_counter_with(&attempts_total, name, text, error_text);
		if (error != STATE_ERROR_NONE)
			own->errors[operation][error] = mstat_counter_with(&errors_total, name, text, error_text);
	}
	own->operations[operation] = mstat_counter_with(&operations_total, text, name);
	own->seconds[operation] = mstat_histogram_with(&operation_seconds, text, name);
}

void state_metrics_init(void)
{
	for (unsigned backend = 0; backend < BACKEND_COUNT; backend++) {
		struct backend_metrics *own = &metrics[backend];
		const char *name = label_text(DOMAIN_BACKEND, backend);
		for (unsigned operation = 0; operation < STATE_COUNT; operation++) {
			operation_init(own, operation, name);
			if (operation < OWN_COUNT)
				own_init(own, operation, name);
		}
		for (unsigned space = 0; space < NAMESPACE_COUNT; space++) {
			const char *text = label_text(DOMAIN_NAMESPACE, space);
			own->bytes[space] = mstat_gauge_with(&size_bytes, name, text);
			own->entries[space] = mstat_gauge_with(&entry_count, name, text);
		}
		own->attempts_each = mstat_histogram_with(&attempts_each, name);
		own->total_bytes = mstat_gauge_with(&total_bytes, name);
	}
}

void state_metrics_attempt(enum backend backend, enum state_operation operation, enum state_error error, bool hit,
			   int64_t ns)
{
	struct backend_metrics *own = &metrics[backend];
	mstat_inc(own->attempts[operation][error]);
	if (error != STATE_ERROR_NONE)
		mstat_inc(own->errors[operation][error]);
	if (operation < OWN_COUNT) {
		mstat_inc(own->own[operation][error]);
		mstat_observe_ns(own->own_seconds[operation][hit], ns);
	}
}

void state_metrics_operation(enum backend backend, enum state_operation operation, int attempts, int64_t ns)
{
	mstat_inc(metrics[backend].operations[operation]);
	mstat_observe(metrics[backend].attempts_each, attempts);
	mstat_observe_ns(metrics[backend].seconds[operation], ns);
}

void state_metrics_size(enum backend backend, enum state_namespace space, uint64_t bytes, uint64_t entries)
{
	mstat_gauge_set(metrics[backend].bytes[space], (int64_t)bytes);
	mstat_gauge_set(metrics[backend].entries[space], (int64_t)entries);
}

void state_metrics_total(enum backend backend, uint64_t bytes)
{
	mstat_gauge_set(metrics[backend].total_bytes, (int64_t)bytes);
}
