/* SPDX-License-Identifier: MIT */
/* Three optimisers, which differ by how far from the best they look. */
#include "parameter.h"

#include <math.h>

#include <mstat/mstat.h>

#include "random.h"

#define DRIFT_PERIOD_S 60.0
#define NOISE 0.02
#define FORGET 0.995 /* a score that was good once must not stay for ever */
#define LABELS "parameter_name", "optimization_algorithm"

MSTAT_COUNTER(updates_total, "param_optimization_updates_total", "How often a better value was found.", LABELS);
MSTAT_GAUGE_F64_AS(values, MSTAT_LAST, "param_optimization_current_value", "", "Value that is in use.", LABELS);
MSTAT_GAUGE_F64_AS(scores, MSTAT_LAST, "param_optimization_performance_score", "", "Score of the value in use, 0 to 1.",
		   LABELS);
MSTAT_COUNTER(iterations_total, "param_optimization_iterations_total", "Values tried.", LABELS);
MSTAT_HISTOGRAM_F64(tried_scores, "param_optimization_tried_score", "Scores of all values tried.", LABELS);

static const struct {
	const char *name, *algorithm;
	double minimum, maximum, step; /* of the range, how far a proposal may be from the best; 1: anywhere */
} table[] = {
	{"temperature", "hill_climbing", 0, 2, 0.05},
	{"top_p", "simulated_annealing", 0, 1, 0.2},
	{"batch_size", "random_search", 1, 64, 1},
};
#define OPTIMIZERS (sizeof(table) / sizeof(table[0]))

static struct optimizer {
	mstat_counter *updates, *iterations;
	mstat_gauge_f64 *value_gauge, *score_gauge;
	mstat_histogram_f64 *tried;
	double value, score;
} optimizers[OPTIMIZERS];

void parameter_init(void)
{
	for (unsigned i = 0; i < OPTIMIZERS; i++) {
		struct optimizer *optimizer = &optimizers[i];
		const char *name = table[i].name, *algorithm = table[i].algorithm;
		optimizer->updates = mstat_counter_with(&updates_total, name, algorithm);
		optimizer->iterations = mstat_counter_with(&iterations_total, name, algorithm);
		optimizer->value_gauge = mstat_gauge_f64_with(&values, name, algorithm);
		optimizer->score_gauge = mstat_gauge_f64_with(&scores, name, algorithm);
		optimizer->tried = mstat_histogram_f64_with(&tried_scores, name, algorithm);
		optimizer->value = (table[i].minimum + table[i].maximum) / 2;
		mstat_gauge_f64_set(optimizer->value_gauge, optimizer->value);
		mstat_gauge_f64_set(optimizer->score_gauge, 0);
	}
}

/* 1 at the peak, which wanders through the middle half of the range. */
static double score_of(unsigned i, double value, int64_t now_ns, uint64_t *random)
{
	double phase = (double)now_ns / 1e9 * 2 * M_PI / DRIFT_PERIOD_S + i;
	double width = table[i].maximum - table[i].minimum;
	double peak = table[i].minimum + width * (0.5 + 0.25 * sin(phase));
	double distance = (value - peak) / width;
	double score = 1 / (1 + 20 * distance * distance) - NOISE * random_unit(random);
	return score > 0 ? score : 0;
}

static double propose(unsigned i, uint64_t *random)
{
	double width = table[i].maximum - table[i].minimum;
	double value = optimizers[i].value + (2 * random_unit(random) - 1) * table[i].step * width;
	if (table[i].step >= 1)
		value = table[i].minimum + random_unit(random) * width;
	return fmin(fmax(value, table[i].minimum), table[i].maximum);
}

void parameter_iterate(int64_t now_ns, uint64_t *random)
{
	for (unsigned i = 0; i < OPTIMIZERS; i++) {
		struct optimizer *optimizer = &optimizers[i];
		double value = propose(i, random);
		double score = score_of(i, value, now_ns, random);
		mstat_inc(optimizer->iterations);
		mstat_observe_f64(optimizer->tried, score);
		optimizer->score *= FORGET;
		if (score > optimizer->score) {
			optimizer->value = value;
			optimizer->score = score;
			mstat_inc(optimizer->updates);
		}
		mstat_gauge_f64_set(optimizer->value_gauge, optimizer->value);
		mstat_gauge_f64_set(optimizer->score_gauge, optimizer->score);
	}
}
