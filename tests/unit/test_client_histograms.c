/* SPDX-License-Identifier: MIT */
/* Histograms and summaries: every value is found in the bucket that a plain search finds, sums are exact, and what is
 * not a value is refused and counted. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <mstat/bucket.h>
#include <mstat/mstat.h>

#include "private.h"

#include "child.h"
#include "mode.h"
#include "view.h"

/* ---- random declarations and values ---- */

static double random_unit(void)
{
	return rand() / ((double)RAND_MAX + 1);
}

static double random_magnitude(int octaves)
{
	return ldexp(1 + random_unit(), rand() % (2 * octaves) - octaves);
}

static int by_value(const void *a, const void *b)
{
	double one = *(const double *)a, other = *(const double *)b;
	return (one > other) - (one < other);
}

/* Bounds of one kind or another: spread, one double beside the other, beyond what a double counts by ones, round. */
static double random_bound(unsigned int kind, double before)
{
	switch (kind) {
	case 0:
		return random_magnitude(60);
	case 1:
		return before > 0 ? nextafter(before, INFINITY) : random_magnitude(10);
	case 2:
		return ldexp(1, 50 + rand() % 14) + rand() % 4096;
	case 3:
		return rand() % 200;
	default:
		return before > 0 ? before * (1 + ldexp(random_unit(), -(rand() % 20))) : 1;
	}
}

static void random_bounds(struct mstat_buckets *made, bool negative)
{
	unsigned int kind = (unsigned int)rand() % 5;
	uint32_t count = 1 + (uint32_t)rand() % 30, kept = 0;
	for (uint32_t i = 0; i < count; i++) {
		made->bounds[i] = random_bound(kind, i ? made->bounds[i - 1] : 0);
		if (negative && rand() % 3 == 0)
			made->bounds[i] = -made->bounds[i];
	}
	if (rand() % 3 == 0)
		made->bounds[0] = rand() % 2 ? 0 : -0.0;
	qsort(made->bounds, count, sizeof(double), by_value);
	for (uint32_t i = 0; i < count; i++)
		if (!kept || made->bounds[kept - 1] < made->bounds[i])
			made->bounds[kept++] = made->bounds[i];
	made->bound_count = kept;
}

static struct mstat_buckets random_buckets(uint8_t value)
{
	static const double scales[] = {1e-9, 1e-6, 1e-3, 1, 0.5, 3, 1e3, 7e-5};
	struct mstat_buckets made = {.scale = scales[rand() % 8]};
	bool negative = value == MSTAT_SHM_F64 && rand() % 3 == 0;
	int which = rand() % 3;
	if (which != 1)
		random_bounds(&made, negative);
	if (which) {
		made.exponential = 1;
		made.schema = (int8_t)(MSTAT_SCHEMA_MIN + rand() % 13);
		made.min = value == MSTAT_SHM_F64 && rand() % 8 == 0 ? ldexp(1, -1074 + rand() % 60)
								     : random_magnitude(40);
		made.max = made.min * ldexp(1 + random_unit(), 1 + rand() % (made.schema > 5 ? 6 : 30));
	}
	made.negative = negative;
	return made;
}

struct declared {
	double uppers[MSTAT_SHM_BUCKETS_MAX];
	uint32_t upper_count;
	bool scaled, negative;
	const struct mstat_map *map;
	union {
		struct mstat_shm_buckets record;
		char bytes[MSTAT_BUCKETS_RECORD_MAX];
	};
};

/* False for what the library refuses. */
static bool declare(struct declared *made, const struct mstat_buckets *buckets, uint8_t value)
{
	const struct mstat_family family = {
		.name = "x", .kind = MSTAT_SHM_HISTOGRAM, .value = value, .buckets = buckets};
	if (mstat_buckets_declare(&family, &made->record))
		return false;
	made->scaled = value != MSTAT_SHM_F64;
	made->negative = made->record.flags & MSTAT_SHM_BUCKETS_NEGATIVE;
	made->upper_count = mstat_partition(&made->record, made->scaled, made->uppers);
	made->map = mstat_map_make(&made->record, value);
	check(made->map && made->map->count == made->upper_count);
	return true;
}

