/* SPDX-License-Identifier: MIT */
/* What a host collector works with: the node_* metrics of /proc, /sys and the like, one file (node_NAME.c) and one row
 * of collectors.def each.
 *
 * A collector is a table of families and a loop (collect/node_loadavg.c is a whole one):
 *
 *     static const struct host_family load = HOST_GAUGE("node_load1", "1m load average.");
 *
 *     static int loadavg_collect(struct host *host)
 *     {
 *             struct text text;
 *             double value;
 *             int r = host_read(host, HOST_PROC, "loadavg", &text);
 *             if (!r && text_f64(&text, &value))
 *                     host_f64(host, &load, value);
 *             return r;
 *     }
 *     const struct host_ops host_loadavg = {.collect = loadavg_collect};
 *
 * Contents of files are hostile: what does not parse is passed over and counted (host_skip), never a reason to crash or
 * to drop the rest. A collector returns 0 or -errno of the source without which it has nothing to tell (-ENODATA,
 * -ENOENT: this machine has no such thing); samples given so far count either way.
 *
 * Threads: a HOST_FAST collector runs on the collecting thread, a HOST_SLOW one on a thread of its own. Both run one
 * call at a time, with their own struct host, and see no difference.
 */
#ifndef AGENTD_COLLECT_HOST_H
#define AGENTD_COLLECT_HOST_H

#include <errno.h>

#include "host_options.h"
#include "host_pattern.h"
#include "host_text.h"
#include "snapshot/catalog.h"

struct host_private;

struct host {
	const struct host_options *options;
	void *state;      /* the collector's own: made by open, freed by close */
	int64_t asked_ns; /* CLOCK_MONOTONIC: what was known then or later is new enough for this call of collect */
	struct host_private *own;
};

struct host_ops {
	int (*collect)(struct host *host);
	/* Both may be NULL. open runs before the first collect; 0 or -errno, which disables the collector. */
	int (*open)(struct host *host);
	void (*close)(struct host *host);
};

enum host_speed { HOST_FAST, HOST_SLOW };

/* ---- samples ---------------------------------------------------------------------------------------------------- */

#define HOST_LABELS_MAX 32

/* A family as it is exposed: a counter's name ends in "_total". Label names in any order; NULL ends them. The strings
 * may be temporary (made for the call); `help` may hold two "%s" for help_words, filled in only when the family is
 * new. */
struct host_family {
	const char *name;
	const char *help;
	enum metric_type type;
	const char *labels[HOST_LABELS_MAX + 1];
	const char *help_words[2];
};

#define HOST_FAMILY(metric_name, metric_type, metric_help, ...)                                                        \
	{                                                                                                              \
		.name = (metric_name), .help = (metric_help), .type = (metric_type), .labels = { __VA_ARGS__ }         \
	}
/* HOST_GAUGE("node_x", "Help.", "label", ...): an initialiser of a struct host_family. */
#define HOST_GAUGE(name, help, ...) HOST_FAMILY(name, METRIC_GAUGE, help, ##__VA_ARGS__)
#define HOST_COUNTER(name, help, ...) HOST_FAMILY(name, METRIC_COUNTER, help, ##__VA_ARGS__)
#define HOST_UNTYPED(name, help, ...) HOST_FAMILY(name, METRIC_UNKNOWN, help, ##__VA_ARGS__)
#define HOST_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* One sample. `values` are as many as the family has labels; an empty one is exposed as such. Bytes that are not UTF-8
 * become U+FFFD, a run of them one. Of samples with the same labels in one collection the greatest counts. Cost: some
 * 30 ns where the collector gives its samples in the same order as before, else some 200 ns. */
void host_sample(struct host *host, const struct host_family *family, const char *const *values, struct number number);

#define HOST_VALUES(...) ((const char *const[]){NULL, ##__VA_ARGS__} + 1)
/* host_u64(host, &family, number, "label value", ...) */
#define host_u64(host, family, value, ...)                                                                             \
	host_sample(host, family, HOST_VALUES(__VA_ARGS__), (struct number){.type = NUMBER_U64, .u64 = (value)})
#define host_i64(host, family, value, ...)                                                                             \
	host_sample(host, family, HOST_VALUES(__VA_ARGS__), (struct number){.type = NUMBER_I64, .i64 = (value)})
#define host_f64(host, family, value, ...)                                                                             \
	host_sample(host, family, HOST_VALUES(__VA_ARGS__), (struct number){.type = NUMBER_F64, .f64 = (value)})

/* Counts a piece of a source that could not be understood: mstat_host_skipped_total{collector}. */
void host_skip(struct host *host);

/* ---- files ------------------------------------------------------------------------------------------------------ */

/* Where a path begins: --path.procfs, --path.sysfs, --path.rootfs, --path.udev.data. Paths are relative to it. */

/* Reads a whole file (at most HOST_FILE_BYTES_MAX, the rest is cut and counted) into the collector's buffer, where the
 * tokenisers of host_text.h may write. Valid until the next host_read() of this collector. Files of procfs, sysfs and
 * cgroups stay open from one collection to the next and are opened again when they vanished. 0 or -errno. */
int host_read(struct host *host, enum host_root root, const char *path, struct text *text);
#define HOST_FILE_BYTES_MAX (16u << 20)

/* Small files of one value, without touching that buffer; 0, -errno, or -EINVAL (counted as skipped) if it is not a
 * number. The number may be followed by blanks only. */
int host_read_u64(struct host *host, enum host_root root, const char *path, uint64_t *value);
int host_read_i64(struct host *host, enum host_root root, const char *path, int64_t *value);
/* The file's text without blanks at both ends, cut to size - 1 bytes. */
int host_read_string(struct host *host, enum host_root root, const char *path, char *string, size_t size);

/* The target of a symbolic link, cut to size - 1 bytes. */
int host_read_link(struct host *host, enum host_root root, const char *path, char *target, size_t size);

/* The path as the kernel knows it: for calls such as statfs(2). -ENAMETOOLONG if it does not fit. */
int host_path(const struct host *host, enum host_root root, const char *path, char *full, size_t size);

/* Formats a path (or any text) into an array; evaluates to it. What is too long is cut, and will not be found. */
#define HOST_PATH_MAX 512
#define host_format(array, ...) host_print((array), sizeof(array), __VA_ARGS__)
const char *host_print(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The names in a directory, without "." and "..", in the kernel's order; at most HOST_LIST_MAX (the rest is counted as
 * skipped). The collector has HOST_LISTS lists for nested loops; a list is valid until its next host_list(). */
struct host_list {
	const char *const *names;
	size_t count;
};
#define HOST_LISTS 4
#define HOST_LIST_MAX 65536u
int host_list(struct host *host, unsigned list, enum host_root root, const char *path, struct host_list *names);

/* Ascending by bytes, where the order matters. */
void host_list_sort(struct host *host, unsigned list, struct host_list *names);

#endif
