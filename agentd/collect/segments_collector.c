/* SPDX-License-Identifier: MIT */
/* The collector of segments, as a collector. */
#include "collect.h"
#include "segments.h"

static int collect_segments(struct collector *collector, struct builder *builder)
{
	return segments_collect(collector->state, builder);
}

const struct collector_ops segments_collector = {
	.name = "segments",
	.help = "Shared-memory segments of instrumented programs.",
	.collect = collect_segments,
};
