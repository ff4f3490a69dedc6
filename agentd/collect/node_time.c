/* SPDX-License-Identifier: MIT */
/* The clock, its zone, and what drives it: /sys/devices/system/clocksource. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host.h"

#define SOURCES_PATH "devices/system/clocksource"

static const struct host_family seconds_family =
	HOST_GAUGE("node_time_seconds", "System time in seconds since epoch (1970).");
static const struct host_family zone_family =
	HOST_GAUGE("node_time_zone_offset_seconds", "System time zone offset in seconds.", "time_zone");
static const struct host_family available_family =
	HOST_GAUGE("node_time_clocksource_available_info",
		   "Available clocksources read from '/sys/devices/system/clocksource'.", "device", "clocksource");
static const struct host_family current_family =
	HOST_GAUGE("node_time_clocksource_current_info",
		   "Current clocksource read from '/sys/devices/system/clocksource'.", "device", "clocksource");

static void source_sample(struct host *host, const char *device)
{
	char path[HOST_PATH_MAX], text[512];
	if (host_read_string(host, HOST_SYS,
			     host_format(path, SOURCES_PATH "/clocksource%s/available_clocksource", device), text,
			     sizeof(text)))
		return;
	char *rest = NULL;
	for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		host_u64(host, &available_family, 1, device, word);
	if (!host_read_string(host, HOST_SYS,
			      host_format(path, SOURCES_PATH "/clocksource%s/current_clocksource", device), text,
			      sizeof(text)) &&
	    *text)
		host_u64(host, &current_family, 1, device, text);
}

/* The directory has the same names as long as the kernel runs; it is listed again now and then for whoever mounts
 * another one over it. */
#define LIST_EVERY 64u
struct time_state {
	struct host_list sources;
	unsigned age;
};

static int time_open(struct host *host)
{
	host->state = calloc(1, sizeof(struct time_state));
	return host->state ? 0 : -ENOMEM;
}

static void time_close(struct host *host)
{
	free(host->state);
}

static int time_collect(struct host *host)
{
	static const char prefix[] = "clocksource";
	struct time_state *state = host->state;
	struct host_list *sources = &state->sources;
	struct timespec now;
	struct tm local;
	clock_gettime(CLOCK_REALTIME, &now);
	host_f64(host, &seconds_family, (double)now.tv_sec + (double)now.tv_nsec / 1e9);
	if (localtime_r(&now.tv_sec, &local))
		host_i64(host, &zone_family, local.tm_gmtoff, local.tm_zone);
	/* Without it, the clock is told all the same. */
	if (!sources->count || ++state->age == LIST_EVERY) {
		state->age = 0;
		if (host_list(host, 0, HOST_SYS, SOURCES_PATH, sources))
			sources->count = 0;
	}
	for (size_t i = 0; i < sources->count; i++)
		if (!strncmp(sources->names[i], prefix, sizeof(prefix) - 1))
			source_sample(host, sources->names[i] + sizeof(prefix) - 1);
	return 0;
}

const struct host_ops host_time = {.collect = time_collect, .open = time_open, .close = time_close};
