/* SPDX-License-Identifier: MIT */
/* The parts of the bpf collector that need no kernel: how values find their cells, what becomes of cells and errors,
 * how control groups are found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "collect/bpf/bpf_cgroups.h"
#include "collect/bpf/bpf_histogram.h"
#include "collect/bpf/bpf_state.h"
#include "host_files.h"

/* ---- cells ------------------------------------------------------------------------------------------------------ */

static uint32_t cell_slowly(const struct bpf_partition *partition, uint64_t value)
{
	uint32_t cell = 0;
	while (value > partition->uppers[cell])
		cell++;
	return cell;
}

static void assert_cell(const struct bpf_partition *partition, uint64_t value)
{
	if (bpf_partition_cell(partition, value) != cell_slowly(partition, value))
		fail_msg("%llu is in cell %u, not %u", (unsigned long long)value, cell_slowly(partition, value),
			 bpf_partition_cell(partition, value));
}

static void test_every_value_finds_the_cell_whose_bounds_hold_it(void **state)
{
	(void)state;
	const unsigned seed = (unsigned)time(NULL);
	print_message("seed %u\n", seed);
	srandom(seed);
	for (int scale = 0; scale < BPF_SCALE_COUNT; scale++) {
		struct bpf_partition partition;
		bpf_partition_fill((enum bpf_scale)scale, &partition);
		for (size_t i = 0; partition.uppers[i] != UINT64_MAX; i++)
			for (int d = -1; d <= 1; d++)
				assert_cell(&partition, partition.uppers[i] + (uint64_t)d);
		for (unsigned shift = 0; shift < 64; shift++)
			for (int i = 0; i < 1000; i++)
				assert_cell(&partition, ((uint64_t)random() << 33 | (uint64_t)random() << 2) >> shift);
		assert_cell(&partition, 0);
		assert_cell(&partition, UINT64_MAX);
	}
}

/* Cells of two CPUs as programs would leave them. */
struct cells {
	struct bpf_cells of_cpu[2];
};

static void cells_observe(struct cells *cells, const struct bpf_partition *partition, uint32_t cpu, uint64_t value)
{
	cells->of_cpu[cpu].cells[bpf_partition_cell(partition, value)]++;
	cells->of_cpu[cpu].sum += value;
}

static struct snapshot_sample sample_of(struct bpf_histogram *histogram, const struct cells *cells)
{
	const struct bpf_region region = {.words = (const uint64_t *)cells,
					  .value_words = sizeof(struct bpf_cells) / sizeof(uint64_t),
					  .keys = 1,
					  .rows = 2};
	snapshot_unref(test_host.snapshot);
	builder_begin(test_host.builder);
	bpf_histogram_sample(histogram, test_host.builder, &region, 0, NULL);
	test_host.snapshot = builder_freeze(test_host.builder);
	assert_int_equal(snapshot_sample_count(test_host.snapshot), 1);
	return snapshot_sample(test_host.snapshot, 0);
}

static const struct bpf_histogram_spec latency_spec = {.name = "x_seconds", .help = "X.", .scale = BPF_SCALE_LATENCY};

static void test_cells_of_all_cpus_become_classic_and_native_buckets(void **state)
{
	(void)state;
	struct bpf_partition partition;
	struct bpf_histogram histogram;
	struct cells cells = {0};
	bpf_partition_fill(BPF_SCALE_LATENCY, &partition);
	assert_int_equal(bpf_histogram_init(&histogram, &latency_spec, 1), 0);
	cells_observe(&cells, &partition, 0, 1000); /* 1 us: the first classic bucket holds its bound */
	cells_observe(&cells, &partition, 0, 1001);
	cells_observe(&cells, &partition, 1, 3000000);               /* 3 ms */
	cells_observe(&cells, &partition, 1, UINT64_C(60000000000)); /* a minute: beyond all bounds */
	const struct snapshot_sample sample = sample_of(&histogram, &cells);
	const struct shape *shape = sample.composite->shape;
	const uint64_t *parts = sample.composite->parts;
	assert_string_equal(shape->bound_text[0], "1e-06");
	assert_int_equal(parts[0], 1);
	assert_int_equal(parts[1], 1);
	assert_string_equal(shape->bound_text[11], "0.005");
	assert_int_equal(parts[11], 1);
	assert_int_equal(parts[shape->bound_count], 1);
	assert_int_equal(parts[shape_positive(shape) + shape->buckets.positive_count], 1);
	assert_int_equal(sample.composite->sum.u64, UINT64_C(60003002001));
	assert_true(shape->native && shape->buckets.schema == 2 && shape->sum_scale == 1e-9);
	uint64_t native = 0;
	for (uint32_t i = shape->native_at; i < shape->part_count; i++)
		native += parts[i];
	assert_int_equal(native, 4);
	bpf_histogram_fini(&histogram);
}

