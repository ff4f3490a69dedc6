/* SPDX-License-Identifier: MIT */
/* The collector of the agent's own metrics. It asks what it may know (segments, builder, /proc/self) and is told the
 * rest, because collectors know nothing of the rooms that serve. */
#ifndef AGENTD_COLLECT_SELF_H
#define AGENTD_COLLECT_SELF_H

#include <stddef.h>
#include <stdint.h>

struct segments;

/* One series of a labelled figure. */
struct self_count {
	const char *labels[2]; /* in the order of the family's label names */
	uint64_t value;
};
#define SELF_COUNTS_MAX 64

struct self_figures {
#define SELF_FIGURE(field, name, type, number, unit, help) uint64_t field;
#include "self.def"
#undef SELF_FIGURE
	struct self_count http_responses[SELF_COUNTS_MAX]; /* path, code */
	size_t http_response_count;
	struct self_count http_closes[SELF_COUNTS_MAX]; /* reason */
	size_t http_close_count;
	struct self_count log_lines[SELF_COUNTS_MAX]; /* level */
	size_t log_line_count;
	struct self_count reloads[SELF_COUNTS_MAX]; /* result */
	size_t reload_count;
};

/* The state of this collector; belongs to whoever made it. */
struct self_state {
	const char *version;
	struct segments *segments;
	void (*figures)(void *context, struct self_figures *figures);
	void *context;
};

#endif
