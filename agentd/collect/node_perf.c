/* SPDX-License-Identifier: MIT */
/* Events that the kernel and the CPUs count: perf_event_open(2). Slow: to read an event is to interrupt its CPU.
 *
 * The events of a CPU are opened once and count until the collector is closed. A CPU has fewer counters than there are
 * hardware events, so the kernel lets them take turns: what an event counted in its turns is told in proportion to the
 * whole time, piece by piece from one reading to the next, so that totals never go down. */
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host.h"

enum perf_kind { PERF_SOFTWARE, PERF_HARDWARE, PERF_CACHE, PERF_TRACEPOINT, PERF_KINDS };
static const uint32_t kernel_types[PERF_KINDS] = {PERF_TYPE_SOFTWARE, PERF_TYPE_HARDWARE, PERF_TYPE_HW_CACHE,
						  PERF_TYPE_TRACEPOINT};
#define PERF_CACHE(cache, operation, result)                                                                           \
	(PERF_COUNT_HW_CACHE_##cache | PERF_COUNT_HW_CACHE_OP_##operation << 8 |                                       \
	 PERF_COUNT_HW_CACHE_RESULT_##result << 16)

struct perf_row {
	enum perf_kind kind;
	const char *profiler;
	struct host_family family;
	uint64_t config;
};
static const struct perf_row rows[] = {
#define PERF(kind, profiler, name, help, config)                                                                       \
	{PERF_##kind, profiler, HOST_COUNTER("node_perf_" name "_total", help, "cpu"), config},
#include "node_perf.def"
};

static const struct host_family refused_family =
	HOST_GAUGE("mstat_perf_refused_events",
		   "Events that the perf collector asks for and does not get: \"permission\" needs CAP_PERFMON or "
		   "kernel.perf_event_paranoid of 0, \"descriptors\" a higher limit of open files, \"syntax\" is a "
		   "tracepoint that is not SUBSYSTEM:EVENT.",
		   "reason");
enum refusal { REFUSED_PERMISSION, REFUSED_UNSUPPORTED, REFUSED_DESCRIPTORS, REFUSED_SYNTAX, REFUSED_OTHER, REFUSALS };
static const char *const refusal_words[REFUSALS] = {"permission", "unsupported", "descriptors", "syntax", "other"};

#define EVENTS_MAX 4096u
#define CPUS_MAX 4096u
#define TRACEPOINT_MAX 160u

/* As the kernel writes it for one event: PERF_FORMAT_TOTAL_TIME_*. */
struct reading {
	uint64_t value;
	uint64_t enabled_ns;
	uint64_t running_ns;
};

struct perf_event {
	const struct perf_row *row; /* NULL: tracepoint */
	const char *tracepoint;     /* of the options: "SUBSYSTEM:EVENT" */
	unsigned cpu;
	int fd;
	struct reading last;
	uint64_t total;
};

struct perf_state {
	struct perf_event *events;
	size_t count;
	size_t capacity;
	uint64_t refused[REFUSALS];
};

/* ---- opening ---------------------------------------------------------------------------------------------------- */

static void events_close(struct perf_state *state)
{
	for (size_t i = 0; i < state->count; i++)
		close(state->events[i].fd);
	state->count = 0;
}

static void refusal_count(struct perf_state *state, int error)
{
	enum refusal refusal = REFUSED_OTHER;
	if (error == EACCES || error == EPERM)
		refusal = REFUSED_PERMISSION;
	else if (error == ENOENT || error == EOPNOTSUPP || error == ENODEV || error == ENOSYS || error == EINVAL)
		refusal = REFUSED_UNSUPPORTED;
	else if (error == EMFILE || error == ENFILE)
		refusal = REFUSED_DESCRIPTORS;
	state->refused[refusal]++;
}

static bool events_reserve(struct perf_state *state)
{
	if (state->count < state->capacity)
		return true;
	size_t capacity = state->capacity ? 2 * state->capacity : 64;
	struct perf_event *events =
		capacity <= EVENTS_MAX ? reallocarray(state->events, capacity, sizeof(*events)) : NULL;
	if (!events)
		return false;
	state->events = events;
	state->capacity = capacity;
	return true;
}

static void event_open(struct perf_state *state, enum perf_kind kind, uint64_t config, const struct perf_event *event)
{
	struct perf_event_attr attributes = {
		.type = kernel_types[kind],
		.size = sizeof(attributes),
		.config = config,
		.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING,
		.exclude_hv = 1,
	};
	if (!events_reserve(state)) {
		state->refused[REFUSED_DESCRIPTORS]++;
		return;
	}
	long fd = syscall(SYS_perf_event_open, &attributes, -1, (int)event->cpu, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0) {
		refusal_count(state, errno);
		return;
	}
	state->events[state->count] = *event;
	state->events[state->count++].fd = (int)fd;
}

static bool list_has(char *const *list, const char *word)
{
	for (; list && *list; list++)
		if (!strcmp(*list, word))
			return true;
	return false;
}

static bool row_wanted(const struct host_options *options, const struct perf_row *row)
{
	const bool disabled[] = {options->perf_disable_software_profilers, options->perf_disable_hardware_profilers,
				 options->perf_disable_cache_profilers};
	char *const *const lists[] = {options->perf_software_profilers, options->perf_hardware_profilers,
				      options->perf_cache_profilers};
	char *const *list = lists[row->kind];
	return !disabled[row->kind] && (!list || !*list || list_has(list, row->profiler));
}

/* The kernel's number of a tracepoint. -EINVAL: not "SUBSYSTEM:EVENT". */
static int tracepoint_find(struct host *host, const char *tracepoint, uint64_t *number)
{
	static const char *const directories[] = {"kernel/tracing", "kernel/debug/tracing"};
	char path[HOST_PATH_MAX];
	const char *colon = strchr(tracepoint, ':');
	if (!colon || colon == tracepoint || !colon[1] || strchr(colon + 1, ':') || strchr(tracepoint, '/') ||
	    strlen(tracepoint) >= TRACEPOINT_MAX)
		return -EINVAL;
	int r = -ENOENT;
	for (size_t i = 0; r && i < HOST_COUNT_OF(directories); i++) {
		host_format(path, "%s/events/%.*s/%s/id", directories[i], (int)(colon - tracepoint), tracepoint,
			    colon + 1);
		r = host_read_u64(host, HOST_SYS, path, number);
	}
	return r == -EINVAL ? -ENOENT : r;
}

static void cpu_open(struct host *host, unsigned cpu)
{
	struct perf_state *state = host->state;
	for (size_t i = 0; i < HOST_COUNT_OF(rows); i++)
		if (row_wanted(host->options, &rows[i]))
			event_open(state, rows[i].kind, rows[i].config,
				   &(struct perf_event){.row = &rows[i], .cpu = cpu});
	for (char *const *at = host->options->perf_tracepoints; at && *at; at++) {
		uint64_t number;
		int r = tracepoint_find(host, *at, &number);
		if (!r)
			event_open(state, PERF_TRACEPOINT, number, &(struct perf_event){.tracepoint = *at, .cpu = cpu});
		else if (r == -EINVAL)
			state->refused[REFUSED_SYNTAX]++;
		else
			refusal_count(state, -r);
	}
}

/* One piece of a list of CPUs: "3", "0-7", "0-7:2" (every second one). */
static bool range_open(struct host *host, struct text *text)
{
	uint64_t first, last, step = 1;
	if (!text_u64(text, &first))
		return false;
	last = first;
	if (text_take(text, "-") && (!text_u64(text, &last) || (text_take(text, ":") && !text_u64(text, &step))))
		return false;
	if (last >= CPUS_MAX || !step)
		return false;
	for (uint64_t cpu = first; cpu <= last; cpu += step)
		cpu_open(host, (unsigned)cpu);
	return true;
}

/* The CPUs of the option, or those that are online. */
static int events_open(struct host *host)
{
	char list[1024];
	int r = 0;
	if (*host->options->perf_cpus)
		snprintf(list, sizeof(list), "%s", host->options->perf_cpus);
	else
		r = host_read_string(host, HOST_SYS, "devices/system/cpu/online", list, sizeof(list));
	if (r)
		return r;
	struct text text = {list, list + strlen(list)};
	do {
		if (!range_open(host, &text))
			return -EINVAL;
	} while (text_take(&text, ","));
	return text.at == text.end ? 0 : -EINVAL;
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

/* False when the CPU went offline. */
static bool event_read(struct perf_event *event)
{
	struct reading now;
	if (read(event->fd, &now, sizeof(now)) != sizeof(now))
		return false;
	uint64_t value = now.value - event->last.value;
	const uint64_t enabled_ns = now.enabled_ns - event->last.enabled_ns;
	const uint64_t running_ns = now.running_ns - event->last.running_ns;
	if (running_ns && running_ns < enabled_ns)
		value = (uint64_t)((double)value * (double)enabled_ns / (double)running_ns);
	event->total += value;
	event->last = now;
	return true;
}

/* node_exporter calls these counters though their names do not end in "_total", which no format allows: here their type
 * is unknown. */
static void tracepoint_sample(struct host *host, const struct perf_event *event, const char *cpu)
{
	char name[TRACEPOINT_MAX + 16];
	host_format(name, "node_perf_%s", event->tracepoint);
	for (char *at = name; *at; at++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", *at))
			*at = '_';
	const struct host_family family = {.name = name,
					   .help = "Perf tracepoint %s",
					   .type = METRIC_UNKNOWN,
					   .labels = {"cpu"},
					   .help_words = {event->tracepoint}};
	host_u64(host, &family, event->total, cpu);
}

static void refusals_sample(struct host *host)
{
	const struct perf_state *state = host->state;
	for (size_t i = 0; i < REFUSALS; i++)
		if (state->refused[i])
			host_u64(host, &refused_family, state->refused[i], refusal_words[i]);
}

static int perf_collect(struct host *host)
{
	struct perf_state *state = host->state;
	char cpu[16];
	int r = 0;
	if (!state->count) {
		/* Also when nothing could be opened before: permissions may have been given since. */
		memset(state->refused, 0, sizeof(state->refused));
		r = events_open(host);
	}
	for (size_t i = 0; i < state->count; i++) {
		struct perf_event *event = &state->events[i];
		if (!event_read(event))
			continue;
		host_format(cpu, "%u", event->cpu);
		if (event->row)
			host_u64(host, &event->row->family, event->total, cpu);
		else
			tracepoint_sample(host, event, cpu);
	}
	refusals_sample(host);
	if (r || state->count)
		return r;
	return state->refused[REFUSED_PERMISSION] ? -EACCES : -ENODATA;
}

static int perf_open(struct host *host)
{
	host->state = calloc(1, sizeof(struct perf_state));
	return host->state ? 0 : -ENOMEM;
}

static void perf_close(struct host *host)
{
	struct perf_state *state = host->state;
	events_close(state);
	free(state->events);
	free(state);
}

const struct host_ops host_perf = {.collect = perf_collect, .open = perf_open, .close = perf_close};
