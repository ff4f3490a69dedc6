/* SPDX-License-Identifier: MIT */
/* Histograms of BPF programs.
 *
 * The cells are those of a segment's family with both kinds of buckets (mstat_partition()), so the way from cells to
 * parts is the one that segments take.
 */
#include "bpf_histogram.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include <mstat/bucket.h>

#define SCHEMA 2
#define INDEX_OF_POWER(power) ((power) * (1 << SCHEMA))
#define BOTH (MSTAT_SHM_BUCKETS_EXPLICIT | MSTAT_SHM_BUCKETS_EXPONENTIAL)

static const struct mstat_shm_buckets latency_buckets = {
	.flags = BOTH,
	.bound_count = 22,
	.schema = SCHEMA,
	.first = INDEX_OF_POWER(-23) + 1,
	.count = INDEX_OF_POWER(5 + 23),
	.scale = 1e-9,
	.bounds = {1e-6, 2.5e-6, 5e-6,   1e-5, 2.5e-5, 5e-5,   1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3,
		   5e-3, 1e-2,   2.5e-2, 5e-2, 1e-1,   2.5e-1, 5e-1, 1,      2.5,  5,    10},
};
static const struct mstat_shm_buckets size_buckets = {
	.flags = BOTH,
	.bound_count = 8,
	.schema = SCHEMA,
	.first = INDEX_OF_POWER(9) + 1,
	.count = INDEX_OF_POWER(25 - 9),
	.scale = 1,
	.bounds = {0x1p10, 0x1p12, 0x1p14, 0x1p16, 0x1p18, 0x1p20, 0x1p22, 0x1p24},
};
static const struct mstat_shm_buckets *const buckets_of[BPF_SCALE_COUNT] = {
	[BPF_SCALE_LATENCY] = &latency_buckets,
	[BPF_SCALE_SIZE] = &size_buckets,
};
static const char *const units[BPF_SCALE_COUNT] = {
	[BPF_SCALE_LATENCY] = "seconds",
	[BPF_SCALE_SIZE] = "bytes",
};

/* ---- for the programs ------------------------------------------------------------------------------------------- */

static uint8_t cell_find(const struct bpf_partition *partition, uint64_t value)
{
	uint32_t cell = 0;
	while (value > partition->uppers[cell])
		cell++;
	return (uint8_t)cell;
}

void bpf_partition_fill(enum bpf_scale scale, struct bpf_partition *partition)
{
	const struct mstat_shm_buckets *buckets = buckets_of[scale];
	double uppers[MSTAT_PARTITION_MAX];
	const uint32_t count = mstat_partition(buckets, true, uppers);
	assert(count < BPF_CELLS);
	for (uint32_t i = 0; i < sizeof(partition->uppers) / sizeof(*partition->uppers); i++)
		partition->uppers[i] =
			i < count ? (uint64_t)mstat_bucket_scaled(uppers[i], buckets->scale) : UINT64_MAX;
	for (uint32_t log = 0; log < 64; log++) {
		for (uint32_t strip = 0; strip < 1u << BPF_STRIPS_LOG; strip++) {
			const uint64_t low =
				(UINT64_C(1) << 63 | (uint64_t)strip << (63 - BPF_STRIPS_LOG)) >> (63 - log);
			const uint64_t high = low + ((UINT64_C(1) << log) - 1) / (1u << BPF_STRIPS_LOG);
			const uint8_t first = cell_find(partition, low);
			assert(cell_find(partition, high) <= first + 2);
			partition->firsts[log << BPF_STRIPS_LOG | strip] = first;
		}
		const uint64_t smeared = UINT64_MAX >> (63 - log);
		partition->logs[smeared * BPF_LOG_FACTOR >> 58] = (uint8_t)log;
	}
}

/* ---- for the catalog -------------------------------------------------------------------------------------------- */

int bpf_histogram_init(struct bpf_histogram *histogram, const struct bpf_histogram_spec *spec, uint32_t keys)
{
	series_ref *series = calloc(keys, sizeof(*series));
	if (!series)
		return -ENOMEM;
	*histogram = (struct bpf_histogram){
		.spec = spec,
		.family = {.kind = MSTAT_SHM_HISTOGRAM, .value = MSTAT_SHM_U64, .buckets = buckets_of[spec->scale]},
		.series = series,
		.keys = keys,
	};
	return 0;
}

void bpf_histogram_fini(struct bpf_histogram *histogram)
{
	family_shape_fini(&histogram->shape);
	free(histogram->series);
	*histogram = (struct bpf_histogram){.spec = NULL};
}

static enum catalog_conflict family_find(struct bpf_histogram *histogram, struct catalog *catalog)
{
	const struct bpf_histogram_spec *spec = histogram->spec;
	const struct family_request request = {
		.name = spec->name, .help = spec->help, .unit = units[spec->scale], .type = METRIC_HISTOGRAM};
	for (uint32_t i = 0; i < histogram->keys; i++)
		histogram->series[i] = SERIES_NONE;
	histogram->generation = catalog_generation(catalog);
	return catalog_family(catalog, &request, &histogram->ref);
}

/* Makes the shape and finds the family, where that is due. False, and counted, when it cannot be had. */
static bool histogram_ready(struct bpf_histogram *histogram, struct builder *builder)
{
	struct catalog *catalog = builder_catalog(builder);
	enum catalog_conflict conflict = CATALOG_OK;
	if (histogram->catalog == catalog && histogram->generation == catalog_generation(catalog))
		return true;
	if (histogram->catalog != catalog) {
		family_shape_fini(&histogram->shape);
		conflict = family_shape_init(&histogram->shape, catalog, &histogram->family, SCHEMA);
	}
	if (!conflict)
		conflict = family_find(histogram, catalog);
	const bool usable = !conflict || conflict == CATALOG_CONFLICT_HELP;
	histogram->catalog = usable ? catalog : NULL;
	if (conflict)
		builder_count_conflict(builder, conflict);
	return usable;
}

static series_ref series_find(struct bpf_histogram *histogram, struct builder *builder, uint32_t key,
			      const char *const *values)
{
	struct label labels[BPF_LABELS_MAX];
	size_t count = 0;
	if (histogram->series[key] != SERIES_NONE)
		return histogram->series[key];
	for (; histogram->spec->labels[count]; count++)
		labels[count] = (struct label){histogram->spec->labels[count], values[count]};
	const enum catalog_conflict conflict =
		catalog_series(builder_catalog(builder), histogram->ref, labels, count, &histogram->series[key]);
	if (conflict)
		builder_count_conflict(builder, conflict);
	return histogram->series[key];
}

void bpf_histogram_sample(struct bpf_histogram *histogram, struct builder *builder, const struct bpf_region *region,
			  uint32_t key, const char *const *values)
{
	uint64_t words[1 + BPF_CELLS], any = 0;
	bpf_region_sums(region, key, 1 + BPF_CELLS, words);
	for (uint32_t i = 1; i <= BPF_CELLS; i++)
		any |= words[i];
	if (!any || !histogram_ready(histogram, builder))
		return;
	const series_ref series = series_find(histogram, builder, key, values);
	if (series == SERIES_NONE)
		return;
	const struct segment_distribution value = {
		.sum = words[0], .buckets = words + 1, .bucket_count = BPF_CELLS, .present = true};
	family_shape_merge(&histogram->shape, builder, series, &histogram->family, &value);
}
