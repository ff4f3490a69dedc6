/* SPDX-License-Identifier: MIT */
/* Block device caches: /sys/fs/bcache. Slow: some of its files wait for a lock that is held during I/O. */
#include <stdio.h>
#include <string.h>

#include "host_numbers.h"

#define BCACHE_PATH "fs/bcache"

/* ---- what is in which file -------------------------------------------------------------------------------------- */

#define SET_GAUGE(name, help) HOST_GAUGE("node_bcache_" name, help, "uuid")
#define BACKING_COUNTER(name, help) HOST_COUNTER("node_bcache_" name "_total", help, "uuid", "backing_device")
#define BACKING_GAUGE(name, help) HOST_GAUGE("node_bcache_" name, help, "uuid", "backing_device")
#define CACHE_COUNTER(name, help) HOST_COUNTER("node_bcache_" name "_total", help, "uuid", "cache_device")
#define CACHE_GAUGE(name, help) HOST_GAUGE("node_bcache_" name, help, "uuid", "cache_device")

static const struct host_number set_numbers[] = {
	{"average_key_size", SET_GAUGE("average_key_size_sectors", "Average data per key in the btree (sectors)."), 0},
	{"btree_cache_size", SET_GAUGE("btree_cache_size_bytes", "Amount of memory currently used by the btree cache."),
	 0},
	{"cache_available_percent",
	 SET_GAUGE("cache_available_percent", "Percentage of cache device without dirty data, usable for writeback "
					      "(may contain clean cached data)."),
	 0},
	{"congested", SET_GAUGE("congested", "Congestion."), 0},
	{"root_usage_percent",
	 SET_GAUGE("root_usage_percent",
		   "Percentage of the root btree node in use (tree depth increases if too high)."),
	 0},
	{"tree_depth", SET_GAUGE("tree_depth", "Depth of the btree."), 0},
	{"internal/active_journal_entries",
	 SET_GAUGE("active_journal_entries", "Number of journal entries that are newer than the index."), 0},
	{"internal/btree_nodes", SET_GAUGE("btree_nodes", "Total nodes in the btree."), 0},
	/* The name says microseconds; dashboards are made for this. */
	{"internal/btree_read_average_duration_us",
	 SET_GAUGE("btree_read_average_duration_seconds", "Average btree read duration."), 1e9},
	{"internal/cache_read_races",
	 HOST_COUNTER("node_bcache_cache_read_races_total",
		      "Counts instances where while data was being read from the cache, the bucket was reused and "
		      "invalidated - i.e. where the pointer was stale after the read completed.",
		      "uuid"),
	 0},
};
static const struct host_number backing_numbers[] = {
	{"dirty_data", BACKING_GAUGE("dirty_data_bytes", "Amount of dirty data for this backing device in the cache."),
	 0},
	{"stats_total/bypassed",
	 BACKING_COUNTER("bypassed_bytes", "Amount of IO (both reads and writes) that has bypassed the cache."), 0},
	{"stats_total/cache_hits", BACKING_COUNTER("cache_hits", "Hits counted per individual IO as bcache sees them."),
	 0},
	{"stats_total/cache_misses",
	 BACKING_COUNTER("cache_misses", "Misses counted per individual IO as bcache sees them."), 0},
	{"stats_total/cache_bypass_hits",
	 BACKING_COUNTER("cache_bypass_hits", "Hits for IO intended to skip the cache."), 0},
	{"stats_total/cache_bypass_misses",
	 BACKING_COUNTER("cache_bypass_misses", "Misses for IO intended to skip the cache."), 0},
	{"stats_total/cache_miss_collisions",
	 BACKING_COUNTER("cache_miss_collisions", "Instances where data insertion from cache miss raced with write "
						  "(data already present)."),
	 0},
	{"stats_total/cache_readaheads", BACKING_COUNTER("cache_readaheads", "Count of times readahead occurred."), 0},
};
static const struct host_number cache_numbers[] = {
	{"io_errors", CACHE_GAUGE("io_errors", "Number of errors that have occurred, decayed by io_error_halflife."),
	 0},
	{"metadata_written",
	 CACHE_COUNTER("metadata_written_bytes", "Sum of all non data writes (btree writes and all other metadata)."),
	 0},
	{"written", CACHE_COUNTER("written_bytes", "Sum of all data that has been written to the cache."), 0},
};
/* Rows of text files: here `file` is the word before the colon. */
static const struct host_number writeback_rows[] = {
	{"rate", BACKING_GAUGE("writeback_rate", "Current writeback rate for this backing device in bytes."), 0},
	{"target",
	 BACKING_GAUGE("dirty_target_bytes", "Current dirty data target threshold for this backing device in bytes."),
	 0},
	{"proportional",
	 BACKING_GAUGE("writeback_rate_proportional_term",
		       "Current result of proportional controller, part of writeback rate"),
	 0},
	{"integral",
	 BACKING_GAUGE("writeback_rate_integral_term", "Current result of integral controller, part of writeback rate"),
	 0},
	{"change", BACKING_GAUGE("writeback_change", "Last writeback rate change step for this backing device."), 0},
};
static const struct host_number priority_rows[] = {
	{"Unused",
	 CACHE_GAUGE("priority_stats_unused_percent", "The percentage of the cache that doesn't contain any data."), 0},
	{"Metadata", CACHE_GAUGE("priority_stats_metadata_percent", "Bcache's metadata overhead."), 0},
};

