/* SPDX-License-Identifier: MIT */
/* What a collector is: a source that adds samples to a builder. One file and one row in collectors.def each. */
#ifndef AGENTD_COLLECT_COLLECTOR_H
#define AGENTD_COLLECT_COLLECTOR_H

#include "snapshot/builder.h"

struct collector {
	const struct collector_ops *ops;
	void *state;              /* the collector's own */
	int64_t last_duration_ns; /* of the last collection */
	bool last_success;
};

struct collector_ops {
	const char *name;
	const char *help;
	/* Adds samples; 0 or -errno (the samples added so far count). */
	int (*collect)(struct collector *collector, struct builder *builder);
	/* Frees the state; may be NULL. */
	void (*close)(struct collector *collector);
};

#endif
