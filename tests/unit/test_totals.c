/* SPDX-License-Identifier: MIT */
/* Totals: values of dead segments add up by the rules of their families, and survive their file bit for bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "segment/totals.h"
#include "mode.h"
#include "segment_fixture.h"

static const struct totals_mark mark_one = {.uuid = {1, 2, 3, 0xff}, .inode = 7};
static const struct totals_mark mark_two = {.uuid = {1, 2, 3, 0xff}, .inode = UINT64_MAX};

static const struct image_limits limits_roomy = {
	.file_bytes = 16384,
	.cpu_count = 2,
	.shared_row_count = 1,
	.cell_max = 32,
	.series_max = 32,
	.process_max = 3,
	.gauge_cell_max = 16,
	.exemplar_max = 1,
};

/* Adds the fixture's image, as a segment of its own. */
static void add_image(struct segment_fixture *fixture, struct totals *totals, const struct totals_mark *mark)
{
	uint64_t refused = 0;
	assert_int_equal(fixture_read(fixture), SEGMENT_DEAD);
	assert_int_equal(totals_prepare(totals, fixture->segment, &refused), 0);
	totals_add(totals, fixture->segment, mark, mark->inode);
	assert_int_equal(refused, 0);
}

/* The value of the first series of a family; there must be one. */
static struct segment_value value_of(const struct totals *totals, const char *family)
{
	for (uint32_t i = 0; i < totals->series_count; i++)
		if (!strcmp(totals->families[totals->series[i].family].name, family) && !totals->series[i].overflow)
			return totals->series[i].value;
	return (struct segment_value){0};
}

static void test_totals_add_counters_of_one_series_and_keep_the_oldest_creation(void **state)
{
	struct segment_fixture *fixture = *state;
	struct totals *totals = totals_new("shop", 1000);
	fixture_fill(fixture);
	add_image(fixture, totals, &mark_one);
	*image_series_cell(&fixture->image, 0, 0) = UINT64_MAX; /* wraps, as counters do */
	image_entry(&fixture->image, 0)->created_ns = 5;
	add_image(fixture, totals, &mark_two);
	assert_int_equal(value_of(totals, "requests").bits, 42 + 1);
	assert_int_equal(value_of(totals, "busy_seconds").bits, bits_of(3.5));
	for (uint32_t i = 0; i < totals->series_count; i++)
		if (!strcmp(totals->families[totals->series[i].family].name, "requests") && !totals->series[i].overflow)
			assert_int_equal(totals->series[i].created_ns, 5);
	assert_int_equal(totals->died_ns, UINT64_MAX);
	assert_true(totals->dirty);
	totals_free(totals);
}

static uint32_t gauge_family(struct segment_image *image, const char *name, uint8_t value, uint8_t merge, uint8_t flags)
{
	const uint32_t family = image_family(
		image, &(struct image_family){
			       .name = name, .kind = MSTAT_SHM_GAUGE, .value = value, .merge = merge, .flags = flags});
	return image_series(image, family, (const char *const[]){NULL});
}

/* One gauge of each rule, set to a value. */
static void fill_gauges(struct segment_image *image, int64_t value)
{
	static const struct {
		const char *name;
		uint8_t merge, flags;
	} rules[] = {
		{"sum", MSTAT_SHM_MERGE_SUM, 0},
		{"min", MSTAT_SHM_MERGE_MIN, 0},
		{"max", MSTAT_SHM_MERGE_MAX, 0},
		{"live", MSTAT_SHM_MERGE_SUM, MSTAT_SHM_FAMILY_LIVE},
	};
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		const uint32_t series =
			gauge_family(image, rules[i].name, MSTAT_SHM_I64, rules[i].merge, rules[i].flags);
		*image_series_cell(image, 1, series) = mstat_shm_gauge_from_i64(value);
	}
	const uint32_t series = gauge_family(image, "max_f64", MSTAT_SHM_F64, MSTAT_SHM_MERGE_MAX, 0);
	*image_series_cell(image, 1, series) = mstat_shm_gauge_from_f64((double)value / 4);
	image_claim(image, 0, 1, 1, 2, 0);
}

