/* SPDX-License-Identifier: MIT */
/* Histograms of BPF programs: how values are divided into cells, and the cells as a family with both native buckets
 * (schema 2: 19 % wide) and classic ones. */
#ifndef AGENTD_COLLECT_BPF_HISTOGRAM_H
#define AGENTD_COLLECT_BPF_HISTOGRAM_H

#include <linux/types.h>

#include "bpf_region.h"
#include "bpf_partition.h"
#include "bpf_shared.h"
#include "collect/segments_shapes.h"

/* What is measured: */
enum bpf_scale {
	BPF_SCALE_LATENCY, /* ns, told in seconds: from 0.1 us to 32 s, with classic bounds 1, 2.5 and 5 of each decade
			    */
	BPF_SCALE_SIZE,    /* bytes: from 512 to 32 MiB, with classic bounds at the powers of 4 */
	BPF_SCALE_COUNT
};

/* Fills in what a program needs to find the cell of a value. */
void bpf_partition_fill(enum bpf_scale scale, struct bpf_partition *partition);

#define BPF_LABELS_MAX 4

/* A family as it is exposed. */
struct bpf_histogram_spec {
	const char *name;
	const char *help;
	enum bpf_scale scale;
	const char *labels[BPF_LABELS_MAX + 1]; /* ended by NULL */
};

/* The same as it stands in the catalog of a builder. */
struct bpf_histogram {
	const struct bpf_histogram_spec *spec;
	struct catalog *catalog; /* for which the rest was made; NULL: none yet */
	struct segment_family family;
	struct family_shape shape;
	uint64_t generation; /* of the catalog, for which `series` holds */
	family_ref ref;
	series_ref *series; /* by key; SERIES_NONE where it has to be asked for */
	uint32_t keys;
};

/* 0 or -ENOMEM. */
int bpf_histogram_init(struct bpf_histogram *histogram, const struct bpf_histogram_spec *spec, uint32_t keys);
void bpf_histogram_fini(struct bpf_histogram *histogram); /* zeroed is fine */

/* Adds what a region of struct bpf_cells has of a key, unless that is nothing. `values` are as many as there are
 * labels. Cost: some 200 ns and 100 ns a row. */
void bpf_histogram_sample(struct bpf_histogram *histogram, struct builder *builder, const struct bpf_region *region,
			  uint32_t key, const char *const *values);

#endif
