/* SPDX-License-Identifier: MIT */
/* The loop of the stream process, and the simulated transport before it, which brings some events twice and some late.
 */
#include "stream_process.h"

#include <signal.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#include <mstat/mstat.h>

#include "process_memory.h"
#include "random.h"
#include "stream.h"
#include "stream_metrics.h"

#define TICK_NS 50000000
#define READ_EVENTS 64u
#define READS_MAX 8u /* in a tick: a flood must not keep the operators from working */
#define DUPLICATES_PERCENT 1
#define DELAYS_PERCENT 2
#define DELAY_NS_MAX 8000000000.0
#define HELD_MAX 64u

static uint64_t random_state;

/* Events on their way for longer. */
static struct held {
	struct event event;
	int64_t due_ns; /* 0: free */
} held[HELD_MAX];

static bool hold(const struct event *event, int64_t now_ns)
{
	for (unsigned i = 0; i < HELD_MAX; i++) {
		if (!held[i].due_ns) {
			held[i].event = *event;
			held[i].due_ns = now_ns + (int64_t)(random_unit(&random_state) * DELAY_NS_MAX);
			return true;
		}
	}
	return false;
}

static void held_release(int64_t now_ns)
{
	for (unsigned i = 0; i < HELD_MAX; i++) {
		if (held[i].due_ns && held[i].due_ns <= now_ns) {
			held[i].due_ns = 0;
			stream_accept(&held[i].event);
		}
	}
}

static void transport(const struct event *event, int64_t now_ns)
{
	if (random_percent(&random_state, DELAYS_PERCENT) && hold(event, now_ns))
		return;
	stream_accept(event);
	if (random_percent(&random_state, DUPLICATES_PERCENT))
		stream_accept(event);
}

static void events_read(int fd, int64_t now_ns)
{
	struct event events[READ_EVENTS];
	for (unsigned reads = 0; reads < READS_MAX; reads++) {
		uint32_t count = event_read(fd, events, READ_EVENTS);
		for (uint32_t i = 0; i < count; i++)
			transport(&events[i], now_ns);
		if (count < READ_EVENTS)
			return;
	}
}

int stream_process_run(int event_fd)
{
	sigset_t stop;
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	random_state = (uint64_t)getpid() << 32 | (uint32_t)event_now_ns();
	process_memory_init();
	stream_init();
	/* sigtimedwait() is the clock: a tick each time that no signal came. */
	for (;;) {
		if (sigtimedwait(&stop, NULL, &(struct timespec){0, TICK_NS}) == SIGTERM)
			return 0;
		int64_t now_ns = event_now_ns();
		stream_pipe_show(event_fd);
		held_release(now_ns);
		events_read(event_fd, now_ns);
		stream_tick(now_ns, &random_state);
		process_memory_tick(now_ns);
	}
}
