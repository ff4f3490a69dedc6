/* SPDX-License-Identifier: MIT */
/* The namedprocess collector: its life and the order of a collection. */
#include "process_named.h"

#include <stdlib.h>
#include <time.h>

#define GROUPS_MAX 16384u
#define THREAD_GROUPS_MAX 65536u

static int64_t monotonic_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void named_free(struct named *named)
{
	process_exits_close(named->exits);
	process_naming_fini(&named->naming);
	process_table_free(named->table);
	process_table_free(named->threads);
	process_groups_fini(&named->groups);
	process_groups_fini(&named->thread_groups);
	process_groups_fini(&named->wait_groups);
	named_tops_fini(&named->top_cpu);
	named_tops_fini(&named->top_memory);
	free(named);
}

static int naming_open(struct host *host, struct named *named)
{
	struct process_rules *rules;
	char *error = NULL;
	const int r = process_rules_load(host->options->namedprocess_config, &rules, &error);
	/* The message was for the start of the agent, which has read the same file before. */
	free(error);
	if (!r)
		process_naming_init(&named->naming, rules, host->options->paths[HOST_ROOTFS]);
	return r;
}

static int threads_open(struct host *host, struct named *named)
{
	if (!host->options->namedprocess_threads)
		return 0;
	int r = process_table_new(host->options->paths[HOST_PROC], &named->threads);
	if (!r)
		r = process_groups_init(&named->thread_groups, THREAD_GROUPS_MAX);
	if (!r)
		r = process_groups_init(&named->wait_groups, THREAD_GROUPS_MAX);
	return r;
}

/* A copy of a procfs is not told of by this kernel. */
static int exits_open(struct host *host, struct named *named)
{
	struct process_files files;
	const int r = process_files_open(host->options->paths[HOST_PROC], &files);
	if (r)
		return r == -ENOENT ? 0 : r;
	process_files_close(&files);
	return files.real ? process_exits_open(named->naming.arguments, &named->exits) : 0;
}

static int named_open(struct host *host)
{
	struct named *named = calloc(1, sizeof(*named));
	const int64_t top = host->options->namedprocess_top;
	if (!named)
		return -ENOMEM;
	int r = naming_open(host, named);
	if (!r)
		r = process_table_new(host->options->paths[HOST_PROC], &named->table);
	if (!r)
		r = process_groups_init(&named->groups, GROUPS_MAX);
	if (!r)
		r = named_tops_init(&named->top_cpu, top > NAMED_TOP_MAX ? NAMED_TOP_MAX : (size_t)top);
	if (!r)
		r = named_tops_init(&named->top_memory, named->top_cpu.max);
	if (!r)
		r = threads_open(host, named);
	if (!r)
		r = exits_open(host, named);
	if (r)
		named_free(named);
	else
		host->state = named;
	return r;
}

static void named_close(struct host *host)
{
	named_free(host->state);
	host->state = NULL;
}

/* Programs make up names of threads without end: they do not stay for ever, even where groups do. */
#define THREAD_NAMES_STAY_NS (3600 * INT64_C(1000000000))

/* Groups that are gone must not be pointed to: processes without a place in one were forgotten before. */
static void named_end(const struct host *host, struct named *named)
{
	const int64_t now_ns = monotonic_ns(), after_ns = host->options->namedprocess_remove_empty_after_ns;
	process_table_end(named->table);
	process_groups_end(&named->groups, now_ns, after_ns);
	if (!named->threads)
		return;
	process_table_end(named->threads);
	process_groups_end(&named->thread_groups, now_ns, after_ns ? after_ns : THREAD_NAMES_STAY_NS);
	process_groups_end(&named->wait_groups, now_ns, 1);
}

static int named_collect(struct host *host)
{
	struct named *named = host->state;
	int64_t since_ns = host->asked_ns;
	if (named->exits)
		process_exits_begin(named->exits);
	/* What was seen before that may have ended before that, and would be counted twice. */
	if (named->exits && process_exits_stats(named->exits).taskstats)
		since_ns = monotonic_ns();
	int r = process_table_begin(named->table);
	if (!r && named->threads)
		r = process_table_begin(named->threads);
	if (!r)
		r = process_table_scan(named->table, since_ns);
	if (r) {
		named->scrape_errors++;
		return r;
	}
	named_count(host, named);
	if (named->exits)
		named_count_exits(host, named);
	if (named->threads)
		named_count_threads(host, named);
	named_sample(host, named);
	named_end(host, named);
	return 0;
}

const struct host_ops host_namedprocess = {
	.open = named_open,
	.collect = named_collect,
	.close = named_close,
};