/* ---- numbers for people ----------------------------------------------------------------------------------------- */

/* bcache writes "20.4G": units of 1024, and its fraction is hundreds of the next smaller unit, not tenths. */
static bool size_parse(struct text *text, double *value)
{
	static const char units[] = "kMGTPEZY";
	uint64_t whole, fraction = 0;
	text_blanks(text);
	bool negative = text_take(text, "-");
	if (!text_u64(text, &whole))
		return false;
	if (text_take(text, ".") && (!text_u64(text, &fraction) || fraction > 9))
		return false;
	double size = (double)whole + (double)fraction * 100 / 1024;
	const char *unit = text->at < text->end && *text->at ? strchr(units, *text->at) : NULL;
	for (const char *at = units; unit && at <= unit; at++)
		size *= 1024;
	*value = negative ? -size : size;
	return true;
}

/* As host_numbers_sample(), where numbers may have a unit. */
static void sizes_sample(struct host *host, const char *directory, const struct host_number *rows, size_t count,
			 const char *const *values)
{
	char path[HOST_PATH_MAX], string[64];
	double size;
	for (size_t i = 0; i < count; i++) {
		if (host_read_string(host, HOST_SYS, host_format(path, "%s/%s", directory, rows[i].file), string,
				     sizeof(string)))
			continue;
		struct text text = {string, string + strlen(string)};
		if (!size_parse(&text, &size)) {
			host_skip(host);
			continue;
		}
		struct number number = {.type = NUMBER_F64,
					.f64 = rows[i].divisor != 0 ? size / rows[i].divisor : size};
		host_sample(host, &rows[i].family, values, number);
	}
}

/* Lines "word: size" of a file. */
static void rows_sample(struct host *host, const char *path, const struct host_number *rows, size_t count,
			const char *const *values)
{
	struct text text, line;
	double size;
	if (host_read(host, HOST_SYS, path, &text))
		return;
	while (text_line(&text, &line)) {
		const char *word = text_until(&line, ':');
		for (size_t i = 0; word && i < count; i++) {
			if (strcmp(rows[i].file, word) != 0)
				continue;
			if (size_parse(&line, &size))
				host_sample(host, &rows[i].family, values,
					    (struct number){.type = NUMBER_F64, .f64 = size});
			else
				host_skip(host);
		}
	}
}

/* ---- sets and their devices ------------------------------------------------------------------------------------- */

static void device_sample(struct host *host, const char *uuid, const char *name)
{
	char directory[HOST_PATH_MAX - 32], path[HOST_PATH_MAX];
	const char *const *values = HOST_VALUES(uuid, name);
	host_format(directory, BCACHE_PATH "/%s/%s", uuid, name);
	if (!strncmp(name, "bdev", 4)) {
		sizes_sample(host, directory, backing_numbers, HOST_COUNT_OF(backing_numbers), values);
		rows_sample(host, host_format(path, "%s/writeback_rate_debug", directory), writeback_rows,
			    HOST_COUNT_OF(writeback_rows), values);
	} else {
		sizes_sample(host, directory, cache_numbers, HOST_COUNT_OF(cache_numbers), values);
		if (host->options->bcache_priority_stats)
			rows_sample(host, host_format(path, "%s/priority_stats", directory), priority_rows,
				    HOST_COUNT_OF(priority_rows), values);
	}
}

static bool is_device(const char *name)
{
	size_t len = !strncmp(name, "bdev", 4) ? 4 : !strncmp(name, "cache", 5) ? 5 : 0;
	return len && name[len] >= '0' && name[len] <= '9';
}

static void set_sample(struct host *host, const char *uuid)
{
	char directory[HOST_PATH_MAX - 64];
	struct host_list names;
	host_format(directory, BCACHE_PATH "/%s", uuid);
	if (host_list(host, 1, HOST_SYS, directory, &names))
		return;
	sizes_sample(host, directory, set_numbers, HOST_COUNT_OF(set_numbers), HOST_VALUES(uuid));
	for (size_t i = 0; i < names.count; i++)
		if (is_device(names.names[i]))
			device_sample(host, uuid, names.names[i]);
}

static int bcache_collect(struct host *host)
{
	struct host_list sets;
	int r = host_list(host, 0, HOST_SYS, BCACHE_PATH, &sets);
	if (r)
		return r == -ENOENT ? 0 : r; /* the module is not loaded: no caches is an answer */
	for (size_t i = 0; i < sets.count; i++)
		if (strchr(sets.names[i], '-')) /* beside "register" and the like */
			set_sample(host, sets.names[i]);
	return 0;
}

const struct host_ops host_bcache = {.collect = bcache_collect};
