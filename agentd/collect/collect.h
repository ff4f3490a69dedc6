/* SPDX-License-Identifier: MIT */
/* Runs the collectors of collectors.def, and tells how each fared (mstat_collector_success and _duration_seconds). */
#ifndef AGENTD_COLLECT_COLLECT_H
#define AGENTD_COLLECT_COLLECT_H

#include "collector.h"
#include "selection.h"

enum collector_index {
#define COLLECTOR(name, ops) COLLECTOR_##name,
#include "collectors.def"
#undef COLLECTOR
	COLLECTOR_COUNT
};

#define COLLECTOR(name, ops) extern const struct collector_ops ops;
#include "collectors.def"
#undef COLLECTOR

struct collect {
	struct collector collectors[COLLECTOR_COUNT];
	uint64_t collections; /* since the start */
	/* For whoever watches from another thread; relaxed. */
	uint64_t steps;           /* collectors that have begun since the start */
	uint8_t running;          /* the one that began last */
	bool busy;                /* a collection is under way */
	int64_t last_duration_ns; /* of all collectors together */
};

/* `states` are the collectors' own, by enum collector_index; a collector with a close function takes its state over. */
void collect_init(struct collect *collect, void *const states[COLLECTOR_COUNT]);
void collect_fini(struct collect *collect);

/* Runs all collectors, or those that are asked for; one that fails does not keep the others from running. Returns the
 * first failing collector, with its -errno in *error, or NULL. One thread at a time. */
const struct collector *collect_run(struct collect *collect, struct builder *builder,
				    const struct collect_request *request, int *error);

/* Samples a family whose series have at most two labels with fixed names; those with NULL values are left out. */
struct collect_labels {
	const char *names[2];
	const char *values[2];
};
void collect_sample(struct builder *builder, const struct family_request *family, const struct collect_labels *labels,
		    struct number number);

/* The collector that a collection is at, or NULL. Any thread. */
const struct collector *collect_running(const struct collect *collect);

#define NUMBER_U64_OF(value) ((struct number){.type = NUMBER_U64, .u64 = (value)})
#define NUMBER_F64_OF(value) ((struct number){.type = NUMBER_F64, .f64 = (value)})
/* Nanoseconds inside, seconds outside. */
#define NUMBER_SECONDS_OF(ns) NUMBER_F64_OF((double)(ns) / 1e9)

#endif
