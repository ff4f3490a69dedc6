/* SPDX-License-Identifier: MIT */
/* Exponential buckets and the partition: bounds, indices and cells are those of the formats that expose them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <mstat/bucket.h>

#include "mode.h"

/* OpenTelemetry's index is ours less one. */
static void test_index_is_that_of_the_vectors_of_opentelemetry(void **state)
{
	static const int schemas[] = {-2, -1, 0, 1, 3, 5};
	static const struct {
		double value;
		int32_t indices[6];
	} vectors[] = {
		{1, {-1, -1, -1, -1, -1, -1}},
		{1.5, {0, 0, 0, 1, 4, 18}},
		{2, {0, 0, 0, 1, 7, 31}},
		{2.0000001, {0, 0, 1, 2, 8, 32}},
		{5, {0, 1, 2, 4, 18, 74}},
		{0.5, {-1, -1, -2, -3, -9, -33}},
		{1e-3, {-3, -5, -10, -20, -80, -319}},
		{100, {1, 3, 6, 13, 53, 212}},
		{0x1p-1022, {-256, -512, -1023, -2045, -8177, -32705}},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++)
		for (size_t k = 0; k < sizeof(schemas) / sizeof(*schemas); k++)
			assert_int_equal(mstat_bucket_index(schemas[k], vectors[i].value), vectors[i].indices[k] + 1);
}

/* The indices of the least and greatest normal bound of a schema. */
static int32_t index_least(int schema)
{
	return mstat_bucket_index(schema, 0x1p-1022);
}

static int32_t index_greatest(int schema)
{
	int32_t last = mstat_bucket_index(schema, __DBL_MAX__);
	return mstat_bucket_bound(schema, last) <= __DBL_MAX__ ? last : last - 1;
}

static void test_every_bound_is_the_last_value_of_its_bucket(void **state)
{
	(void)state;
	for (int schema = MSTAT_SCHEMA_MIN; schema <= MSTAT_SCHEMA_MAX; schema++) {
		for (int32_t i = index_least(schema); i <= index_greatest(schema); i++) {
			double bound = mstat_bucket_bound(schema, i);
			if (bound < 0x1p-1022)
				continue;
			if (mstat_bucket_index(schema, bound) != i ||
			    mstat_bucket_index(schema, nextafter(bound, INFINITY)) != i + 1 ||
			    (bound > 0x1p-1022 && mstat_bucket_index(schema, nextafter(bound, 0)) != i))
				fail_msg("schema %d, bucket %d, bound %a", schema, i, bound);
		}
	}
}

static void test_bounds_are_the_doubles_nearest_to_the_powers(void **state)
{
	(void)state;
	for (int schema = MSTAT_SCHEMA_MIN; schema <= MSTAT_SCHEMA_MAX; schema++)
		for (int32_t i = index_least(schema); i <= index_greatest(schema); i += schema > 4 ? 7 : 1) {
			double exact = (double)exp2l(ldexpl((long double)i, -schema));
			if (mstat_bucket_bound(schema, i) != exact)
				fail_msg("schema %d, bucket %d: %a is not %a", schema, i, mstat_bucket_bound(schema, i),
					 exact);
		}
}

/* Where bounds are further apart than what is representable, the index is still that of the power. */
static void test_index_of_subnormals_is_exact(void **state)
{
	(void)state;
	for (int schema = MSTAT_SCHEMA_MIN; schema <= MSTAT_SCHEMA_MAX; schema++) {
		for (int shift = 1; shift <= 52; shift++) {
			double value = ldexp(1, -1022 - shift);
			/* A power of two is a bound of all schemas from 0 on. */
			if (schema >= 0)
				assert_int_equal(mstat_bucket_index(schema, value), (-1022 - shift) * (1 << schema));
			else
				assert_int_equal(mstat_bucket_index(schema, value),
						 (int32_t)ceil(ldexp(-1022 - shift, schema)));
			/* Scaling by a power of two shifts the index. */
			double odd = value * 1.5;
			if (schema >= 0 && odd != value && odd / 1.5 == value)
				assert_int_equal(mstat_bucket_index(schema, odd) + 1022 * (1 << schema),
						 mstat_bucket_index(schema, ldexp(odd, 1022)));
		}
		assert_true(mstat_bucket_index(schema, 0x1p-1074) <= mstat_bucket_index(schema, 0x1p-1073));
	}
	assert_true(mstat_bucket_bound(0, -1074) == 0x1p-1074);
	assert_true(mstat_bucket_bound(8, -1074 * 256) == 0x1p-1074);
	assert_true(mstat_bucket_bound(0, -1080) == 0);
	assert_true(isinf(mstat_bucket_bound(3, 1024 * 8)));
	assert_true(isinf(mstat_bucket_bound(-4, 64)));
}

/* ---- the partition ---- */

union declared {
	struct mstat_shm_buckets record;
	char bytes[sizeof(struct mstat_shm_buckets) + 64 * sizeof(double)];
};

