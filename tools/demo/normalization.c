/* SPDX-License-Identifier: MIT */
/* One ring of points a source, a quarter of a second apart. */
#include "normalization.h"

#include <string.h>

#include <mstat/mstat.h>

#define STEP_NS 250000000
#define POINTS 64 /* a power of two; a longer gap begins a new series */

MSTAT_COUNTER(events_total, "normalization_events_total", "Events that were put in order.");
MSTAT_COUNTER(gaps_total, "normalization_gaps_detected_total", "Runs of steps in which a source had no event.");
MSTAT_COUNTER(disordered_total, "normalization_out_of_order_events_total",
	      "Events that are older than one that came before.");
MSTAT_COUNTER(fills_total, "normalization_fill_operations_total", "Points made up for steps without an event.",
	      "strategy");

enum strategy { STRATEGY_FORWARD, STRATEGY_LINEAR, STRATEGY_ZERO, STRATEGY_COUNT };
static const char *const strategy_texts[STRATEGY_COUNT] = {"forward_fill", "linear", "zero"};

static const enum strategy strategies[EVENT_COUNT] = {
	[EVENT_REGISTRATION] = STRATEGY_ZERO,
	[EVENT_COMPLETION] = STRATEGY_LINEAR,
	[EVENT_OPTIMIZATION] = STRATEGY_FORWARD,
	[EVENT_LOOKUP] = STRATEGY_LINEAR,
};

static struct {
	mstat_counter *events, *gaps, *disordered, *fills[STRATEGY_COUNT];
} metrics;

static struct source {
	int64_t last_step; /* 0: none yet */
	int64_t last_time_ns;
	double points[POINTS]; /* bytes a step */
} sources[EVENT_COUNT];

void normalization_init(void)
{
	metrics.events = mstat_counter_with(&events_total);
	metrics.gaps = mstat_counter_with(&gaps_total);
	metrics.disordered = mstat_counter_with(&disordered_total);
	for (unsigned i = 0; i < STRATEGY_COUNT; i++)
		metrics.fills[i] = mstat_counter_with(&fills_total, strategy_texts[i]);
}

static double *point(struct source *source, int64_t step)
{
	return &source->points[step & (POINTS - 1)];
}

/* Makes up the points between the last step and this one, which has `bytes`. */
static void gap_fill(struct source *source, enum strategy strategy, int64_t step, double bytes)
{
	double before = *point(source, source->last_step);
	int64_t width = step - source->last_step;
	for (int64_t i = 1; i < width; i++) {
		double value = strategy == STRATEGY_ZERO ? 0 : before;
		if (strategy == STRATEGY_LINEAR)
			value += (bytes - before) * (double)i / (double)width;
		*point(source, source->last_step + i) = value;
		mstat_inc(metrics.fills[strategy]);
	}
	mstat_inc(metrics.gaps);
}

static void step_begin(struct source *source, enum strategy strategy, int64_t step, double bytes)
{
	int64_t width = step - source->last_step;
	if (!source->last_step || width >= POINTS)
		memset(source->points, 0, sizeof(source->points));
	else if (width > 1)
		gap_fill(source, strategy, step, bytes);
	*point(source, step) = 0;
	source->last_step = step;
}

void normalization_add(const struct event *event)
{
	struct source *source = &sources[event->type];
	int64_t step = event->time_ns / STEP_NS;
	mstat_inc(metrics.events);
	if (event->time_ns < source->last_time_ns)
		mstat_inc(metrics.disordered);
	else
		source->last_time_ns = event->time_ns;
	if (step > source->last_step)
		step_begin(source, strategies[event->type], step, event->bytes);
	if (step > source->last_step - POINTS) /* older points are gone */
		*point(source, step) += event->bytes;
}