static uint32_t naive_integer(const struct declared *made, uint64_t value)
{
	uint32_t i = 0;
	while (i < made->upper_count && value > (uint64_t)mstat_bucket_scaled(made->uppers[i], made->record.scale))
		i++;
	return i;
}

static uint32_t naive_f64(const struct declared *made, double value)
{
	uint32_t i = 0;
	while (i < made->upper_count && value > made->uppers[i])
		i++;
	return i;
}

static void integer_check(const struct declared *made, uint64_t value)
{
	if (value > INT64_MAX)
		return;
	uint64_t want = naive_integer(made, value);
	check_equal(mstat_map_search(made->map, value), want);
	if (value <= made->map->fast_max && mstat_map_find(made->map, value) != want) {
		fprintf(stderr, "%" PRIu64 " of scale %g\n", value, made->record.scale);
		check_equal(mstat_map_find(made->map, value), want);
	}
}

static void f64_check(const struct declared *made, double value)
{
	uint64_t bits = mstat_f64_bits(value), want = naive_f64(made, value);
	if (!(value >= -__DBL_MAX__ && value <= __DBL_MAX__))
		return;
	check_equal(mstat_map_search_f64(made->map, value), want);
	if (bits <= made->map->fast_max && mstat_map_find_f64(made->map, bits) != want) {
		fprintf(stderr, "%a\n", value);
		check_equal(mstat_map_find_f64(made->map, bits), want);
	}
}

static void integers_check(const struct declared *made)
{
	static const uint64_t special[] = {0, 1, 2, 3, INT64_MAX, 1ull << 53, 1ull << 61};
	for (uint32_t i = 0; i < made->upper_count; i++) {
		uint64_t bound = (uint64_t)mstat_bucket_scaled(made->uppers[i], made->record.scale);
		for (uint64_t near = 0; near <= 4; near++)
			integer_check(made, bound + near - 2);
	}
	for (size_t i = 0; i < sizeof(special) / sizeof(*special); i++)
		for (uint64_t near = 0; near <= 4; near++)
			integer_check(made, special[i] + near - 2);
	for (uint64_t near = 0; near <= 4; near++)
		integer_check(made, made->map->fast_max + near - 2);
	for (int i = 0; i < 200; i++)
		integer_check(made, ((uint64_t)rand() << 32 ^ (uint64_t)rand()) >> (1 + rand() % 60));
}

static void doubles_check(const struct declared *made)
{
	static const double special[] = {0, -0.0, 0x1p-1074, 0x1p-1022, 0x1p-1023, 1, __DBL_MAX__};
	for (uint32_t i = 0; i < made->upper_count; i++) {
		f64_check(made, made->uppers[i]);
		f64_check(made, -made->uppers[i]);
		f64_check(made, nextafter(made->uppers[i], INFINITY));
		f64_check(made, nextafter(made->uppers[i], -INFINITY));
	}
	for (size_t i = 0; i < sizeof(special) / sizeof(*special); i++) {
		f64_check(made, special[i]);
		f64_check(made, -special[i]);
	}
	for (uint64_t near = 0; near <= 4; near++)
		f64_check(made, mstat_f64_of_bits(made->map->fast_max + near - 2));
	for (int i = 0; i < 200; i++)
		f64_check(made, random_magnitude(i % 2 ? 40 : 1000) * (i % 3 ? 1 : -1));
}

#define DECLARATIONS 1500

static void maps_check(uint8_t value)
{
	unsigned int tried = 0, fast = 0, close = 0;
	srand(seed_choose());
	for (int i = 0; i < DECLARATIONS; i++) {
		struct mstat_buckets buckets = random_buckets(value);
		struct declared made;
		if (!declare(&made, &buckets, value))
			continue;
		tried++;
		fast += made.map->fast_max > 1000;
		close += made.map->close;
		if (made.scaled)
			integers_check(&made);
		else
			doubles_check(&made);
	}
	printf("%u declarations, the hot path serves %u, %u with two comparisons\n", tried, fast, close);
	check(tried > DECLARATIONS / 3 && fast > tried / 4 && close > 0);
}

