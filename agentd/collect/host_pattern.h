/* SPDX-License-Identifier: MIT */
/* Include and exclude patterns of device names and the like.
 *
 * node_exporter's flags are RE2; here they are PCRE2 expressions, which mean the same for what people write in them
 * (RE2 lacks look-around and back references; here they exist). Like there, a pattern need not be anchored.
 */
#ifndef AGENTD_COLLECT_HOST_PATTERN_H
#define AGENTD_COLLECT_HOST_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

struct host_pattern;

/* Compiles `expression`. 0, -ENOMEM, or -EINVAL with a sentence in `why`. */
int host_pattern_new(const char *expression, struct host_pattern **pattern, char *why, size_t why_size);
void host_pattern_free(struct host_pattern *pattern); /* NULL is fine */

/* Whether the expression is found in `name`. Not thread-safe. Verdicts are remembered: some 20 ns for a name seen
 * lately, else microseconds. */
bool host_pattern_match(struct host_pattern *pattern, const char *name);

/* The verdict of a pair of options of which either may be "" (node_exporter: --collector.X.device-include and
 * -exclude). */
struct host_filter {
	struct host_pattern *include;
	struct host_pattern *exclude;
};
/* 0 or -errno; expressions were checked when the options were read. */
int host_filter_init(struct host_filter *filter, const char *include, const char *exclude);
void host_filter_fini(struct host_filter *filter);
bool host_filter_takes(struct host_filter *filter, const char *name);

#endif
