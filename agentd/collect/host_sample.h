/* SPDX-License-Identifier: MIT */
/* Where a collector's samples go: straight into the builder, or, of a collector on a thread of its own, into a list
 * that the collecting thread takes into the builder later. */
#ifndef AGENTD_COLLECT_HOST_SAMPLE_H
#define AGENTD_COLLECT_HOST_SAMPLE_H

#include "host.h"
#include "snapshot/builder.h"

/* Samples with all their strings, one behind the other. */
struct sample_list {
	char *bytes;
	size_t len;
	size_t capacity;
};
#define SAMPLE_LIST_BYTES_MAX ((size_t)64 << 20)
void sample_list_fini(struct sample_list *list);

struct cached_series {
	uint64_t key; /* a hash of name and labels */
	series_ref series;
};

/* One of builder and list is set while a collector runs. */
struct host_sink {
	struct builder *builder;
	struct sample_list *list;
	/* The series of the last collection in the order in which they came. */
	struct cached_series *cache;
	size_t cache_count;
	size_t cache_capacity;
	size_t cache_next;
	size_t taken; /* samples of this collection */
	uint64_t cache_generation;
	uint64_t seed;
};

/* Starts a collection into a builder, or into a list, which is emptied. */
void host_sink_begin(struct host_sink *sink, struct builder *builder, struct sample_list *list);
void host_sink_fini(struct host_sink *sink);

/* What host_sample() does. False when the sample was dropped for want of memory. */
bool host_sink_sample(struct host_sink *sink, const struct host_family *family, const char *const *values,
		      struct number number);

/* Gives the samples of a list to a sink with a builder. */
void host_sink_replay(struct host_sink *sink, const struct sample_list *list);

#endif