CHILD_TEST(test_map_finds_the_bucket_of_every_integer_that_a_search_finds)
{
	maps_check(MSTAT_SHM_U64);
}

CHILD_TEST(test_map_finds_the_bucket_of_every_double_that_a_search_finds)
{
	maps_check(MSTAT_SHM_F64);
}

/* ---- through the segment ---- */

#define FAMILIES 60
#define VALUES 300

struct expected {
	uint64_t buckets[MSTAT_PARTITION_MAX];
	uint64_t sum;
	double sum_f64;
};

static void expected_check(const char *name, const struct declared *made, const struct expected *want)
{
	const struct view_distribution *have = view_distribution(child_directory, name, "");
	check(have->present);
	check_equal(have->bucket_count, made->upper_count + 1);
	for (uint32_t i = 0; i <= made->upper_count; i++)
		check_equal(have->buckets[i], want->buckets[i]);
	if (made->scaled)
		check_equal(have->sum_u64, want->sum);
	else
		check(have->sum_f64 == want->sum_f64);
}

static void observe_integers(mstat_histogram_family *family, const char *name, const struct declared *made)
{
	struct expected *want = calloc(1, sizeof(*want));
	mstat_histogram *histogram = mstat_histogram_with(family);
	for (int i = 0; i < VALUES; i++) {
		int64_t value = (int64_t)(((uint64_t)rand() << 32 ^ (uint64_t)rand()) >> (2 + rand() % 60));
		if (made->upper_count && i % 2)
			value = mstat_bucket_scaled(made->uppers[(uint32_t)rand() % made->upper_count],
						    made->record.scale);
		value += i % 3 - 1;
		if (value < 0 || value > INT64_MAX / 2)
			value = i;
		mstat_observe(histogram, value);
		want->sum += (uint64_t)value;
		want->buckets[naive_integer(made, (uint64_t)value)]++;
	}
	expected_check(name, made, want);
	free(want);
}

/* Multiples of 1/64 of a small size: their sums are exact in any order. */
static void observe_doubles(mstat_histogram_f64_family *family, const char *name, const struct declared *made)
{
	struct expected *want = calloc(1, sizeof(*want));
	mstat_histogram_f64 *histogram = mstat_histogram_f64_with(family);
	for (int i = 0; i < VALUES; i++) {
		double value = (rand() % 2000000 - (made->negative ? 1000000 : 0)) / 64.0;
		if (i % 7 == 0)
			value = i % 2 ? 0.0 : -0.0;
		mstat_observe_f64(histogram, value);
		want->sum_f64 += value;
		want->buckets[naive_f64(made, value)]++;
	}
	expected_check(name, made, want);
	free(want);
}

static void segment_check(uint8_t value)
{
	srand(seed_choose());
	for (int i = 0; i < FAMILIES; i++) {
		struct mstat_buckets *buckets = malloc(sizeof(*buckets));
		struct declared *made = malloc(sizeof(*made));
		char *name = malloc(32);
		*buckets = random_buckets(value);
		snprintf(name, 32, "family_%d", i);
		struct mstat_family family = {.name = name,
					      .help = "Random.",
					      .kind = MSTAT_SHM_HISTOGRAM,
					      .value = value,
					      .merge = MSTAT_SUM,
					      .buckets = buckets};
		mstat_histogram_family *integers = calloc(1, sizeof(*integers));
		mstat_histogram_f64_family *doubles = calloc(1, sizeof(*doubles));
		integers->family = doubles->family = family;
		if (!declare(made, buckets, value))
			continue;
		if (value == MSTAT_SHM_F64)
			observe_doubles(doubles, name, made);
		else
			observe_integers(integers, name, made);
	}
	check_equal(mstat_drops(MSTAT_REASON_OBSERVATION), 0);
}

CHILD_TEST(test_observed_integers_are_in_their_buckets_and_their_sum_is_exact)
{
	segment_check(MSTAT_SHM_U64);
}