static void test_totals_merge_gauges_by_their_rule_and_keep_no_live_ones(void **state)
{
	struct segment_fixture *fixture = *state;
	struct totals *totals = totals_new("shop", 1000);
	static const int64_t values[] = {-3, 5, 1};
	for (size_t i = 0; i < 3; i++) {
		fixture_image(fixture, &limits_roomy);
		fill_gauges(&fixture->image, values[i]);
		unlinkat(fixture->directory_fd, fixture->name, 0);
		segment_free(fixture->segment);
		fixture->segment = segment_new(fixture->name);
		add_image(fixture, totals, &mark_one);
	}
	assert_int_equal((int64_t)value_of(totals, "sum").bits, 3);
	assert_int_equal((int64_t)value_of(totals, "min").bits, -3);
	assert_int_equal((int64_t)value_of(totals, "max").bits, 5);
	assert_int_equal(value_of(totals, "max_f64").bits, bits_of(1.25));
	assert_false(value_of(totals, "live").present);
	totals_free(totals);
}

static void test_totals_merge_takes_the_latest_and_passes_over_what_nobody_set(void **state)
{
	(void)state;
	const struct segment_family family = {
		.kind = MSTAT_SHM_GAUGE, .value = MSTAT_SHM_I64, .merge = MSTAT_SHM_MERGE_LAST};
	struct segment_value value = {0};
	totals_merge(&family, &value, (struct segment_value){.bits = 1, .time_ns = 10, .present = true});
	totals_merge(&family, &value, (struct segment_value){.bits = 2, .time_ns = 9, .present = true});
	assert_int_equal(value.bits, 1);
	totals_merge(&family, &value, (struct segment_value){.bits = 3, .time_ns = 11, .present = true});
	totals_merge(&family, &value, (struct segment_value){.bits = 4, .time_ns = 12});
	assert_int_equal(value.bits, 3);
	assert_int_equal(value.time_ns, 11);
}

static void test_totals_refuse_a_family_of_another_shape_and_keep_the_first(void **state)
{
	(void)state;
	struct totals *totals = totals_new("shop", 0);
	const char *names[] = {"kind"}, *others[] = {"color"};
	struct segment_family family = {.kind = MSTAT_SHM_COUNTER,
					.value = MSTAT_SHM_U64,
					.name = "jobs",
					.help = "",
					.unit = "",
					.label_names = names,
					.label_count = 1};
	uint32_t index = 99;
	assert_int_equal(totals_family(totals, &family, &index), 0);
	assert_int_equal(index, 0);
	family.help = "Another help text is the same family.";
	assert_int_equal(totals_family(totals, &family, &index), 0);
	family.label_names = others;
	assert_int_equal(totals_family(totals, &family, &index), -EEXIST);
	family.label_names = names;
	family.label_count = 0;
	assert_int_equal(totals_family(totals, &family, &index), -EEXIST);
	family.label_count = 1;
	family.value = MSTAT_SHM_F64;
	assert_int_equal(totals_family(totals, &family, &index), -EEXIST);
	family.value = MSTAT_SHM_U64;
	family.unit = "jobs";
	assert_int_equal(totals_family(totals, &family, &index), -EEXIST);
	assert_int_equal(totals->family_count, 1);
	totals_free(totals);
}

/* Label values that share their bytes but not their borders are different series. */
static void test_totals_tell_label_values_apart_by_their_borders(void **state)
{
	(void)state;
	struct totals *totals = totals_new("shop", 0);
	const char *names[] = {"a", "b"};
	const struct segment_family family = {.kind = MSTAT_SHM_COUNTER,
					      .value = MSTAT_SHM_U64,
					      .name = "jobs",
					      .help = "",
					      .unit = "",
					      .label_names = names,
					      .label_count = 2};
	uint32_t index, one, two, again;
	assert_int_equal(totals_family(totals, &family, &index), 0);
	assert_int_equal(totals_series(totals, index, false, (const char *const[]){"xy", "z"}, &one), 0);
	assert_int_equal(totals_series(totals, index, false, (const char *const[]){"x", "yz"}, &two), 0);
	assert_int_not_equal(one, two);
	/* Found again after the table has grown. */
	for (int i = 0; i < 1000; i++) {
		char text[16];
		uint32_t series;
		snprintf(text, sizeof(text), "%d", i);
		assert_int_equal(totals_series(totals, index, false, (const char *const[]){text, ""}, &series), 0);
	}
	assert_int_equal(totals_series(totals, index, false, (const char *const[]){"x", "yz"}, &again), 0);
	assert_int_equal(again, two);
	assert_int_equal(totals->series_count, 1002);
	totals_free(totals);
}