static void test_series_of_a_histogram_stays_the_same_when_the_catalog_retires_others(void **state)
{
	(void)state;
	struct bpf_partition partition;
	struct bpf_histogram histogram;
	struct cells cells = {0};
	bpf_partition_fill(BPF_SCALE_LATENCY, &partition);
	builder_set_retire_after(test_host.builder, 1);
	assert_int_equal(bpf_histogram_init(&histogram, &latency_spec, 1), 0);
	for (int i = 1; i < 20; i++) {
		char name[16];
		family_ref family;
		series_ref series;
		snprintf(name, sizeof(name), "gone_%d", i);
		assert_int_equal(catalog_family(test_host.catalog,
						&(const struct family_request){.name = name, .type = METRIC_GAUGE},
						&family),
				 0);
		assert_int_equal(catalog_series(test_host.catalog, family, NULL, 0, &series), 0);
		cells_observe(&cells, &partition, 0, 1000);
		const struct snapshot_sample sample = sample_of(&histogram, &cells);
		assert_int_equal(sample.composite->parts[0], i);
		assert_memory_equal(sample.text, "x_seconds", sample.text_len);
	}
	assert_true(catalog_generation(test_host.catalog) > 0);
	bpf_histogram_fini(&histogram);
}

/* ---- control groups --------------------------------------------------------------------------------------------- */

static uint64_t directory_make(const char *path)
{
	struct stat status;
	host_fixture_mkdir(&test_host, path);
	assert_int_equal(stat(host_fixture_path(&test_host, path), &status), 0);
	return status.st_ino;
}

static void test_control_groups_get_their_paths_by_inode(void **state)
{
	(void)state;
	struct bpf_slot_view views[4] = {
		{.state = BPF_SLOT_NEW, .taken = 1, .key = directory_make("sys/fs/cgroup/unified/a.slice/b.service")},
		{.state = BPF_SLOT_NEW, .taken = 1, .key = 4711, .text = "gone.scope"},
		{.state = BPF_SLOT_FREE},
		{.state = BPF_SLOT_NEW, .taken = 1},
	};
	struct stat status;
	assert_int_equal(stat(host_fixture_path(&test_host, "sys/fs/cgroup/unified"), &status), 0);
	views[3].key = status.st_ino;
	const struct bpf_slots slots = {.count = 4, .views = views};
	const struct host host = {.options = &test_host.options};
	struct bpf_cgroups cgroups;
	assert_int_equal(bpf_cgroups_init(&cgroups, 4), 0);
	bpf_cgroups_refresh(&cgroups, &slots, &host, BPF_CGROUPS_UNIFIED);
	assert_string_equal(bpf_cgroups_path(&cgroups, 0), "/a.slice/b.service");
	assert_string_equal(bpf_cgroups_path(&cgroups, 1), "?/gone.scope");
	assert_string_equal(bpf_cgroups_path(&cgroups, 3), "/");
	/* The slot of the one that is gone is another group's now. */
	views[1] = (struct bpf_slot_view){
		.state = BPF_SLOT_NEW, .taken = 2, .key = directory_make("sys/fs/cgroup/unified/c")};
	bpf_cgroups_refresh(&cgroups, &slots, &host, BPF_CGROUPS_UNIFIED);
	assert_string_equal(bpf_cgroups_path(&cgroups, 1), "/c");
	bpf_cgroups_fini(&cgroups);
}

static void test_memory_groups_are_found_in_the_hierarchy_of_their_controller(void **state)
{
	(void)state;
	struct bpf_slot_view view = {.state = BPF_SLOT_NEW, .taken = 1};
	directory_make("sys/fs/cgroup/unified/x");
	view.key = directory_make("sys/fs/cgroup/memory/lab");
	const struct bpf_slots slots = {.count = 1, .views = &view};
	const struct host host = {.options = &test_host.options};
	struct bpf_cgroups cgroups;
	assert_int_equal(bpf_cgroups_init(&cgroups, 1), 0);
	bpf_cgroups_refresh(&cgroups, &slots, &host, BPF_CGROUPS_MEMORY);
	assert_string_equal(bpf_cgroups_path(&cgroups, 0), "/lab");
	bpf_cgroups_fini(&cgroups);
}

/* ---- states ----------------------------------------------------------------------------------------------------- */

static void test_errors_of_the_kernel_are_told_apart(void **state)
{
	(void)state;
	assert_int_equal(bpf_feature_state_of(0), BPF_FEATURE_RUNNING);
	assert_int_equal(bpf_feature_state_of(-EPERM), BPF_FEATURE_REFUSED);
	assert_int_equal(bpf_feature_state_of(-EACCES), BPF_FEATURE_REFUSED);
	assert_int_equal(bpf_feature_state_of(-ESRCH), BPF_FEATURE_UNSUPPORTED);
	assert_int_equal(bpf_feature_state_of(-ENOENT), BPF_FEATURE_UNSUPPORTED);
	assert_int_equal(bpf_feature_state_of(-ENOSYS), BPF_FEATURE_UNSUPPORTED);
	assert_int_equal(bpf_feature_state_of(-ENOMEM), BPF_FEATURE_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NODE_TEST(test_errors_of_the_kernel_are_told_apart),
		NODE_TEST(test_every_value_finds_the_cell_whose_bounds_hold_it),
		NODE_TEST(test_cells_of_all_cpus_become_classic_and_native_buckets),
		NODE_TEST(test_series_of_a_histogram_stays_the_same_when_the_catalog_retires_others),
		NODE_TEST(test_control_groups_get_their_paths_by_inode),
		NODE_TEST(test_memory_groups_are_found_in_the_hierarchy_of_their_controller),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