CHILD_TEST(test_observed_doubles_are_in_their_buckets_and_their_sum_is_exact)
{
	segment_check(MSTAT_SHM_F64);
}

MSTAT_HISTOGRAM(latency, "latency_seconds", "Latency.", "method");
MSTAT_HISTOGRAM_F64(sizes, "sizes", "Sizes.");

CHILD_TEST(test_durations_are_recorded_in_nanoseconds_and_bounds_are_seconds)
{
	mstat_histogram *get = mstat_histogram_with(&latency, "GET");
	mstat_observe_ns(get, 5000000); /* a bound is inclusive */
	mstat_observe_ns(get, 5000001);
	mstat_observe_us(get, 5000);
	mstat_observe_ms(get, 10000);
	mstat_observe_ms(get, 10001);
	const struct view_distribution *have = view_distribution(child_directory, "latency_seconds", "GET");
	check_equal(have->bucket_count, 12);
	check_equal(have->buckets[0], 2);
	check_equal(have->buckets[1], 1);
	check_equal(have->buckets[10], 1);
	check_equal(have->buckets[11], 1);
	check_equal(have->sum_u64, 15000001ull + 20001000000ull);
}

CHILD_TEST(test_what_is_not_a_value_is_refused_and_counted)
{
	mstat_histogram *get = mstat_histogram_with(&latency, "GET");
	mstat_histogram_f64 *size = mstat_histogram_f64_with(&sizes);
	static const double bad[] = {NAN, -NAN, INFINITY, -INFINITY, -1, -0x1p-1074};
	errno = E2BIG;
	mstat_observe(get, -1);
	mstat_observe_ns(get, INT64_MIN);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		mstat_observe_f64(size, bad[i]);
	check_equal(errno, E2BIG);
	check_equal(mstat_drops(MSTAT_REASON_OBSERVATION), 8);
	check_equal(view_distribution(child_directory, "latency_seconds", "GET")->count, 0);
	check_equal(view_distribution(child_directory, "sizes", "")->count, 0);
	check(view_distribution(child_directory, "sizes", "")->sum_f64 == 0);
	mstat_observe_f64(size, -0.0);
	mstat_observe_f64(size, __DBL_MAX__);
	check_equal(view_distribution(child_directory, "sizes", "")->count, 2);
	check_equal(view_distribution(child_directory, "sizes", "")->buckets[0], 1);
}

static const struct mstat_buckets signed_bounds = {MSTAT_BOUNDS(-1, 1)};
static const struct mstat_buckets asked_for = {.negative = 1, MSTAT_BOUNDS(1, 2)};
static const struct mstat_buckets mirrored = {.exponential = 1, .schema = 0, .min = 1, .max = 4, .negative = 1};
MSTAT_HISTOGRAM_F64_AS(by_bound, &signed_bounds, "by_bound", "", "A bound below zero.");
MSTAT_HISTOGRAM_F64_AS(by_wish, &asked_for, "by_wish", "", "No bound below zero.");
MSTAT_HISTOGRAM_F64_AS(by_mirror, &mirrored, "by_mirror", "", "Exponential.");

CHILD_TEST(test_negative_values_are_taken_by_families_that_ask_for_them)
{
	static const double values[] = {-5, -4, -2, -1, -0.5, 0, 0.5, 1, 2, 4, 5};
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		mstat_observe_f64(mstat_histogram_f64_with(&by_bound), values[i]);
		mstat_observe_f64(mstat_histogram_f64_with(&by_wish), values[i]);
		mstat_observe_f64(mstat_histogram_f64_with(&by_mirror), values[i]);
	}
	check_equal(mstat_drops(MSTAT_REASON_OBSERVATION), 0);
	const struct view_distribution *have = view_distribution(child_directory, "by_bound", "");
	check(have->buckets[0] == 4 && have->buckets[1] == 4 && have->buckets[2] == 3 && have->sum_f64 == 0);
	have = view_distribution(child_directory, "by_wish", "");
	check(have->buckets[0] == 8 && have->buckets[1] == 1 && have->buckets[2] == 2 && have->sum_f64 == 0);
	/* ..., [-4, -2), [-2, -1), [-1, 1], (1, 2], (2, 4], ... */
	static const uint64_t want[] = {1, 1, 1, 5, 1, 1, 1};
	have = view_distribution(child_directory, "by_mirror", "");
	check_equal(have->bucket_count, 7);
	for (uint32_t i = 0; i < 7; i++)
		check_equal(have->buckets[i], want[i]);
}