/* ---- distributions ---- */

static struct segment_distribution distribution_of(const struct totals *totals, const char *family)
{
	for (uint32_t i = 0; i < totals->series_count; i++)
		if (!strcmp(totals->families[totals->series[i].family].name, family))
			return totals_distribution(totals, i);
	return (struct segment_distribution){0};
}

static void test_totals_add_histograms_and_summaries_bucket_by_bucket(void **state)
{
	struct segment_fixture *fixture = *state;
	struct totals *totals = totals_new("shop", 1000);
	fixture_fill(fixture);
	fixture_fill_shapes(fixture);
	add_image(fixture, totals, &mark_one);
	uint64_t *cells = image_series_cell(&fixture->image, 0, 6);
	cells[0] = 7, cells[1] = 0, cells[2] = 0, cells[3] = 100;
	add_image(fixture, totals, &mark_two);
	struct segment_distribution value = distribution_of(totals, "latency_seconds");
	assert_true(value.present && value.bucket_count == 3);
	assert_int_equal(value.sum, 11000000 + 5500007);
	assert_int_equal(value.buckets[0], 2 + 1);
	assert_int_equal(value.buckets[1], 3 + 2);
	assert_int_equal(value.buckets[2], 100);
	value = distribution_of(totals, "answer");
	assert_int_equal(value.bucket_count, 4);
	assert_int_equal(value.sum, bits_of(12));
	assert_int_equal(value.buckets[1], 12);
	/* What lives with its process has no total. */
	for (uint32_t i = 0; i < totals->family_count; i++) {
		assert_string_not_equal(totals->families[i].name, "ages");
		assert_string_not_equal(totals->families[i].name, "phase");
		assert_string_not_equal(totals->families[i].name, "build");
	}
	totals_free(totals);
}

static void test_totals_refuse_other_buckets_and_take_other_quantiles(void **state)
{
	struct segment_fixture *fixture = *state;
	struct totals *totals = totals_new("shop", 1000);
	uint64_t refused = 0;
	fixture_fill_shapes(fixture);
	add_image(fixture, totals, &mark_one);
	struct segment_family *family = &fixture->segment->families[0];
	struct mstat_shm_buckets *buckets = (struct mstat_shm_buckets *)family->buckets;
	assert_string_equal(family->name, "latency_seconds");
	buckets->bounds[1] = 0.02;
	assert_int_equal(totals_prepare(totals, fixture->segment, &refused), 0);
	assert_int_equal(refused, 1);
	*(double *)fixture->segment->families[1].quantiles = 0.25;
	assert_int_equal(totals_prepare(totals, fixture->segment, &refused), 0);
	assert_int_equal(refused, 2);
	totals_free(totals);
}

/* Live values and totals are added up anew at each scrape: a total that was rounded down would let a sum go down when a
 * process dies. */
static void test_totals_of_doubles_are_never_less_than_their_parts(void **state)
{
	struct segment_fixture *fixture = *state;
	struct totals *totals = totals_new("shop", 1000);
	long double parts = 0;
	srand(seed_choose());
	fixture_fill_shapes(fixture);
	uint64_t *cells = image_series_cell(&fixture->image, 0, 1);
	memset(image_series_cell(&fixture->image, 1, 1), 0, 8 * sizeof(*cells));
	memset(cells, 0, 4 * sizeof(*cells));
	for (uint64_t i = 0; i < 300; i++) {
		const double part = rand() / 7.0 * (rand() % 3 ? 1e-9 : 1e9);
		cells[rand() % 4] = bits_of(part);
		assert_int_equal(fixture_read(fixture), SEGMENT_DEAD);
		struct segment_distribution value = segment_distribution(fixture->segment, 1);
		double sum;
		memcpy(&sum, &value.sum, sizeof(sum));
		parts += sum;
		add_image(fixture, totals, &(struct totals_mark){.inode = i});
		value = distribution_of(totals, "answer");
		memcpy(&sum, &value.sum, sizeof(sum));
		assert_true(sum >= parts && sum <= parts * (1 + 1e-12L));
	}
	totals_free(totals);
}

