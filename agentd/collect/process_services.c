/* SPDX-License-Identifier: MIT */
/* The process_* metrics of instrumented services. */
#include "process_services.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect.h"
#include "host_hash.h"
#include "host_text.h"
#include "process_resolver.h"
#include "process_table.h"
#include "segments_processes.h"

struct service {
	struct service *next; /* with the same hash */
	char *name;
	uint32_t pass; /* in which the segments told of it */
	/* Now: */
	uint64_t processes, threads, open_fds, max_fds, resident_bytes, virtual_bytes, swapped_bytes;
	uint64_t start_ticks; /* of the oldest */
	bool unlimited;       /* one process has no limit of descriptors, or none that is known */
	/* Since the agent first saw the service: */
	struct process_counters counters;
};

#define BUCKETS 256u

struct process_services {
	const struct segments *segments;
	struct process_table *table;
	struct process_resolver resolver;
	struct service *buckets[BUCKETS];
	uint64_t seed;
};

int process_services_new(const struct segments *segments, const char *procfs, struct process_services **services)
{
	struct process_services *fresh = calloc(1, sizeof(*fresh));
	int r = fresh ? process_table_new(procfs, &fresh->table) : -ENOMEM;
	if (r) {
		free(fresh);
		return r;
	}
	fresh->segments = segments;
	fresh->seed = host_hash_seed();
	*services = fresh;
	return 0;
}

static void service_free(struct service *service)
{
	free(service->name);
	free(service);
}

void process_services_free(struct process_services *services)
{
	if (!services)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct service *service = services->buckets[i], *next; service; service = next) {
			next = service->next;
			service_free(service);
		}
	process_table_free(services->table);
	process_resolver_fini(&services->resolver);
	free(services);
}

/* ---- services --------------------------------------------------------------------------------------------------- */

/* The service of a name, made where there is none; NULL when out of memory. */
static struct service *service_get(struct process_services *services, const char *name)
{
	struct service **bucket = &services->buckets[host_hash_add(services->seed, name) % BUCKETS];
	for (struct service *service = *bucket; service; service = service->next)
		if (!strcmp(service->name, name))
			return service;
	struct service *fresh = calloc(1, sizeof(*fresh));
	char *copy = strdup(name);
	if (!fresh || !copy) {
		free(fresh);
		free(copy);
		return NULL;
	}
	fresh->name = copy;
	fresh->next = *bucket;
	*bucket = fresh;
	return fresh;
}

/* What of this pass is summed begins at 0; the counters go on. */
static void service_begin(struct service *service, uint32_t pass)
{
	if (service->pass == pass)
		return;
	*service = (struct service){.next = service->next,
				    .name = service->name,
				    .pass = pass,
				    .start_ticks = UINT64_MAX,
				    .counters = service->counters};
}

/* Services that no segment and no totals tell of any more; none of their processes is left. */
static void services_forget(struct process_services *services, uint32_t pass)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct service **place = &services->buckets[i]; *place;) {
			struct service *service = *place;
			if (service->pass == pass) {
				place = &service->next;
				continue;
			}
			*place = service->next;
			service_free(service);
		}
}

/* ---- processes -------------------------------------------------------------------------------------------------- */

static void process_add(struct service *service, struct process *process)
{
	const struct process_reading *now = &process->now;
	process->group = service;
	process->named = true;
	service->processes++;
	service->threads += now->threads;
	service->open_fds += now->open_fds;
	service->max_fds += now->max_fds;
	service->unlimited |= !now->max_fds;
	service->resident_bytes += now->resident_bytes;
	service->virtual_bytes += now->virtual_bytes;
	service->swapped_bytes += now->swapped_bytes;
	if (now->start_ticks < service->start_ticks)
		service->start_ticks = now->start_ticks;
	process_counters_add_growth(&service->counters, &now->counters, &process->counted);
	process->counted = now->counters;
}

/* A process belongs to one service, the first that names it in a pass. */
static bool process_claimed(const struct process_services *services, const struct process *process)
{
	return process->claim_pass == process_table_pass(services->table);
}

static void process_claim(struct process_services *services, struct service *service, struct process *process)
{
	if (process_claimed(services, process))
		return;
	process->claim_pass = process_table_pass(services->table);
	process_add(service, process);
}

/* Forked and not executed: the arguments are where the parent has them, which exec and address space randomisation
 * make unlikely for everything else. */
static bool is_fork_of(const struct process *child, const struct process *parent)
{
	return child->now.parent == parent->pid && child->now.image && child->now.image == parent->now.image &&
	       child->now.start_ticks >= parent->now.start_ticks;
}

/* So deep are trees of forks followed. */
#define FORK_DEPTH_MAX 8

static void forks_claim(struct process_services *services, struct service *service, const struct process *parent,
			unsigned depth)
{
	char name[48], bytes[PROCESS_FILE_BYTES];
	uint64_t pid;
	const struct process_place place = process_place_of(parent->pid, 0);
	snprintf(name, sizeof(name), "task/%u/children", parent->pid);
	const ssize_t len = process_file_read(process_table_files(services->table), &place, name, bytes, sizeof(bytes));
	struct text text = {bytes, bytes + (len < 0 ? 0 : len)};
	while (text_u64(&text, &pid)) {
		struct process *child =
			pid && pid <= INT32_MAX ? process_table_visit(services->table, (uint32_t)pid, 0) : NULL;
		if (!child || process_claimed(services, child) || !is_fork_of(child, parent))
			continue;
		process_claim(services, service, child);
		if (depth < FORK_DEPTH_MAX)
			forks_claim(services, service, child, depth + 1);
	}
}

