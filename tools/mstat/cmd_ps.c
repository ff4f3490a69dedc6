/* SPDX-License-Identifier: MIT */
/* mstat ps: services, their processes, and what they count most. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "collect/process_resolver.h"
#include "collect/process_table.h"
#include "collection.h"
#include "command.h"
#include "inspection.h"
#include "report.h"
#include "samples.h"
#include "table.h"

#define SERIES_SHOWN 3

/* A live process of a service. */
struct member {
	const char *service;
	struct process_wanted wanted;
	const struct process *process; /* NULL: not found in /proc, or another by now */
	uint64_t cpu_before_ns;
	bool has_before;
};

struct busy_series {
	const struct sample *sample;
	const char *service;
	double rate;
};

struct reading {
	struct sample_list list;
	int64_t monotonic_ns;
};

struct ps {
	const struct arguments *arguments;
	struct inspection inspection;
	struct process_table *table;
	struct process_resolver resolver;
	struct member *members; /* in order of service, then of PID */
	size_t member_count, member_capacity;
	struct reading before, now;
	struct busy_series *series; /* in order of service, the fastest first */
	size_t series_count;
};

/* ---- processes -------------------------------------------------------------------------------------------------- */

static bool service_wanted(const struct arguments *arguments, const char *service)
{
	for (size_t i = 0; i < arguments->operand_count; i++)
		if (!strcmp(arguments->operands[i], service))
			return true;
	return !arguments->operand_count;
}

static int member_compare(const void *a, const void *b)
{
	const struct member *one = a, *other = b;
	const int order = strcmp(one->service, other->service);
	if (order)
		return order;
	return (one->wanted.pid > other->wanted.pid) - (one->wanted.pid < other->wanted.pid);
}

static void members_list(struct ps *ps)
{
	struct inspection_cursor cursor = {0};
	const char *directory;
	const struct segment *segment;
	while ((segment = inspection_next(&ps->inspection, &cursor, &directory))) {
		if (segment->state != SEGMENT_LIVE || !service_wanted(ps->arguments, segment->service))
			continue;
		for (uint32_t i = 0; i < segment->process_count; i++) {
			const struct segment_process *process = &segment->processes[i];
			if (!process->live || !process->pid || process->pid > INT32_MAX)
				continue;
			ps->members =
				need_room(ps->members, ps->member_count, &ps->member_capacity, sizeof(*ps->members));
			ps->members[ps->member_count++] = (struct member){
				.service = segment->service,
				.wanted = {process->pid, process->pid_ns, process->start_ticks},
			};
		}
	}
	if (ps->member_count)
		qsort(ps->members, ps->member_count, sizeof(*ps->members), member_compare);
}

static uint64_t cpu_ns(const struct process *process)
{
	return process->now.counters.user_ns + process->now.counters.system_ns;
}

static void member_look(struct ps *ps, struct member *member)
{
	const uint32_t pid = process_resolver_pid(&ps->resolver, &member->wanted);
	const struct process *process = pid ? process_table_visit(ps->table, pid, 0) : NULL;
	member->process = NULL;
	if (process && process_is_wanted(process_table_files(ps->table), pid, &process->now, &member->wanted))
		member->process = process;
	else
		process_resolver_refute(&ps->resolver, &member->wanted);
}

/* Looks at all members; leaves the pass open, so that they can be shown. */
static int members_look(struct ps *ps)
{
	const int r = process_table_begin(ps->table);
	if (r) {
		report("cannot read /proc: %s", strerror(-r));
		return r;
	}
	process_resolver_begin(&ps->resolver);
	for (size_t i = 0; i < ps->member_count; i++)
		member_look(ps, &ps->members[i]);
	if (process_resolver_search(&ps->resolver, process_table_files(ps->table)))
		for (size_t i = 0; i < ps->member_count; i++)
			if (!ps->members[i].process)
				member_look(ps, &ps->members[i]);
	process_resolver_end(&ps->resolver);
	return 0;
}

static void members_remember(struct ps *ps)
{
	for (size_t i = 0; i < ps->member_count; i++) {
		struct member *member = &ps->members[i];
		member->has_before = member->process;
		member->cpu_before_ns = member->process ? cpu_ns(member->process) : 0;
	}
	process_table_end(ps->table);
}

/* ---- series ----------------------------------------------------------------------------------------------------- */

static const char *sample_service(const struct sample *sample)
{
	for (size_t i = 0; i < sample->label_count; i++)
		if (!strcmp(sample->labels[i].name, "service"))
			return sample->labels[i].value;
	return "";
}

static int busy_compare(const void *a, const void *b)
{
	const struct busy_series *one = a, *other = b;
	const int order = strcmp(one->service, other->service);
	if (order)
		return order;
	if (one->rate != other->rate)
		return one->rate < other->rate ? 1 : -1;
	return strcmp(one->sample->text, other->sample->text);
}