/* ---- the file ---- */

static struct totals *totals_sample(struct segment_fixture *fixture)
{
	struct totals *totals = totals_new("a\tservice\\with\nodd \xc3\xa4 name", 4294967294u);
	const char *names[] = {"path"};
	const struct segment_family family = {.kind = MSTAT_SHM_COUNTER,
					      .value = MSTAT_SHM_F64,
					      .name = "odd_seconds",
					      .help = "Tabs \t, newlines \n and \\.",
					      .unit = "seconds",
					      .created_ns = 123,
					      .label_names = names,
					      .label_count = 1};
	uint32_t index, series;
	fixture_fill(fixture);
	fixture_fill_shapes(fixture);
	add_image(fixture, totals, &mark_one);
	assert_int_equal(totals_family(totals, &family, &index), 0);
	for (int i = 0; i < 3; i++) {
		const char *value = i == 0 ? "" : i == 1 ? "\\t\t\n\\" : "\xe2\x82\xac";
		assert_int_equal(totals_series(totals, index, false, &value, &series), 0);
		totals->series[series].value = (struct segment_value){
			.bits = bits_of(0.1 * (i + 1)), .time_ns = (uint64_t)i, .present = i != 2};
		totals->series[series].created_ns = UINT64_MAX - (uint64_t)i;
	}
	totals->drops[3] = UINT64_MAX;
	totals->marks[0] = mark_two;
	return totals;
}

static void assert_same_shape(const struct segment_family *a, const struct segment_family *b)
{
	assert_int_equal(a->ttl_s, b->ttl_s);
	assert_int_equal(a->window_s, b->window_s);
	assert_int_equal(a->item_count, b->item_count);
	if (a->item_count)
		assert_memory_equal(a->quantiles, b->quantiles, a->item_count * sizeof(double));
	assert_int_equal(!a->buckets, !b->buckets);
	if (a->buckets)
		assert_memory_equal(a->buckets, b->buckets, a->buckets->record.bytes);
}

static void assert_same_cells(struct segment_distribution a, struct segment_distribution b)
{
	assert_int_equal(a.present, b.present);
	assert_int_equal(a.sum, b.sum);
	assert_int_equal(a.bucket_count, b.bucket_count);
	if (a.bucket_count)
		assert_memory_equal(a.buckets, b.buckets, a.bucket_count * sizeof(*a.buckets));
}

static void assert_same_totals(const struct totals *a, const struct totals *b)
{
	assert_string_equal(a->service, b->service);
	assert_int_equal(a->uid, b->uid);
	assert_int_equal(a->died_ns, b->died_ns);
	assert_memory_equal(a->drops, b->drops, sizeof(a->drops));
	assert_int_equal(a->mark_count, b->mark_count);
	assert_true(totals_marked(a, &mark_two) && totals_marked(b, &mark_two));
	assert_int_equal(a->family_count, b->family_count);
	for (uint32_t i = 0; i < a->family_count; i++) {
		assert_string_equal(a->families[i].name, b->families[i].name);
		assert_string_equal(a->families[i].help, b->families[i].help);
		assert_string_equal(a->families[i].unit, b->families[i].unit);
		assert_int_equal(a->families[i].merge, b->families[i].merge);
		assert_int_equal(a->families[i].created_ns, b->families[i].created_ns);
		assert_same_shape(&a->families[i], &b->families[i]);
	}
	assert_int_equal(a->series_count, b->series_count);
	for (uint32_t i = 0; i < a->series_count; i++) {
		assert_int_equal(a->series[i].values_bytes, b->series[i].values_bytes);
		assert_memory_equal(a->series[i].values, b->series[i].values, a->series[i].values_bytes);
		assert_int_equal(a->series[i].overflow, b->series[i].overflow);
		assert_int_equal(a->series[i].created_ns, b->series[i].created_ns);
		assert_int_equal(a->series[i].value.bits, b->series[i].value.bits);
		assert_int_equal(a->series[i].value.time_ns, b->series[i].value.time_ns);
		assert_int_equal(a->series[i].value.present, b->series[i].value.present);
		assert_same_cells(totals_distribution(a, i), totals_distribution(b, i));
	}
}