static void declare(union declared *made, uint32_t flags, int schema, int32_t first, uint32_t count)
{
	memset(made, 0, sizeof(*made));
	made->record.record.kind = MSTAT_SHM_RECORD_BUCKETS;
	made->record.flags = flags;
	made->record.schema = schema;
	made->record.first = first;
	made->record.count = count;
	made->record.scale = 1;
}

static void bounds_set(union declared *made, const double *bounds, uint32_t count)
{
	made->record.flags |= MSTAT_SHM_BUCKETS_EXPLICIT;
	made->record.bound_count = count;
	memcpy(made->record.bounds, bounds, count * sizeof(*bounds));
}

static bool valid(union declared *made, uint8_t value)
{
	made->record.record.bytes = (uint32_t)(sizeof(made->record) + made->record.bound_count * sizeof(double));
	return mstat_buckets_valid(&made->record, made->record.record.bytes, value);
}

static bool has_cut(const double *uppers, uint32_t n, double wanted)
{
	for (uint32_t i = 0; i < n; i++)
		if (uppers[i] == wanted)
			return true;
	return false;
}

static int by_value(const void *a, const void *b)
{
	double one = *(const double *)a, other = *(const double *)b;
	return (one > other) - (one < other);
}

static void random_declare(union declared *made, bool negative)
{
	uint32_t flags = negative ? MSTAT_SHM_BUCKETS_NEGATIVE : 0;
	double bounds[32];
	uint32_t count = (uint32_t)rand() % 33, kept = 0;
	int schema = MSTAT_SCHEMA_MIN + rand() % (MSTAT_SCHEMA_MAX - MSTAT_SCHEMA_MIN + 1);
	int32_t middle = schema > 0 ? rand() % (20 << schema) - (10 << schema) : rand() % 20 - 10;
	if (rand() % 4)
		flags |= MSTAT_SHM_BUCKETS_EXPONENTIAL;
	declare(made, flags, schema, middle, flags & MSTAT_SHM_BUCKETS_EXPONENTIAL ? 1 + (uint32_t)rand() % 40 : 0);
	for (uint32_t i = 0; i < count; i++) {
		bounds[i] = ldexp(rand() / (double)RAND_MAX, rand() % 40 - 20);
		if (rand() % 8 == 0)
			bounds[i] = 0;
		if (rand() % 4 == 0) /* on a bucket's own bound */
			bounds[i] = mstat_bucket_bound(schema, middle + rand() % 5 - 2);
		if (negative && rand() % 2 && bounds[i] != 0)
			bounds[i] = -bounds[i];
		if (!(bounds[i] < 1e300 && bounds[i] > -1e300))
			bounds[i] = 1;
	}
	qsort(bounds, count, sizeof(*bounds), by_value);
	for (uint32_t i = 0; i < count; i++)
		if (!kept || bounds[kept - 1] < bounds[i])
			bounds[kept++] = bounds[i];
	if (kept)
		bounds_set(made, bounds, kept);
}

static uint32_t cell_of(const double *uppers, uint32_t n, double value)
{
	uint32_t cell = 0;
	while (cell < n && !(value <= uppers[cell]))
		cell++;
	return cell;
}

/* -v belongs to the bucket of v: of a magnitude with the greater bound, without the lesser one. */
static void assert_mirrored(const struct mstat_shm_buckets *buckets, const double *uppers, uint32_t n)
{
	for (uint32_t k = 0; k < buckets->count; k++) {
		double greater = mstat_bucket_bound(buckets->schema, buckets->first + (int32_t)k);
		double lesser = mstat_bucket_bound(buckets->schema, buckets->first + (int32_t)k - 1);
		assert_int_not_equal(cell_of(uppers, n, -greater), cell_of(uppers, n, nextafter(-greater, -INFINITY)));
		assert_int_not_equal(cell_of(uppers, n, -lesser), cell_of(uppers, n, nextafter(-lesser, -INFINITY)));
	}
	double zero = mstat_bucket_bound(buckets->schema, buckets->first - 1);
	if (!buckets->bound_count) {
		assert_int_equal(cell_of(uppers, n, -zero), cell_of(uppers, n, 0));
		assert_int_equal(cell_of(uppers, n, zero), cell_of(uppers, n, -0.0));
	}
}

static void test_partition_ascends_and_has_every_cut(void **state)
{
	union declared made;
	double uppers[MSTAT_SHM_BUCKETS_MAX];
	unsigned int tried = 0;
	(void)state;
	srand(seed_choose());
	for (int round = 0; round < 4000; round++) {
		random_declare(&made, rand() % 2);
		if (!valid(&made, MSTAT_SHM_F64))
			continue;
		tried++;
		uint32_t n = mstat_partition(&made.record, 0, uppers);
		for (uint32_t i = 1; i < n; i++)
			assert_true(uppers[i - 1] < uppers[i]);
		for (uint32_t i = 0; i < made.record.bound_count; i++)
			assert_true(has_cut(uppers, n, made.record.bounds[i]));
		for (uint32_t k = 0; k < mstat_partition_cuts(&made.record); k++)
			assert_true(has_cut(uppers, n, mstat_partition_cut(&made.record, k)));
		assert_true(n <= made.record.bound_count + mstat_partition_cuts(&made.record));
		if ((made.record.flags & MSTAT_SHM_BUCKETS_EXPONENTIAL) &&
		    (made.record.flags & MSTAT_SHM_BUCKETS_NEGATIVE))
			assert_mirrored(&made.record, uppers, n);
	}
	assert_true(tried > 1000);
}