/* ---- declarations ---- */

static const struct mstat_buckets descending = {MSTAT_BOUNDS(2, 1)};
static const struct mstat_buckets not_finite = {MSTAT_BOUNDS(1, (double)INFINITY)};
static const struct mstat_buckets too_fine = {.exponential = 1, .schema = 8, .min = 1e-9, .max = 1e9};
static const struct mstat_buckets other = {MSTAT_BOUNDS(1, 2, 3)};
MSTAT_HISTOGRAM_AS(wrong_order, &descending, "wrong_order", "", "Descending.");
MSTAT_HISTOGRAM_AS(wrong_bound, &not_finite, "wrong_bound", "", "Infinite.");
MSTAT_HISTOGRAM_AS(wrong_count, &too_fine, "wrong_number", "", "More than there may be.");
MSTAT_HISTOGRAM_AS(wrong_sign, &signed_bounds, "wrong_sign", "", "Negative integers.");
MSTAT_HISTOGRAM_AS(taken, &other, "sizes", "", "The name of another.");
MSTAT_HISTOGRAM_F64_AS(also_taken, &other, "sizes", "", "Other bounds.");

CHILD_TEST(test_buckets_that_cannot_be_are_refused_and_their_observations_dropped)
{
	mstat_histogram_family *const bad[] = {&wrong_order, &wrong_bound, &wrong_count, &wrong_sign};
	for (size_t i = 0; i < 4; i++) {
		mstat_histogram *histogram = mstat_histogram_with(bad[i]);
		check_equal(mstat_drops(MSTAT_REASON_BUCKETS), i + 1);
		mstat_observe(histogram, 0);
		mstat_observe(histogram, 7);
		mstat_observe_exemplar(histogram, 7, &(struct mstat_exemplar){.labels = NULL});
	}
	check_equal(view_series(child_directory, "wrong_order"), 0);
}

static const struct mstat_buckets fine = {.exponential = 1, .schema = 8, .min = 1, .max = 30000};
static const struct mstat_buckets fine_mirrored = {
	.exponential = 1, .schema = 8, .min = 1, .max = 30000, .negative = 1};
MSTAT_HISTOGRAM_F64_AS(detailed, &fine, "detailed", "", "Nearly 4096 buckets.");
MSTAT_HISTOGRAM_F64_AS(too_detailed, &fine_mirrored, "too_detailed", "", "Twice as many.");

CHILD_TEST(test_a_family_has_up_to_4096_buckets_of_both_signs_together)
{
	mstat_observe_f64(mstat_histogram_f64_with(&detailed), 29999);
	mstat_observe_f64(mstat_histogram_f64_with(&too_detailed), 1);
	check_equal(mstat_drops(MSTAT_REASON_BUCKETS), 1);
	check_equal(view_distribution(child_directory, "detailed", "")->count, 1);
	check(view_distribution(child_directory, "detailed", "")->bucket_count > 3800);
}

CHILD_TEST(test_other_buckets_under_a_known_name_are_a_conflict)
{
	mstat_observe_f64(mstat_histogram_f64_with(&sizes), 1);
	mstat_observe(mstat_histogram_with(&taken), 1);
	check_equal(mstat_drops(MSTAT_REASON_CONFLICT), 1);
	mstat_observe_f64(mstat_histogram_f64_with(&also_taken), 1);
	mstat_observe_f64(mstat_histogram_f64_with(&also_taken), 0);
	check_equal(mstat_drops(MSTAT_REASON_CONFLICT), 3);
	MSTAT_HISTOGRAM_F64(same, "sizes", "The same buckets, declared a second time.");
	mstat_observe_f64(mstat_histogram_f64_with(&same), 1);
	check_equal(view_distribution(child_directory, "sizes", "")->count, 2);
}