/* Both lists are in order of text, so that one walk pairs them. A counter that went down began anew. */
static void series_rate(struct ps *ps)
{
	const struct sample_list *now = &ps->now.list, *before = &ps->before.list;
	const double elapsed_s = (double)(ps->now.monotonic_ns - ps->before.monotonic_ns) / 1e9;
	ps->series = need(calloc(now->count + 1, sizeof(*ps->series)));
	for (size_t i = 0, k = 0; i < now->count && elapsed_s > 0; i++) {
		const struct sample *sample = &now->items[i];
		while (k < before->count && strcmp(before->items[k].text, sample->text) < 0)
			k++;
		if (sample->type != METRIC_COUNTER || k == before->count ||
		    strcmp(before->items[k].text, sample->text) != 0)
			continue;
		const double to = number_double(sample->number), from = number_double(before->items[k].number);
		const double change = to < from ? to : to - from;
		if (change > 0)
			ps->series[ps->series_count++] =
				(struct busy_series){sample, sample_service(sample), change / elapsed_s};
	}
	if (ps->series_count)
		qsort(ps->series, ps->series_count, sizeof(*ps->series), busy_compare);
}

/* The series of a service, the fastest first; *count of them. */
static const struct busy_series *series_of(const struct ps *ps, const char *service, size_t *count)
{
	size_t first = 0;
	while (first < ps->series_count && strcmp(ps->series[first].service, service) < 0)
		first++;
	*count = 0;
	while (*count < SERIES_SHOWN && first + *count < ps->series_count &&
	       !strcmp(ps->series[first + *count].service, service))
		++*count;
	return &ps->series[first];
}

static int reading_take(struct collection *collection, struct reading *reading)
{
	struct query *query = NULL;
	char *message = NULL;
	int error = 0;
	struct snapshot *snapshot = collection_take(collection, &error);
	if (!snapshot) {
		collection_report(error);
		return error;
	}
	need(query_parse(NULL, 0, &query, &message) ? NULL : query);
	reading->monotonic_ns = snapshot_monotonic_ns(snapshot);
	samples_from_snapshot(&reading->list, snapshot, query);
	query_free(query);
	snapshot_unref(snapshot);
	return 0;
}

/* ---- printing --------------------------------------------------------------------------------------------------- */

static double cpu_percent(const struct ps *ps, const struct member *member)
{
	const double elapsed_ns = (double)(ps->now.monotonic_ns - ps->before.monotonic_ns);
	const uint64_t now_ns = cpu_ns(member->process);
	if (!member->has_before || elapsed_ns <= 0 || now_ns < member->cpu_before_ns)
		return 0;
	return 100 * (double)(now_ns - member->cpu_before_ns) / elapsed_ns;
}

static int64_t age_seconds(const struct ps *ps, const struct member *member)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	const double start = process_start_seconds(process_table_files(ps->table), member->process->now.start_ticks);
	return now.tv_sec > (int64_t)start ? now.tv_sec - (int64_t)start : 0;
}

static void seconds_text(int64_t seconds, char text[24])
{
	static const struct {
		int64_t seconds;
		char letter;
	} units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
	size_t i = 0;
	while (i < 3 && seconds < units[i].seconds)
		i++;
	snprintf(text, 24, "%" PRId64 "%c", seconds / units[i].seconds, units[i].letter);
}

static void process_cells(const struct ps *ps, struct table *table, const struct member *member)
{
	char age[24];
	const struct process *process = member->process;
	table_add(table, "%" PRIu32, process ? process->pid : member->wanted.pid);
	if (!process) {
		for (int i = 0; i < 6; i++)
			table_add(table, "-");
		return;
	}
	seconds_text(age_seconds(ps, member), age);
	table_add(table, "%c", process->now.state);
	table_add(table, "%.1f", cpu_percent(ps, member));
	table_add(table, "%" PRIu64 " KiB", process->now.resident_bytes / 1024);
	table_add(table, "%" PRIu64, process->now.threads);
	table_add(table, "%" PRIu64, process->now.open_fds);
	table_add(table, "%s", age);
}

static void series_cell(struct table *table, const struct busy_series *series)
{
	if (series)
		table_add(table, "%.*f/s %s", series->rate >= 100 ? 0 : 1, series->rate, series->sample->text);
	else
		table_add(table, "%s", "");
}

