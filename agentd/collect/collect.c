/* SPDX-License-Identifier: MIT */
/* Runs the collectors of collectors.def. */
#include "collect.h"

#include <time.h>

#include <mstat/atomic.h>

#include "host_set.h"

static const struct collector_ops *const ops_of[COLLECTOR_COUNT] = {
#define COLLECTOR(name, ops) &ops,
#include "collectors.def"
#undef COLLECTOR
};

static const struct family_request success_family = {
	.name = "mstat_collector_success",
	.help = "Whether the collector succeeded in the last collection.",
	.type = METRIC_GAUGE,
};
static const struct family_request duration_family = {
	.name = "mstat_collector_duration_seconds",
	.help = "Time that the collector took in the last collection.",
	.unit = "seconds",
	.type = METRIC_GAUGE,
};
static const struct family_request collection_family = {
	.name = "mstat_collection_duration_seconds",
	.help = "Time that all collectors took in the last collection.",
	.unit = "seconds",
	.type = METRIC_GAUGE,
};
static const struct family_request collections_family = {
	.name = "mstat_collections",
	.help = "Collections since the agent started.",
	.type = METRIC_COUNTER,
};

static int64_t monotonic_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

void collect_init(struct collect *collect, void *const states[COLLECTOR_COUNT])
{
	*collect = (struct collect){.collections = 0};
	for (size_t i = 0; i < COLLECTOR_COUNT; i++)
		collect->collectors[i] = (struct collector){.ops = ops_of[i], .state = states[i]};
}

void collect_fini(struct collect *collect)
{
	for (size_t i = 0; i < COLLECTOR_COUNT; i++) {
		if (collect->collectors[i].ops && collect->collectors[i].ops->close)
			collect->collectors[i].ops->close(&collect->collectors[i]);
	}
}

void collect_sample(struct builder *builder, const struct family_request *family, const struct collect_labels *labels,
		    struct number number)
{
	struct label list[2];
	size_t count = 0;
	for (size_t i = 0; labels && i < 2; i++) {
		if (labels->names[i] && labels->values[i])
			list[count++] = (struct label){labels->names[i], labels->values[i]};
	}
	/* A conflict is counted by the builder and shows up in mstat_families_refused. */
	builder_sample(builder, family, list, count, number);
}

static int collector_run(struct collect *collect, struct collector *collector, struct builder *builder)
{
	const int64_t start_ns = monotonic_ns();
	mstat_store_relaxed(&collect->running, (uint8_t)(collector - collect->collectors));
	mstat_add_relaxed(&collect->steps, 1);
	const int r = collector->ops->collect(collector, builder);
	collector->last_duration_ns = monotonic_ns() - start_ns;
	collector->last_success = !r;
	return r;
}

const struct collector *collect_running(const struct collect *collect)
{
	return mstat_load_relaxed(&collect->busy) ? &collect->collectors[mstat_load_relaxed(&collect->running)] : NULL;
}

/* The host runs if one of its collectors does. */
static bool collector_asked(size_t index, const struct selection *selection)
{
	if (index != COLLECTOR_HOST)
		return selection_has(selection, index);
	for (size_t i = 0; i < HOST_INDEX_COUNT; i++)
		if (selection_has(selection, COLLECTOR_COUNT + i))
			return true;
	return false;
}

static void collect_sample_results(const struct collect *collect, struct builder *builder,
				   const struct selection *selection)
{
	for (size_t i = 0; i < COLLECTOR_COUNT; i++) {
		const struct collector *collector = &collect->collectors[i];
		if (!collector_asked(i, selection))
			continue;
		const struct collect_labels labels = {.names = {"collector"}, .values = {collector->ops->name}};
		collect_sample(builder, &success_family, &labels, NUMBER_U64_OF(collector->last_success));
		collect_sample(builder, &duration_family, &labels, NUMBER_SECONDS_OF(collector->last_duration_ns));
	}
	if (!selection_has(selection, COLLECTOR_SELF))
		return;
	collect_sample(builder, &collection_family, NULL, NUMBER_SECONDS_OF(collect->last_duration_ns));
	collect_sample(builder, &collections_family, NULL, NUMBER_U64_OF(collect->collections));
}

const struct collector *collect_run(struct collect *collect, struct builder *builder,
				    const struct collect_request *request, int *error)
{
	const struct collector *failed = NULL;
	const int64_t start_ns = monotonic_ns();
	mstat_store_relaxed(&collect->busy, true);
	if (collect->collectors[COLLECTOR_HOST].state)
		host_set_ask(collect->collectors[COLLECTOR_HOST].state, request);
	for (size_t i = 0; i < COLLECTOR_COUNT; i++) {
		if (!collector_asked(i, request->selection))
			continue;
		const int r = collector_run(collect, &collect->collectors[i], builder);
		if (r && !failed) {
			failed = &collect->collectors[i];
			*error = r;
		}
	}
	collect->collections++;
	collect->last_duration_ns = monotonic_ns() - start_ns;
	collect_sample_results(collect, builder, request->selection);
	mstat_store_relaxed(&collect->busy, false);
	return failed;
}