static const struct mstat_quantiles tails = {.window_s = 60, .count = 2, .quantiles = {0.99, 0.999}};
static const struct mstat_quantiles upside_down = {.count = 2, .quantiles = {0.9, 0.5}};
static const struct mstat_quantiles above_one = {.count = 1, .quantiles = {1.5}};
MSTAT_SUMMARY(waits, "waits_seconds", "Waits.");
MSTAT_SUMMARY_F64_AS(loads, &tails, 0, "loads", "", "Loads.");
MSTAT_SUMMARY_AS(wrong_quantiles, &upside_down, 0, "wrong_quantiles", "", "Descending.");
MSTAT_SUMMARY_AS(wrong_quantile, &above_one, 0, "wrong_quantile", "", "More than all.");
MSTAT_SUMMARY_AS(explicit_summary, 0, &other, "explicit_summary", "", "Bounds, and exponential buckets of its own.");

static void summaries_look(const struct segment *segment, void *context)
{
	unsigned int *seen = context;
	for (uint32_t i = 0; i < segment->family_count; i++) {
		const struct segment_family *family = &segment->families[i];
		check(family->buckets->flags & MSTAT_SHM_BUCKETS_EXPONENTIAL);
		++*seen;
		if (!strcmp(family->name, "waits_seconds")) {
			check(family->window_s == 600 && family->item_count == 3 && family->quantiles[2] == 0.99);
			check(family->buckets->schema == 4 && family->buckets->scale == 1e-9);
		} else if (!strcmp(family->name, "loads")) {
			check(family->window_s == 60 && family->item_count == 2 && family->quantiles[1] == 0.999);
			check(family->sums == 4);
		}
	}
}

CHILD_TEST(test_summaries_are_exponential_histograms_with_quantiles)
{
	unsigned int seen = 0;
	mstat_observe_ms(mstat_histogram_with(&waits), 20);
	mstat_observe_f64(mstat_histogram_f64_with(&loads), 0.5);
	mstat_observe(mstat_histogram_with(&wrong_quantiles), 1);
	mstat_observe(mstat_histogram_with(&wrong_quantile), 1);
	mstat_observe(mstat_histogram_with(&explicit_summary), 1);
	check_equal(mstat_drops(MSTAT_REASON_QUANTILES), 2);
	view_first(child_directory, summaries_look, &seen);
	check_equal(seen, 3);
	const struct view_distribution *have = view_distribution(child_directory, "waits_seconds", "");
	check(have->count == 1 && have->sum_u64 == 20000000);
	have = view_distribution(child_directory, "loads", "");
	check(have->count == 1 && have->sum_f64 == 0.5);
}

/* ---- timers ---- */

static int64_t timed_block(mstat_histogram *histogram)
{
	MSTAT_TIME(histogram);
	return mstat_now_ns();
}

CHILD_TEST(test_timers_observe_once_and_never_go_backwards)
{
	mstat_histogram *get = mstat_histogram_with(&latency, "GET");
	struct mstat_timer timer = mstat_timer_start(get);
	check(mstat_timer_stop(&timer) >= 0);
	mstat_timer_stop(&timer); /* stopped already */
	check_equal(view_distribution(child_directory, "latency_seconds", "GET")->count, 1);
	for (int i = 0; i < 10; i++)
		timed_block(get);
	check_equal(view_distribution(child_directory, "latency_seconds", "GET")->count, 11);
	check_equal(mstat_drops(MSTAT_REASON_OBSERVATION), 0);
}

/* ---- limits ---- */

#define LABEL_SETS 1000000u

MSTAT_COUNTER(many, "many", "Many.", "n");
MSTAT_HISTOGRAM(wide, "wide_seconds", "Wide.", "n");

