/* SPDX-License-Identifier: MIT */
/* Three kinds of windows in a table; up to WINDOWS of each are open at a time. */
#include "window.h"

#include <mstat/mstat.h>

#include "watermark.h"

#define WINDOWS 16u
#define SESSIONS 8u

enum kind { KIND_TUMBLING, KIND_SLIDING, KIND_SESSION, KIND_COUNT };
static const struct {
	const char *type, *size, *strategy;
	int64_t length_ns; /* of sessions: the pause that ends one */
	int64_t slide_ns;
} kinds[KIND_COUNT] = {
	[KIND_TUMBLING] = {"tumbling", "2s", "bounded_lateness", 2000000000, 2000000000},
	[KIND_SLIDING] = {"sliding", "4s", "bounded_lateness", 4000000000, 1000000000},
	[KIND_SESSION] = {"session", "250ms", "bounded_lateness", 250000000, 0},
};

static const struct mstat_buckets byte_buckets = {.scale = 1, MSTAT_BOUNDS(1e2, 1e3, 1e4, 1e5, 1e6)};
static const struct mstat_buckets event_buckets = {.scale = 1, MSTAT_BOUNDS(1, 10, 100, 1000, 10000)};
#define LABELS "window_type", "window_size", "watermark_strategy"

MSTAT_COUNTER(opened_total, "window_opened_total", "Windows begun.", LABELS);
MSTAT_COUNTER(triggered_total, "window_triggered_total", "Windows that ended and gave their result.", LABELS);
MSTAT_COUNTER(late_total, "window_late_data_dropped_total", "Events that came after their window had ended.", LABELS);
MSTAT_GAUGE(active, "window_active", "Windows that are open.", LABELS);
MSTAT_HISTOGRAM_AS(sizes, &byte_buckets, "window_size_bytes", "bytes", "Bytes of events in a window when it ended.",
		   LABELS);
MSTAT_GAUGE_HISTOGRAM_AS(fillings, &event_buckets, "window_size_events", "", "Events in the windows that are open.",
			 "window_type");

static struct {
	mstat_counter *opened, *triggered, *late;
	mstat_gauge *active;
	mstat_histogram *sizes;
	mstat_gauge_histogram *fillings;
} metrics[KIND_COUNT];

static struct window {
	int64_t start_ns;
	int64_t end_ns; /* 0: free */
	uint32_t session;
	uint64_t events;
	uint64_t bytes;
} windows[KIND_COUNT][WINDOWS];

void window_init(void)
{
	for (unsigned i = 0; i < KIND_COUNT; i++) {
		const char *type = kinds[i].type, *size = kinds[i].size, *strategy = kinds[i].strategy;
		metrics[i].opened = mstat_counter_with(&opened_total, type, size, strategy);
		metrics[i].triggered = mstat_counter_with(&triggered_total, type, size, strategy);
		metrics[i].late = mstat_counter_with(&late_total, type, size, strategy);
		metrics[i].active = mstat_gauge_with(&active, type, size, strategy);
		metrics[i].sizes = mstat_histogram_with(&sizes, type, size, strategy);
		metrics[i].fillings = mstat_gauge_histogram_with(&fillings, type);
		mstat_gauge_set(metrics[i].active, 0);
	}
	watermark_init();
}

/* Whether an event belongs to a session: none of its pauses would be too long. */
static bool session_takes(const struct window *window, int64_t time_ns, uint32_t session)
{
	return window->session == session && time_ns < window->end_ns &&
	       time_ns > window->start_ns - kinds[KIND_SESSION].length_ns;
}

static struct window *window_find(enum kind kind, int64_t time_ns, int64_t start_ns, uint32_t session)
{
	for (unsigned i = 0; i < WINDOWS; i++) {
		struct window *window = &windows[kind][i];
		if (window->end_ns &&
		    (kind == KIND_SESSION ? session_takes(window, time_ns, session) : window->start_ns == start_ns))
			return window;
	}
	return NULL;
}

static struct window *window_open(enum kind kind, int64_t start_ns, uint32_t session)
{
	unsigned i = 0;
	while (i < WINDOWS && windows[kind][i].end_ns)
		i++;
	if (i == WINDOWS)
		return NULL;
	windows[kind][i] = (struct window){start_ns, start_ns + kinds[kind].length_ns, session, 0, 0};
	mstat_inc(metrics[kind].opened);
	mstat_gauge_inc(metrics[kind].active);
	mstat_gauge_histogram_add(metrics[kind].fillings, 0);
	return &windows[kind][i];
}

static void window_fill(enum kind kind, struct window *window, const struct event *event)
{
	mstat_gauge_histogram_remove(metrics[kind].fillings, (int64_t)window->events);
	window->events++;
	window->bytes += event->bytes;
	mstat_gauge_histogram_add(metrics[kind].fillings, (int64_t)window->events);
	if (kind != KIND_SESSION)
		return;
	if (event->time_ns < window->start_ns)
		window->start_ns = event->time_ns;
	if (event->time_ns + kinds[kind].length_ns > window->end_ns)
		window->end_ns = event->time_ns + kinds[kind].length_ns;
}

/* Adds to the one window that begins at start_ns; false: it has ended, or there is no place for another. */
static bool window_put(enum kind kind, const struct event *event, int64_t start_ns)
{
	uint32_t session = event->user % SESSIONS;
	struct window *window = window_find(kind, event->time_ns, start_ns, session);
	if (!window && start_ns + kinds[kind].length_ns > watermark_ns())
		window = window_open(kind, start_ns, session);
	if (!window) {
		mstat_inc(metrics[kind].late);
		return false;
	}
	window_fill(kind, window, event);
	return true;
}

bool window_add(const struct event *event, enum pipeline pipeline)
{
	bool taken = false;
	watermark_advance(pipeline, (enum event_type)event->type, event->time_ns);
	for (unsigned i = 0; i < KIND_COUNT; i++) {
		enum kind kind = (enum kind)i;
		int64_t slide_ns = kinds[kind].slide_ns;
		if (!slide_ns) {
			taken |= window_put(kind, event, event->time_ns);
			continue;
		}
		int64_t last_ns = event->time_ns / slide_ns * slide_ns;
		for (int64_t start_ns = last_ns; start_ns > event->time_ns - kinds[kind].length_ns;
		     start_ns -= slide_ns)
			taken |= window_put(kind, event, start_ns);
	}
	return taken;
}

static void window_trigger(enum kind kind, struct window *window)
{
	mstat_inc(metrics[kind].triggered);
	mstat_gauge_dec(metrics[kind].active);
	mstat_observe(metrics[kind].sizes, (int64_t)window->bytes);
	mstat_gauge_histogram_remove(metrics[kind].fillings, (int64_t)window->events);
	*window = (struct window){0};
}

void window_tick(int64_t now_ns)
{
	watermark_show(now_ns);
	for (unsigned kind = 0; kind < KIND_COUNT; kind++)
		for (unsigned i = 0; i < WINDOWS; i++)
			if (windows[kind][i].end_ns && windows[kind][i].end_ns <= watermark_ns())
				window_trigger((enum kind)kind, &windows[kind][i]);
}