/* The members [first, end) are of one service. */
static void service_rows(const struct ps *ps, struct table *table, size_t first, size_t end)
{
	size_t count;
	const struct busy_series *series = series_of(ps, ps->members[first].service, &count);
	for (size_t row = 0; row < end - first || row < count; row++) {
		table_add(table, "%s", row ? "" : ps->members[first].service);
		if (row < end - first)
			process_cells(ps, table, &ps->members[first + row]);
		else
			for (int i = 0; i < 7; i++)
				table_add(table, "%s", "");
		series_cell(table, row < count ? &series[row] : NULL);
	}
}

static json_t *process_json(const struct ps *ps, const struct member *member)
{
	const struct process *process = member->process;
	json_t *object = need(json_object());
	json_object_set_new(object, "pid", json_integer(process ? process->pid : member->wanted.pid));
	if (!process)
		return object;
	const char state[2] = {process->now.state, '\0'};
	json_object_set_new(object, "state", json_text(state));
	json_object_set_new(object, "cpu_percent", json_real(cpu_percent(ps, member)));
	json_object_set_new(object, "resident_bytes", json_integer((json_int_t)process->now.resident_bytes));
	json_object_set_new(object, "threads", json_integer((json_int_t)process->now.threads));
	json_object_set_new(object, "open_fds", json_integer((json_int_t)process->now.open_fds));
	json_object_set_new(object, "age_seconds", json_integer(age_seconds(ps, member)));
	return object;
}

static json_t *service_json(const struct ps *ps, size_t first, size_t end)
{
	size_t count;
	const struct busy_series *series = series_of(ps, ps->members[first].service, &count);
	json_t *object = need(json_object()), *processes = need(json_array()), *busiest = need(json_array());
	for (size_t i = first; i < end; i++)
		json_array_append_new(processes, process_json(ps, &ps->members[i]));
	for (size_t i = 0; i < count; i++) {
		json_t *one = need(json_object());
		json_object_set_new(one, "series", json_text(series[i].sample->text));
		json_object_set_new(one, "rate", json_real(series[i].rate));
		json_array_append_new(busiest, one);
	}
	json_object_set_new(object, "service", json_text(ps->members[first].service));
	json_object_set_new(object, "processes", processes);
	json_object_set_new(object, "busiest", busiest);
	return object;
}

static void services_print(const struct ps *ps)
{
	const bool as_json = ps->arguments->given & OPTION_JSON;
	struct table table;
	json_t *array = need(json_array());
	table_init(&table, "SERVICE >PID STATE >CPU% >RSS >THREADS >FDS >AGE BUSIEST");
	for (size_t first = 0, end; first < ps->member_count; first = end) {
		end = first + 1;
		while (end < ps->member_count && !strcmp(ps->members[first].service, ps->members[end].service))
			end++;
		if (as_json)
			json_array_append_new(array, service_json(ps, first, end));
		else
			service_rows(ps, &table, first, end);
	}
	if (as_json)
		json_print(json_incref(array));
	else if (table.count)
		table_print(&table, stdout);
	json_decref(array);
	table_fini(&table);
}

/* ---- the command ------------------------------------------------------------------------------------------------ */

static void interval_wait(int64_t interval_ns)
{
	struct timespec rest = {interval_ns / 1000000000, interval_ns % 1000000000};
	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &rest, &rest) == EINTR)
		;
}

/* Two readings of processes and series, the interval between them. */
static int ps_read(struct ps *ps, struct collection *collection)
{
	if (members_look(ps) < 0 || reading_take(collection, &ps->before) < 0)
		return CODE_FAILED;
	members_remember(ps);
	interval_wait(ps->arguments->interval_ns);
	if (members_look(ps) < 0 || reading_take(collection, &ps->now) < 0)
		return CODE_FAILED;
	series_rate(ps);
	return CODE_FINE;
}

static void ps_fini(struct ps *ps)
{
	samples_free(&ps->before.list);
	samples_free(&ps->now.list);
	process_resolver_fini(&ps->resolver);
	process_table_free(ps->table);
	free(ps->members);
	free(ps->series);
	inspection_close(&ps->inspection);
}

int cmd_ps(const struct arguments *arguments)
{
	struct ps ps = {.arguments = arguments};
	struct collection *collection;
	if (inspection_open(arguments, &ps.inspection) < 0)
		return CODE_FAILED;
	need(process_table_new("/proc", &ps.table) ? NULL : ps.table);
	int code = collection_open(arguments, &collection) < 0 ? CODE_FAILED : CODE_FINE;
	if (code == CODE_FINE) {
		members_list(&ps);
		if (ps.member_count)
			code = ps_read(&ps, collection);
		if (code == CODE_FINE)
			services_print(&ps);
		collection_close(collection);
	}
	if (code == CODE_FINE && !ps.member_count) {
		report("no live process of such a service; 'mstat ls' lists the segments");
		code = CODE_FINDINGS;
	}
	ps_fini(&ps);
	return code;
}