/* Finds the process that a segment names. False when it is not (yet) known where it is. */
static bool wanted_take(struct process_services *services, struct service *service, const struct process_wanted *wanted)
{
	const uint32_t pid = process_resolver_pid(&services->resolver, wanted);
	struct process *process = pid ? process_table_visit(services->table, pid, 0) : NULL;
	if (!process || (!process_claimed(services, process) &&
			 !process_is_wanted(process_table_files(services->table), pid, &process->now, wanted))) {
		process_resolver_refute(&services->resolver, wanted);
		return false;
	}
	if (!process_claimed(services, process)) {
		process_claim(services, service, process);
		forks_claim(services, service, process, 1);
	}
	return true;
}

static void each_process(void *context, const char *name, const struct segment_process *segment_process)
{
	struct process_services *services = context;
	struct service *service = service_get(services, name);
	if (!service)
		return;
	service_begin(service, process_table_pass(services->table));
	if (!segment_process || !segment_process->pid || segment_process->pid > INT32_MAX)
		return;
	const struct process_wanted wanted = {
		.pid = segment_process->pid,
		.pid_ns = segment_process->pid_ns,
		.start_ticks = segment_process->start_ticks,
	};
	wanted_take(services, service, &wanted);
}

/* Who belongs to a service stays with it for as long as it runs the same program, also when the parent that led to it
 * is gone. What was counted of a process is remembered for as long as it lives, or it would be counted again when
 * another segment names it. */
static void members_keep(struct process_services *services, uint32_t pass)
{
	process_table_revisit(services->table);
	for (struct process *process = process_table_next(services->table, NULL); process;
	     process = process_table_next(services->table, process)) {
		struct service *service = process->group;
		if (service && service->pass != pass)
			process->group = NULL; /* the service is about to be forgotten */
		else if (service && !process_gone(services->table, process) && !process->fresh)
			process_claim(services, service, process);
	}
}

/* ---- samples ---------------------------------------------------------------------------------------------------- */

struct sampling {
	struct builder *builder;
	const char *service;
};

/* By the greater where two sources tell of one series: a program that exposes its own process_* is not doubled. */
static void sample(const struct sampling *sampling, const struct family_request *family, const char *name,
		   const char *value, struct number number)
{
	struct catalog *catalog = builder_catalog(sampling->builder);
	const struct label labels[] = {{"service", sampling->service}, {name, value}};
	family_ref reference;
	series_ref series;
	enum catalog_conflict conflict = catalog_family(catalog, family, &reference);
	if (conflict != CATALOG_OK)
		builder_count_conflict(sampling->builder, conflict);
	if (conflict != CATALOG_OK && conflict != CATALOG_CONFLICT_HELP)
		return;
	conflict = catalog_series(catalog, reference, labels, name ? 2 : 1, &series);
	if (conflict == CATALOG_OK)
		builder_merge(sampling->builder, series, MERGE_MAX, number, 0);
	else
		builder_count_conflict(sampling->builder, conflict);
}

static bool is_sampled(const struct service *service, enum metric_type type)
{
	return type == METRIC_COUNTER || service->processes;
}

static void service_sample(const struct process_services *services, const struct service *service,
			   struct builder *builder)
{
	const struct sampling sampling = {builder, service->name};
	const uint64_t start_ns =
		(uint64_t)(process_start_seconds(process_table_files(services->table),
						 service->start_ticks == UINT64_MAX ? 0 : service->start_ticks) *
			   1e9);
	const struct {
		uint64_t cpu_ns, max_fds, open_fds, resident_bytes, start_ns, virtual_bytes;
	} common = {
		service->counters.user_ns + service->counters.system_ns,
		service->unlimited ? 0 : service->max_fds,
		service->open_fds,
		service->resident_bytes,
		start_ns,
		service->virtual_bytes,
	};
#define FAMILY(family_name, family_type, family_unit, family_help)                                                     \
	&(const struct family_request)                                                                                 \
	{                                                                                                              \
		.name = (family_name), .help = (family_help), .unit = (family_unit), .type = (family_type)             \
	}
#define SELF_PROCESS(field, name, type, number, unit, help)                                                            \
	if (is_sampled(service, type) && (common.field || strcmp(#field, "max_fds") != 0))                             \
		sample(&sampling, FAMILY(name, type, unit, help), NULL, NULL, number(common.field));
#include "self_process.def"
#undef SELF_PROCESS
#define SERVICE_PROCESS(field, name, type, number, label, value, unit, help)                                           \
	if (is_sampled(service, type))                                                                                 \
		sample(&sampling, FAMILY(name, type, unit, help), label, value, number(service->field));
#include "process_services.def"
#undef SERVICE_PROCESS
#undef FAMILY
}

int process_services_collect(struct process_services *services, struct builder *builder)
{
	int r = process_table_begin(services->table);
	if (r)
		return r;
	const uint32_t pass = process_table_pass(services->table);
	process_resolver_begin(&services->resolver);
	segments_each_process(services->segments, each_process, services);
	if (process_resolver_search(&services->resolver, process_table_files(services->table)))
		segments_each_process(services->segments, each_process, services);
	process_resolver_end(&services->resolver);
	members_keep(services, pass);
	services_forget(services, pass);
	for (size_t i = 0; i < BUCKETS; i++)
		for (const struct service *service = services->buckets[i]; service; service = service->next)
			service_sample(services, service, builder);
	process_table_end(services->table);
	return 0;
}

/* ---- the collector ---------------------------------------------------------------------------------------------- */

static int collect_process(struct collector *collector, struct builder *builder)
{
	return collector->state ? process_services_collect(collector->state, builder) : 0;
}

static void close_process(struct collector *collector)
{
	process_services_free(collector->state);
	collector->state = NULL;
}

const struct collector_ops process_collector = {
	.name = "process",
	.help = "The processes of instrumented services.",
	.collect = collect_process,
	.close = close_process,
};
