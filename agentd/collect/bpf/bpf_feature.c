/* SPDX-License-Identifier: MIT */
/* Loading, attaching and reading one feature. */
#include "bpf_feature.h"

#include <assert.h>
#include <stdlib.h>

#include <bpf/libbpf.h>

struct bpf_map *bpf_feature_map(const struct bpf_feature *feature, const char *name)
{
	struct bpf_map *map = bpf_object__find_map_by_name(feature->object, name);
	assert(map);
	return map;
}

static uint32_t rows_of(const struct bpf_region_spec *spec, uint32_t cpus)
{
	return spec->rows == BPF_ROWS_CPU ? cpus : spec->rows == BPF_ROWS_FEW ? BPF_FEW_ROWS : 1;
}

static int regions_resize(const struct bpf_feature *feature, uint32_t cpus)
{
	int r = bpf_region_resize(bpf_feature_map(feature, "drops"), 1, cpus);
	if (!r && feature->ops->slot_count)
		r = bpf_slots_resize(feature->object, feature->ops->slot_count);
	for (const struct bpf_region_spec *spec = feature->ops->regions; !r && spec->map; spec++)
		r = bpf_region_resize(bpf_feature_map(feature, spec->map), spec->keys, rows_of(spec, cpus));
	return r;
}

static int regions_open(struct bpf_feature *feature, uint32_t cpus)
{
	int r = bpf_region_open(bpf_feature_map(feature, "drops"), 1, cpus, &feature->drops);
	if (!r && feature->ops->slot_count)
		r = bpf_slots_open(&feature->slots, feature->object, feature->ops->slot_count);
	for (size_t i = 0; !r && feature->ops->regions[i].map; i++) {
		const struct bpf_region_spec *spec = &feature->ops->regions[i];
		assert(i < BPF_REGIONS_MAX);
		r = bpf_region_open(bpf_feature_map(feature, spec->map), spec->keys, rows_of(spec, cpus),
				    &feature->regions[i]);
	}
	return r;
}

static int histograms_init(struct bpf_feature *feature)
{
	const struct bpf_feature_ops *ops = feature->ops;
	int r = 0;
	for (size_t i = 0; !r && i < BPF_HISTOGRAMS_MAX && ops->histograms[i]; i++)
		r = bpf_histogram_init(&feature->histograms[i], ops->histograms[i], ops->histogram_keys);
	return r;
}

static int programs_attach(struct bpf_feature *feature)
{
	struct bpf_program *program;
	bpf_object__for_each_program(program, feature->object)
	{
		if (!bpf_program__autoload(program))
			continue;
		assert(feature->link_count < BPF_PROGRAMS_MAX);
		struct bpf_link *link = bpf_program__attach(program);
		if (!link)
			return -errno;
		feature->links[feature->link_count++] = link;
	}
	return 0;
}

/* Everything is ready before the first program is attached: no event finds a region half-made. */
static int feature_start(struct bpf_feature *feature)
{
	const uint32_t cpus = bpf_cpu_count();
	if (!cpus)
		return -ENODEV;
	feature->skeleton = feature->ops->open();
	if (!feature->skeleton)
		return -errno;
	feature->object = feature->ops->object(feature->skeleton);
	int r = regions_resize(feature, cpus);
	if (!r)
		r = bpf_object__load(feature->object);
	if (!r)
		r = regions_open(feature, cpus);
	if (!r)
		r = histograms_init(feature);
	if (!r && feature->ops->start)
		r = feature->ops->start(feature);
	if (!r)
		r = programs_attach(feature);
	return r;
}

static void feature_stop(struct bpf_feature *feature)
{
	for (size_t i = 0; i < feature->link_count; i++)
		bpf_link__destroy(feature->links[i]);
	feature->link_count = 0;
	if (feature->ops->stop)
		feature->ops->stop(feature);
	for (size_t i = 0; i < BPF_HISTOGRAMS_MAX; i++)
		bpf_histogram_fini(&feature->histograms[i]);
	for (size_t i = 0; i < BPF_REGIONS_MAX; i++)
		bpf_region_close(&feature->regions[i]);
	bpf_region_close(&feature->drops);
	bpf_slots_close(&feature->slots);
	if (feature->skeleton)
		feature->ops->destroy(feature->skeleton);
	feature->skeleton = NULL;
	feature->object = NULL;
}

void bpf_feature_open(struct bpf_feature *feature, const struct bpf_feature_ops *ops)
{
	*feature = (struct bpf_feature){.ops = ops};
	feature->error = feature_start(feature);
	feature->state = bpf_feature_state_of(feature->error);
	if (feature->error)
		feature_stop(feature);
}

void bpf_feature_close(struct bpf_feature *feature)
{
	if (feature->ops && feature->state == BPF_FEATURE_RUNNING)
		feature_stop(feature);
	*feature = (struct bpf_feature){.ops = NULL};
}

void bpf_feature_sample(struct bpf_feature *feature, const struct bpf_sink *sink)
{
	if (feature->state != BPF_FEATURE_RUNNING)
		return;
	if (feature->ops->slot_count)
		bpf_slots_refresh(&feature->slots);
	feature->ops->sample(feature, sink);
}
