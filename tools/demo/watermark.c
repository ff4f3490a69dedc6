/* SPDX-License-Identifier: MIT */
/* One watermark a source, and the stream's. */
#include "watermark.h"

#include <mstat/mstat.h>

#define LATENESS_NS 500000000

MSTAT_GAUGE_F64_AS(timestamps, MSTAT_MAX | MSTAT_LIVE, "watermark_current_timestamp_seconds", "seconds",
		   "Time since 1970 up to which events of a source are believed to have come.", "pipeline", "source");
MSTAT_GAUGE_F64_AS(lags, MSTAT_MAX | MSTAT_LIVE, "watermark_lag_seconds", "seconds",
		   "How far the watermark of a source is behind the clock.", "pipeline", "source");

static struct {
	mstat_gauge_f64 *timestamp, *lag;
	int64_t ns; /* 0: no event yet */
} marks[PIPELINE_COUNT][EVENT_COUNT];
static int64_t stream_ns;

void watermark_init(void)
{
	for (unsigned source = 0; source < EVENT_COUNT; source++) {
		enum pipeline pipeline = event_pipeline((enum event_type)source);
		const char *name = label_text(DOMAIN_PIPELINE, pipeline);
		const char *text = label_text(DOMAIN_EVENT_TYPE, source);
		marks[pipeline][source].timestamp = mstat_gauge_f64_with(&timestamps, name, text);
		marks[pipeline][source].lag = mstat_gauge_f64_with(&lags, name, text);
	}
}

void watermark_advance(enum pipeline pipeline, enum event_type source, int64_t time_ns)
{
	int64_t ns = time_ns - LATENESS_NS;
	if (ns > marks[pipeline][source].ns)
		marks[pipeline][source].ns = ns;
	if (ns > stream_ns)
		stream_ns = ns;
}

int64_t watermark_ns(void)
{
	return stream_ns;
}

void watermark_show(int64_t now_ns)
{
	for (unsigned pipeline = 0; pipeline < PIPELINE_COUNT; pipeline++) {
		for (unsigned source = 0; source < EVENT_COUNT; source++) {
			if (!marks[pipeline][source].ns)
				continue;
			int64_t lag_ns = now_ns - marks[pipeline][source].ns;
			mstat_gauge_f64_set(marks[pipeline][source].timestamp,
					    (double)marks[pipeline][source].ns / 1e9);
			mstat_gauge_f64_set(marks[pipeline][source].lag, (double)lag_ns / 1e9);
		}
	}
}
