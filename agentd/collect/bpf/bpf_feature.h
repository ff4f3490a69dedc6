/* SPDX-License-Identifier: MIT */
/* A feature of the bpf collector: one BPF object with its programs and regions, and what becomes of them when the
 * kernel does not want them.
 *
 * What a feature brings along is a table (run_queue.c is a whole one): regions by the names of their maps, and
 * functions for what tables cannot say. Loading, attaching, mapping and closing are done here. A feature that cannot be
 * loaded costs itself only: it has a state and an errno instead of values.
 */
#ifndef AGENTD_COLLECT_BPF_FEATURE_H
#define AGENTD_COLLECT_BPF_FEATURE_H

#include "bpf_histogram.h"
#include "bpf_region.h"
#include "bpf_slots.h"
#include "bpf_state.h"

#define BPF_REGIONS_MAX 6
#define BPF_HISTOGRAMS_MAX 4
#define BPF_PROGRAMS_MAX 24

/* How many values there are of each key. */
enum bpf_rows {
	BPF_ROWS_CPU, /* one for each CPU */
	BPF_ROWS_FEW, /* BPF_FEW_ROWS */
	BPF_ROWS_ONE,
};

/* Regions have the names of their maps. "drops" is one for all features and needs no row. */
struct bpf_region_spec {
	const char *map;
	uint32_t keys;
	enum bpf_rows rows;
};

struct bpf_feature;
struct bpf_link;
struct bpf_program;
struct bpf_object;

struct bpf_feature_ops {
	const char *name;
	/* Opens the skeleton and fills in its constants: NULL with errno. */
	void *(*open)(void);
	void (*destroy)(void *skeleton);
	/* Of the skeleton that open returned. */
	struct bpf_object *(*object)(void *skeleton);
	const struct bpf_region_spec *regions; /* ended by a NULL name */
	const struct bpf_histogram_spec *histograms[BPF_HISTOGRAMS_MAX];
	uint32_t histogram_keys;
	uint32_t slot_count; /* 0: the feature knows its keys beforehand */
	/* After loading: a feature's own state; may be NULL. 0 or -errno. */
	int (*start)(struct bpf_feature *feature);
	void (*stop)(struct bpf_feature *feature); /* also after a start that failed */
	void (*sample)(struct bpf_feature *feature, const struct bpf_sink *sink);
};

struct bpf_feature {
	const struct bpf_feature_ops *ops;
	enum bpf_feature_state state;
	int error; /* -errno of a state that is neither DISABLED nor RUNNING */
	void *skeleton;
	struct bpf_object *object;
	struct bpf_link *links[BPF_PROGRAMS_MAX];
	size_t link_count;
	struct bpf_region regions[BPF_REGIONS_MAX]; /* as ops->regions */
	struct bpf_region drops;
	struct bpf_slots slots;
	struct bpf_histogram histograms[BPF_HISTOGRAMS_MAX];
	void *own; /* the feature's */
};

/* The functions that each skeleton needs; `fill` gets the skeleton and sets its constants. */
#define BPF_FEATURE_SKELETON(name, fill)                                                                               \
	static void *skeleton_open(void)                                                                               \
	{                                                                                                              \
		struct name##_bpf *skeleton = name##_bpf__open();                                                      \
		if (skeleton)                                                                                          \
			fill(skeleton);                                                                                \
		return skeleton;                                                                                       \
	}                                                                                                              \
	static void skeleton_destroy(void *skeleton)                                                                   \
	{                                                                                                              \
		name##_bpf__destroy(skeleton);                                                                         \
	}                                                                                                              \
	static struct bpf_object *skeleton_object(void *skeleton)                                                      \
	{                                                                                                              \
		return ((struct name##_bpf *)skeleton)->obj;                                                           \
	}
#define BPF_FEATURE_SKELETON_OPS .open = skeleton_open, .destroy = skeleton_destroy, .object = skeleton_object

/* Loads and attaches; the outcome is in the feature's state. Cost: some 25 ms, of which 20 are libbpf's look at the
 * kernel's types. */
void bpf_feature_open(struct bpf_feature *feature, const struct bpf_feature_ops *ops);

/* Detaches and unloads. NULL ops are fine. */
void bpf_feature_close(struct bpf_feature *feature);

/* Adds the values of a running feature. */
void bpf_feature_sample(struct bpf_feature *feature, const struct bpf_sink *sink);

/* A map of the feature's object, which must have it. */
struct bpf_map *bpf_feature_map(const struct bpf_feature *feature, const char *name);

#endif