static void test_scaled_partition_leaves_out_cells_that_no_integer_falls_into(void **state)
{
	static const double bounds[] = {0.1, 0.2, 0.9, 1, 1.5, 1.75, 2.25, 3};
	union declared made;
	double uppers[MSTAT_SHM_BUCKETS_MAX];
	(void)state;
	declare(&made, 0, 0, 0, 0);
	bounds_set(&made, bounds, 8);
	assert_true(valid(&made, MSTAT_SHM_U64));
	assert_int_equal(mstat_partition(&made.record, 1, uppers), 4);
	assert_true(uppers[0] == 0.1 && uppers[1] == 1 && uppers[2] == 2.25 && uppers[3] == 3);
	assert_int_equal(mstat_partition(&made.record, 0, uppers), 8);
}

static void test_scaled_bounds_are_what_people_write(void **state)
{
	static const double seconds[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 0.3, 0.7, 1e-9, 3e-9};
	(void)state;
	for (size_t i = 0; i < sizeof(seconds) / sizeof(*seconds); i++)
		assert_int_equal(mstat_bucket_scaled(seconds[i], 1e-9), llround(seconds[i] * 1e9));
	assert_int_equal(mstat_bucket_scaled(0.0000000015, 1e-9), 1);
	assert_int_equal(mstat_bucket_scaled(0, 1e-9), 0);
	assert_int_equal(mstat_bucket_scaled(1e30, 1e-9), INT64_MAX);
	assert_int_equal(mstat_bucket_scaled(1e18, 1), 1000000000000000000);
}

static void assert_refused(void (*change)(union declared *made))
{
	static const double bounds[] = {1, 2};
	union declared made;
	declare(&made, MSTAT_SHM_BUCKETS_EXPONENTIAL, 3, 0, 20);
	bounds_set(&made, bounds, 2);
	assert_true(valid(&made, MSTAT_SHM_U64));
	change(&made);
	assert_false(valid(&made, MSTAT_SHM_U64));
}

#define CHANGE(name, code)                                                                                             \
	static void name(union declared *made)                                                                         \
	{                                                                                                              \
		code;                                                                                                  \
	}
CHANGE(unknown_flag, made->record.flags |= 8)
CHANGE(no_flag, made->record.flags = 0)
CHANGE(other_kind, made->record.record.kind = MSTAT_SHM_RECORD_LIST)
CHANGE(schema_low, made->record.schema = -5)
CHANGE(schema_high, made->record.schema = 9)
CHANGE(no_count, made->record.count = 0)
CHANGE(count_high, made->record.count = 4094)
CHANGE(count_wraps, made->record.count = UINT32_MAX)
CHANGE(bounds_wrap, made->record.bound_count = UINT32_MAX)
CHANGE(first_low, made->record.first = -(1 << 20) - 1)
CHANGE(first_zero, made->record.first = -1100 * 8)
CHANGE(last_infinite, made->record.first = 1023 * 8)
CHANGE(scale_zero, made->record.scale = 0)
CHANGE(scale_nan, made->record.scale = (double)NAN)
CHANGE(scale_high, made->record.scale = 1e19)
CHANGE(bound_equal, made->record.bounds[0] = 2)
CHANGE(bound_nan, made->record.bounds[1] = (double)NAN)
CHANGE(bound_infinite, made->record.bounds[1] = (double)INFINITY)
CHANGE(bound_below_zero, made->record.bounds[0] = -1)
CHANGE(negative_integers, made->record.flags |= MSTAT_SHM_BUCKETS_NEGATIVE)

static void test_records_that_divide_nothing_are_not_valid(void **state)
{
	static void (*const changes[])(union declared * made) = {
		unknown_flag, no_flag,     other_kind, schema_low,     schema_high,      no_count,         count_high,
		count_wraps,  bounds_wrap, first_low,  first_zero,     last_infinite,    scale_zero,       scale_nan,
		scale_high,   bound_equal, bound_nan,  bound_infinite, bound_below_zero, negative_integers};
	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++)
		assert_refused(changes[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_index_is_that_of_the_vectors_of_opentelemetry),
		cmocka_unit_test(test_every_bound_is_the_last_value_of_its_bucket),
		cmocka_unit_test(test_bounds_are_the_doubles_nearest_to_the_powers),
		cmocka_unit_test(test_index_of_subnormals_is_exact),
		cmocka_unit_test(test_partition_ascends_and_has_every_cut),
		cmocka_unit_test(test_scaled_partition_leaves_out_cells_that_no_integer_falls_into),
		cmocka_unit_test(test_scaled_bounds_are_what_people_write),
		cmocka_unit_test(test_records_that_divide_nothing_are_not_valid),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