static void test_totals_come_back_from_their_file_bit_for_bit(void **state)
{
	struct segment_fixture *fixture = *state;
	struct totals *totals = totals_sample(fixture), *loaded = NULL;
	char name[TOTALS_NAME_MAX];
	unsigned int line;
	assert_int_equal(totals_save(totals, fixture->directory_fd), 0);
	assert_false(totals->dirty);
	totals_name(totals->service, totals->uid, name);
	assert_true(totals_name_valid(name));
	assert_int_equal(totals_load(fixture->directory_fd, name, &loaded, &line), 0);
	assert_same_totals(totals, loaded);
	assert_false(loaded->dirty);
	totals_free(loaded);
	totals_free(totals);
}

static void file_write(int directory_fd, const char *name, const char *bytes, size_t len)
{
	const int fd = openat(directory_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

static size_t file_read(int directory_fd, const char *name, char *bytes, size_t bytes_max)
{
	const int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	const ssize_t len = read(fd, bytes, bytes_max);
	assert_true(len > 0 && (size_t)len < bytes_max);
	close(fd);
	return (size_t)len;
}

static void test_totals_file_cut_short_anywhere_is_refused_with_its_line(void **state)
{
	struct segment_fixture *fixture = *state;
	struct totals *totals = totals_sample(fixture), *loaded = NULL;
	char name[TOTALS_NAME_MAX], bytes[8192];
	unsigned int line;
	assert_int_equal(totals_save(totals, fixture->directory_fd), 0);
	totals_name(totals->service, totals->uid, name);
	const size_t len = file_read(fixture->directory_fd, name, bytes, sizeof(bytes));
	/* The last byte is the newline behind the number of lines. */
	for (size_t cut = 0; cut + 1 < len; cut++) {
		file_write(fixture->directory_fd, name, bytes, cut);
		const int r = totals_load(fixture->directory_fd, name, &loaded, &line);
		if (r != -EBADMSG)
			fail_msg("%d for the first %zu of %zu bytes", r, cut, len);
		assert_null(loaded);
	}
	totals_free(totals);
}

/* Whatever a byte is changed to, the reader ends with an error or with totals that can be used. */
static void test_totals_file_with_any_byte_changed_never_harms_the_reader(void **state)
{
	struct segment_fixture *fixture = *state;
	struct totals *totals = totals_sample(fixture);
	char name[TOTALS_NAME_MAX], bytes[8192];
	static const char others[] = {0, '\t', '\n', '\\', '9', '-', 'f', (char)0xff};
	unsigned int line, refused = 0;
	assert_int_equal(totals_save(totals, fixture->directory_fd), 0);
	totals_name(totals->service, totals->uid, name);
	const size_t len = file_read(fixture->directory_fd, name, bytes, sizeof(bytes));
	for (size_t at = 0; at < len; at++) {
		const char before = bytes[at];
		for (size_t i = 0; i < sizeof(others); i++) {
			struct totals *loaded = NULL;
			bytes[at] = others[i];
			file_write(fixture->directory_fd, name, bytes, len);
			if (totals_load(fixture->directory_fd, name, &loaded, &line))
				refused++;
			totals_free(loaded);
		}
		bytes[at] = before;
	}
	assert_true(refused > len);
	totals_free(totals);
}

/* ---- lines that are not as they should be ---- */

static int load_text(struct segment_fixture *fixture, const char *text, struct totals **loaded, unsigned int *line)
{
	*loaded = NULL;
	file_write(fixture->directory_fd, "text", text, strlen(text));
	return totals_load(fixture->directory_fd, "text", loaded, line);
}

#define NO_DROPS                                                                                                       \
	"drops\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\n"
#define HEAD(version) "mstat-totals\t" version "\nservice\tshop\t1000\t5\n" NO_DROPS
#define ONE "3ff0000000000000"
#define TWO "4000000000000000"
#define HISTOGRAM "family\t3\t1\t1\t0\t9\tlatency\tHelp.\t\n"
#define SUMMARY "family\t4\t3\t1\t0\t9\tanswer\tHelp.\t\n"
#define BUCKETS "buckets\t1\t0\t0\t0\t" ONE "\t " ONE " " TWO "\n"
#define SERIES "series\t0\t0\t1\t0000000000000000\t0\t7\n"
#define CELLS "cells\t00000000000000ff\t 0:1 2:40\n"

static void test_totals_file_of_the_version_before_is_read(void **state)
{
	struct segment_fixture *fixture = *state;
	struct totals *loaded;
	unsigned int line;
	static const char text[] = HEAD("1") "family\t1\t1\t1\t0\t9\tjobs\tHelp.\t\tkind\n"
					     "series\t0\t0\t1\t000000000000002a\t0\t7\tfast\n"
					     "end\t6\n";
	assert_int_equal(load_text(fixture, text, &loaded, &line), 0);
	assert_int_equal(value_of(loaded, "jobs").bits, 42);
	totals_free(loaded);
	assert_int_equal(load_text(fixture, HEAD("3") "end\t4\n", &loaded, &line), -EBADMSG);
	assert_int_equal(line, 1);
}

static void test_totals_file_with_distributions_is_read(void **state)
{
	struct segment_fixture *fixture = *state;
	struct totals *loaded;
	unsigned int line;
	static const char text[] = HEAD("2") HISTOGRAM BUCKETS "window\t0\t60\t\n" SERIES CELLS "end\t9\n";
	assert_int_equal(load_text(fixture, text, &loaded, &line), 0);
	struct segment_distribution value = distribution_of(loaded, "latency");
	assert_true(value.present && value.bucket_count == 3 && value.sum == 255);
	assert_true(value.buckets[0] == 1 && value.buckets[1] == 0 && value.buckets[2] == 40);
	assert_int_equal(loaded->families[0].ttl_s, 60);
	totals_free(loaded);
}

static void test_totals_file_with_a_damaged_line_is_refused_with_it(void **state)
{
	struct segment_fixture *fixture = *state;
	static const struct {
		const char *lines; /* behind the first three */
		unsigned int line;
	} bad[] = {
		{SUMMARY BUCKETS SERIES, 6}, /* no quantiles */
		{HISTOGRAM SERIES, 5},       /* buckets are missing */
		{HISTOGRAM HISTOGRAM, 5},    /* and come twice */
		{HISTOGRAM BUCKETS HISTOGRAM, 6},
		{HISTOGRAM BUCKETS BUCKETS, 6},
		{BUCKETS, 4}, /* of nothing */
		{"window\t0\t1\t\n", 4},
		{CELLS, 4},
		{"family\t1\t1\t1\t0\t9\tjobs\tHelp.\t\n" BUCKETS, 5},
		{"family\t1\t1\t1\t0\t9\tjobs\tHelp.\t\n" SERIES CELLS, 6},
		{HISTOGRAM "buckets\t1\t0\t0\t0\t" ONE "\t " TWO " " ONE "\n", 5},
		{HISTOGRAM "buckets\t0\t0\t0\t0\t" ONE "\t " ONE "\n", 5},
		{HISTOGRAM "buckets\t9\t0\t0\t0\t" ONE "\t " ONE "\n", 5},
		{HISTOGRAM "buckets\t1\t0\t0\t0\t0\t " ONE "\n", 5},
		{HISTOGRAM "buckets\t1\t0\t0\t0\t" ONE "\n", 5},
		{HISTOGRAM "buckets\t1\t0\t0\t0\t" ONE "\tx\n", 5},
		{HISTOGRAM "buckets\t2\t9\t0\t4\t" ONE "\t\n", 5},
		{HISTOGRAM "buckets\t2\t-5\t0\t4\t" ONE "\t\n", 5},
		{HISTOGRAM "buckets\t2\t3\t--1\t4\t" ONE "\t\n", 5},
		{HISTOGRAM "buckets\t2\t3\t0\t99999\t" ONE "\t\n", 5},
		{HISTOGRAM "buckets\t2\t3\t0\t4294967295\t" ONE "\t\n", 5},
		{HISTOGRAM BUCKETS SERIES "cells\t0\t 3:1\n", 7}, /* one too many */
		{HISTOGRAM BUCKETS SERIES "cells\t0\t 0\n", 7},
		{HISTOGRAM BUCKETS SERIES "cells\t0\t 0:\n", 7},
		{HISTOGRAM BUCKETS SERIES "cells\t0\t :1\n", 7},
		{HISTOGRAM BUCKETS SERIES "cells\t0\t 0:-1\n", 7},
		{HISTOGRAM BUCKETS SERIES "cells\tx\t\n", 7},
		{HISTOGRAM BUCKETS SERIES "cells\t0\n", 7},
		{HISTOGRAM BUCKETS SERIES CELLS "what\n", 8},
		{SUMMARY BUCKETS "window\t600\t0\t " TWO "\n", 6},         /* no quantile */
		{SUMMARY BUCKETS "window\t600\t0\t " ONE " " ONE "\n", 6}, /* nor ascending */
		{SUMMARY BUCKETS "window\t600\t0\t 7ff8000000000000\n", 6},
		{SUMMARY BUCKETS "window\t600\t0\n", 6},
		{SUMMARY BUCKETS "window\t600\t0\t " ONE "\nwindow\t600\t0\t " ONE "\n", 7},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct totals *loaded;
		char text[2048];
		unsigned int line = 0;
		snprintf(text, sizeof(text), "%s%send\t99\n", HEAD("2"), bad[i].lines);
		assert_int_equal(load_text(fixture, text, &loaded, &line), -EBADMSG);
		if (line != bad[i].line)
			fail_msg("line %u, not %u of:\n%s", line, bad[i].line, bad[i].lines);
	}
}

static void test_totals_that_cannot_be_saved_stay_dirty_and_leave_the_old_file(void **state)
{
	struct segment_fixture *fixture = *state;
	struct totals *totals = totals_sample(fixture), *loaded = NULL;
	char name[TOTALS_NAME_MAX], fresh[TOTALS_NAME_MAX + 4];
	unsigned int line;
	assert_int_equal(totals_save(totals, fixture->directory_fd), 0);
	totals_name(totals->service, totals->uid, name);
	snprintf(fresh, sizeof(fresh), "%s.new", name);
	assert_int_equal(mkdirat(fixture->directory_fd, fresh, 0700), 0);
	totals->dirty = true;
	totals->died_ns = 1;
	assert_int_equal(totals_save(totals, fixture->directory_fd), -EISDIR);
	assert_true(totals->dirty);
	assert_int_equal(totals_load(fixture->directory_fd, name, &loaded, &line), 0);
	assert_int_equal(loaded->died_ns, mark_one.inode);
	totals_free(loaded);
	totals_free(totals);
}

static void test_totals_marks_are_known_until_they_are_taken_away(void **state)
{
	struct segment_fixture *fixture = *state;
	struct totals *totals = totals_new("shop", 0);
	fixture_fill(fixture);
	add_image(fixture, totals, &mark_one);
	add_image(fixture, totals, &mark_two);
	totals_unmark(totals, &mark_one);
	assert_false(totals_marked(totals, &mark_one));
	assert_true(totals_marked(totals, &mark_two));
	totals_unmark(totals, &mark_one); /* once more is no harm */
	assert_int_equal(totals->mark_count, 1);
	totals_free(totals);
	totals_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_totals_add_counters_of_one_series_and_keep_the_oldest_creation),
		TEST(test_totals_merge_gauges_by_their_rule_and_keep_no_live_ones),
		TEST(test_totals_merge_takes_the_latest_and_passes_over_what_nobody_set),
		TEST(test_totals_refuse_a_family_of_another_shape_and_keep_the_first),
		TEST(test_totals_tell_label_values_apart_by_their_borders),
		TEST(test_totals_add_histograms_and_summaries_bucket_by_bucket),
		TEST(test_totals_refuse_other_buckets_and_take_other_quantiles),
		TEST(test_totals_of_doubles_are_never_less_than_their_parts),
		TEST(test_totals_come_back_from_their_file_bit_for_bit),
		TEST(test_totals_file_cut_short_anywhere_is_refused_with_its_line),
		TEST(test_totals_file_with_any_byte_changed_never_harms_the_reader),
		TEST(test_totals_file_of_the_version_before_is_read),
		TEST(test_totals_file_with_distributions_is_read),
		TEST(test_totals_file_with_a_damaged_line_is_refused_with_it),
		TEST(test_totals_that_cannot_be_saved_stay_dirty_and_leave_the_old_file),
		TEST(test_totals_marks_are_known_until_they_are_taken_away),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
