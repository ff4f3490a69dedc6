/* SPDX-License-Identifier: MIT */
/* Checkpoints in turn. Their time is drawn around what a volume of 20 MB/s would take. */
#include "checkpoint.h"

#include <mstat/mstat.h>

#include "disk.h"
#include "labels.h"
#include "random.h"
#include "state.h"

#define EVERY_NS 250000000
#define FULL_EVERY 4u
#define NS_PER_BYTE 50
#define START_NS 20000000
#define FAILS_PERCENT 15

MSTAT_COUNTER(checkpoints_total, "state_checkpoints_total", "Checkpoints begun.", "checkpoint_type", "backend_type");
MSTAT_COUNTER(failures_total, "state_checkpoint_failures_total", "Checkpoints that failed.", "checkpoint_type",
	      "backend_type");
MSTAT_HISTOGRAM_AS(seconds, MSTAT_BOTH, "state_checkpoint_duration_seconds", "seconds", "Time of a checkpoint.",
		   "checkpoint_type", "backend_type");
MSTAT_GAUGE_AS(size_bytes, MSTAT_SUM | MSTAT_LIVE, "state_checkpoint_size_bytes", "bytes",
	       "Size of the last checkpoint that succeeded.", "checkpoint_type", "backend_type");

enum type { TYPE_FULL, TYPE_INCREMENTAL, TYPE_COUNT };
static const char *const type_texts[TYPE_COUNT] = {"full", "incremental"};

static struct {
	mstat_counter *begun, *failed;
	mstat_histogram *seconds;
	mstat_gauge *size_bytes;
} metrics[TYPE_COUNT][BACKEND_COUNT];

static int64_t next_ns;
static uint32_t turn;

void checkpoint_init(void)
{
	for (unsigned type = 0; type < TYPE_COUNT; type++) {
		for (unsigned backend = 0; backend < BACKEND_COUNT; backend++) {
			const char *name = label_text(DOMAIN_BACKEND, backend), *text = type_texts[type];
			metrics[type][backend].begun = mstat_counter_with(&checkpoints_total, text, name);
			metrics[type][backend].failed = mstat_counter_with(&failures_total, text, name);
			metrics[type][backend].seconds = mstat_histogram_with(&seconds, text, name);
			metrics[type][backend].size_bytes = mstat_gauge_with(&size_bytes, text, name);
			mstat_gauge_set(metrics[type][backend].size_bytes, 0);
		}
	}
}

void checkpoint_tick(int64_t now_ns, uint64_t *random)
{
	if (now_ns < next_ns)
		return;
	enum backend backend = (enum backend)(turn % BACKEND_COUNT);
	enum type type = turn / BACKEND_COUNT % FULL_EVERY == 0 ? TYPE_FULL : TYPE_INCREMENTAL;
	uint64_t live = state_bytes(backend), bytes = live;
	if (type == TYPE_INCREMENTAL)
		bytes = (uint64_t)((double)live * random_unit(random) / 4);
	mstat_inc(metrics[type][backend].begun);
	mstat_observe_ns(metrics[type][backend].seconds,
			 random_duration_ns(random, START_NS + NS_PER_BYTE * (int64_t)bytes));
	if (random_percent(random, FAILS_PERCENT)) {
		mstat_inc(metrics[type][backend].failed);
	} else {
		disk_write(bytes, live);
		mstat_gauge_set(metrics[type][backend].size_bytes, (int64_t)bytes);
	}
	turn++;
	next_ns = now_ns + EVERY_NS;
}
