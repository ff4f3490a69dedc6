/* SPDX-License-Identifier: MIT */
/* Two bandits of three arms. */
#include "bandit.h"

#include <mstat/mstat.h>

#include "random.h"

#define ARMS 3u
#define EXPLORES_PERCENT 10
#define LABELS "bandit_id", "arm_id", "parameter"

MSTAT_COUNTER(pulls_total, "bandit_arm_pulls_total", "How often an arm was pulled.", LABELS);
MSTAT_COUNTER_F64(rewards_total, "bandit_arm_rewards_total", "Rewards of an arm, each from 0 to 1.", LABELS);
MSTAT_GAUGE_F64(regrets, "bandit_cumulative_regret", "Expected reward that was missed by pulling this arm.", LABELS);
MSTAT_COUNTER(explorations_total, "bandit_explorations_total", "Pulls of an arm taken by chance.", LABELS);

static const struct {
	const char *name, *parameter;
	const char *arms[ARMS];
	double means[ARMS];
} table[] = {
	{"model_router", "model", {"small", "medium", "large"}, {0.45, 0.6, 0.55}},
	{"temperature_picker", "temperature", {"0.2", "0.7", "1.0"}, {0.5, 0.65, 0.4}},
};
#define BANDITS (sizeof(table) / sizeof(table[0]))

static struct arm {
	mstat_counter *pulls, *explorations;
	mstat_counter_f64 *rewards;
	mstat_gauge_f64 *regret;
	double pulled, rewarded;
} arms[BANDITS][ARMS];

void bandit_init(void)
{
	for (unsigned bandit = 0; bandit < BANDITS; bandit++) {
		for (unsigned i = 0; i < ARMS; i++) {
			const char *name = table[bandit].name, *arm = table[bandit].arms[i];
			const char *parameter = table[bandit].parameter;
			arms[bandit][i].pulls = mstat_counter_with(&pulls_total, name, arm, parameter);
			arms[bandit][i].explorations = mstat_counter_with(&explorations_total, name, arm, parameter);
			arms[bandit][i].rewards = mstat_counter_f64_with(&rewards_total, name, arm, parameter);
			arms[bandit][i].regret = mstat_gauge_f64_with(&regrets, name, arm, parameter);
			mstat_gauge_f64_set(arms[bandit][i].regret, 0);
		}
	}
}

/* The arm with the best mean so far; one that was never pulled is better than any. */
static unsigned arm_best(unsigned bandit)
{
	unsigned best = 0;
	double best_mean = -1;
	for (unsigned i = 0; i < ARMS; i++) {
		const struct arm *arm = &arms[bandit][i];
		double mean = arm->pulled > 0 ? arm->rewarded / arm->pulled : 1;
		if (mean > best_mean) {
			best = i;
			best_mean = mean;
		}
	}
	return best;
}

static double mean_best(unsigned bandit)
{
	double best = 0;
	for (unsigned i = 0; i < ARMS; i++)
		best = table[bandit].means[i] > best ? table[bandit].means[i] : best;
	return best;
}

static void arm_pull(unsigned bandit, uint64_t *random)
{
	int explores = random_percent(random, EXPLORES_PERCENT);
	unsigned i = explores ? random_below(random, ARMS) : arm_best(bandit);
	struct arm *arm = &arms[bandit][i];
	double mean = table[bandit].means[i];
	double reward = mean + (random_unit(random) - 0.5) * 0.6; /* 0.1 to 0.95 */
	arm->pulled++;
	arm->rewarded += reward;
	mstat_inc(arm->pulls);
	mstat_add_f64(arm->rewards, reward);
	mstat_gauge_f64_add(arm->regret, mean_best(bandit) - mean);
	if (explores)
		mstat_inc(arm->explorations);
}

void bandit_pull(uint64_t *random)
{
	for (unsigned bandit = 0; bandit < BANDITS; bandit++)
		arm_pull(bandit, random);
}