/* Counts each label set once in both families; the sums must be whole, wherever they went. */
static void label_sets_count(void)
{
	char number[16];
	uint64_t sum = 0;
	for (unsigned int i = 0; i < LABEL_SETS; i++) {
		snprintf(number, sizeof(number), "%u", i);
		mstat_inc(mstat_counter_with(&many, number));
		mstat_observe(mstat_histogram_with(&wide, number), i);
		sum += i;
	}
	check_equal(view_sum_u64(child_directory, "many"), LABEL_SETS);
	const struct view_distribution *have = view_distribution(child_directory, "wide_seconds", NULL);
	check_equal(have->count, LABEL_SETS);
	check_equal(have->sum_u64, sum);
}

CHILD_TEST(test_totals_of_a_million_label_sets_are_right_beyond_the_limits_of_their_families)
{
	wide.family.series_limit = 500;
	label_sets_count();
	check_equal(view_series(child_directory, "many"), 16384);
	check_equal(view_u64(child_directory, "many", VIEW_OVERFLOW), LABEL_SETS - 16384);
	check_equal(view_series(child_directory, "wide_seconds"), 500);
	check_equal(view_distribution(child_directory, "wide_seconds", VIEW_OVERFLOW)->count, LABEL_SETS - 500);
	check_equal(mstat_drops(MSTAT_REASON_FAMILY_LIMIT), LABEL_SETS - 16384 + LABEL_SETS - 500);
}

CHILD_TEST(test_totals_of_a_million_label_sets_are_right_beyond_the_limit_of_the_segment)
{
	struct mstat_options options = {.size = sizeof(options), .series_max = 3000, .family_series_max = 100000};
	check_equal(mstat_open(&options), 0);
	label_sets_count();
	unsigned int series = view_series(child_directory, "many") + view_series(child_directory, "wide_seconds");
	check_equal(series, 3000 - 2); /* and two overflow series */
	check_equal(mstat_drops(MSTAT_REASON_SERIES_LIMIT), 2 * LABEL_SETS - series);
}

CHILD_TEST(test_totals_stay_right_when_the_cells_are_full)
{
	struct mstat_options options = {.size = sizeof(options), .cell_max = 1000};
	check_equal(mstat_open(&options), 0);
	char number[16];
	for (unsigned int i = 0; i < 300; i++) {
		snprintf(number, sizeof(number), "%u", i);
		mstat_observe(mstat_histogram_with(&latency, number), 1);
	}
	/* 13 cells each, and the overflow series has them from the start. */
	unsigned int series = view_series(child_directory, "latency_seconds");
	check(series >= 70 && series <= 80);
	check_equal(mstat_drops(MSTAT_REASON_CELLS_FULL), 300 - series);
	check_equal(view_distribution(child_directory, "latency_seconds", NULL)->count, 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map_finds_the_bucket_of_every_integer_that_a_search_finds),
		cmocka_unit_test(test_map_finds_the_bucket_of_every_double_that_a_search_finds),
		cmocka_unit_test(test_observed_integers_are_in_their_buckets_and_their_sum_is_exact),
		cmocka_unit_test(test_observed_doubles_are_in_their_buckets_and_their_sum_is_exact),
		cmocka_unit_test(test_durations_are_recorded_in_nanoseconds_and_bounds_are_seconds),
		cmocka_unit_test(test_what_is_not_a_value_is_refused_and_counted),
		cmocka_unit_test(test_negative_values_are_taken_by_families_that_ask_for_them),
		cmocka_unit_test(test_buckets_that_cannot_be_are_refused_and_their_observations_dropped),
		cmocka_unit_test(test_a_family_has_up_to_4096_buckets_of_both_signs_together),
		cmocka_unit_test(test_other_buckets_under_a_known_name_are_a_conflict),
		cmocka_unit_test(test_summaries_are_exponential_histograms_with_quantiles),
		cmocka_unit_test(test_timers_observe_once_and_never_go_backwards),
		cmocka_unit_test(test_totals_of_a_million_label_sets_are_right_beyond_the_limits_of_their_families),
		cmocka_unit_test(test_totals_of_a_million_label_sets_are_right_beyond_the_limit_of_the_segment),
		cmocka_unit_test(test_totals_stay_right_when_the_cells_are_full),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
