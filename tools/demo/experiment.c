/* SPDX-License-Identifier: MIT */
/* Two tests of two variants. */
#include "experiment.h"

#include <math.h>
#include <stdbool.h>

#include <mstat/mstat.h>

#include "random.h"

#define VARIANTS 2u
#define VISITS_MIN 400u
#define VISITS_MAX 20000u
#define DECIDED 0.95
#define REST_NS 5000000000
#define LABELS "experiment_id", "variant_id", "metric_name"

MSTAT_GAUGE(actives, "ab_test_active", "Whether a test is running: 1 or 0.", LABELS);
MSTAT_COUNTER(assignments_total, "ab_test_assignments_total", "Visits assigned to a variant.", LABELS);
MSTAT_COUNTER(conversions_total, "ab_test_conversions_total", "Visits that converted.", LABELS);
MSTAT_GAUGE_F64(confidences, "ab_test_confidence", "Confidence that the variants of a test differ, 0 to 1.", LABELS);

static const char *const variant_texts[VARIANTS] = {"control", "treatment"};
static const struct {
	const char *name, *metric;
	uint32_t percent[VARIANTS]; /* chance to convert */
} tests[] = {
	{"prompt_template", "accepted_answer", {40, 46}},
	{"routing_policy", "second_question", {20, 21}},
};
#define TESTS (sizeof(tests) / sizeof(tests[0]))

static struct trial {
	struct {
		mstat_gauge *active;
		mstat_counter *assignments, *conversions;
		mstat_gauge_f64 *confidence;
		uint32_t visits, converted;
	} variants[VARIANTS];
	int64_t resting_until_ns; /* 0: it is running */
} trials[TESTS];

static void trial_show(struct trial *trial, bool running, double confidence)
{
	for (unsigned i = 0; i < VARIANTS; i++) {
		mstat_gauge_set(trial->variants[i].active, running);
		mstat_gauge_f64_set(trial->variants[i].confidence, confidence);
	}
}

void experiment_init(void)
{
	for (unsigned test = 0; test < TESTS; test++) {
		for (unsigned i = 0; i < VARIANTS; i++) {
			const char *name = tests[test].name, *variant = variant_texts[i], *metric = tests[test].metric;
			trials[test].variants[i].active = mstat_gauge_with(&actives, name, variant, metric);
			trials[test].variants[i].assignments =
				mstat_counter_with(&assignments_total, name, variant, metric);
			trials[test].variants[i].conversions =
				mstat_counter_with(&conversions_total, name, variant, metric);
			trials[test].variants[i].confidence = mstat_gauge_f64_with(&confidences, name, variant, metric);
		}
		trial_show(&trials[test], true, 0);
	}
}

/* 1 - p of the z-test; 0 while there are no conversions to compare. */
static double trial_confidence(const struct trial *trial)
{
	double n[VARIANTS], rate[VARIANTS];
	for (unsigned i = 0; i < VARIANTS; i++) {
		n[i] = trial->variants[i].visits;
		if (n[i] <= 0)
			return 0;
		rate[i] = trial->variants[i].converted / n[i];
	}
	double pooled = (rate[0] * n[0] + rate[1] * n[1]) / (n[0] + n[1]);
	double variance = pooled * (1 - pooled) * (1 / n[0] + 1 / n[1]);
	return variance > 0 ? erf(fabs(rate[1] - rate[0]) / sqrt(2 * variance)) : 0;
}

static void trial_visit(unsigned test, uint32_t user, int64_t now_ns, uint64_t *random)
{
	struct trial *trial = &trials[test];
	unsigned variant = (user * 2654435761u >> (16 + test)) % VARIANTS;
	trial->variants[variant].visits++;
	mstat_inc(trial->variants[variant].assignments);
	if (random_percent(random, tests[test].percent[variant])) {
		trial->variants[variant].converted++;
		mstat_inc(trial->variants[variant].conversions);
	}
	uint32_t visits = trial->variants[0].visits + trial->variants[1].visits;
	double confidence = trial_confidence(trial);
	bool decided = visits >= VISITS_MAX || (visits >= VISITS_MIN && confidence >= DECIDED);
	trial_show(trial, !decided, confidence);
	if (decided)
		trial->resting_until_ns = now_ns + REST_NS;
}

void experiment_visit(uint32_t user, int64_t now_ns, uint64_t *random)
{
	for (unsigned test = 0; test < TESTS; test++) {
		struct trial *trial = &trials[test];
		if (now_ns < trial->resting_until_ns)
			continue;
		if (trial->resting_until_ns) {
			for (unsigned i = 0; i < VARIANTS; i++)
				trial->variants[i].visits = trial->variants[i].converted = 0;
			trial->resting_until_ns = 0;
		}
		trial_visit(test, user, now_ns, random);
	}
}
