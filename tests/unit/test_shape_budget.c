/* SPDX-License-Identifier: MIT */
/* Shapes by user: who uses up his share takes nothing from others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "collect/segments_budget.h"

struct bench {
	struct catalog *catalog;
	struct shape_budget budget;
};

static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	bench->catalog = catalog_new(1000);
	*state = bench;
	return bench->catalog ? 0 : -1;
}

static int teardown(void **state)
{
	struct bench *bench = *state;
	shape_budget_fini(&bench->budget);
	catalog_free(bench->catalog);
	free(bench);
	return 0;
}

/* Asks for a shape that no other number has. */
static enum catalog_conflict shape_ask(struct bench *bench, uid_t uid, unsigned int number)
{
	double bounds[] = {0.5 + number * 1e-9};
	struct mstat_shm_buckets buckets = {.record.bytes = sizeof(buckets),
					    .flags = MSTAT_SHM_BUCKETS_EXPONENTIAL,
					    .schema = 0,
					    .first = 1,
					    .count = 3,
					    .scale = 1};
	const struct segment_family family = {.kind = MSTAT_SHM_SUMMARY,
					      .value = MSTAT_SHM_F64,
					      .buckets = &buckets,
					      .quantiles = bounds,
					      .item_count = 1};
	struct family_shape fitted;
	enum catalog_conflict conflict =
		shape_budget_init(&bench->budget, uid, &fitted, bench->catalog, &family, SHAPE_SCHEMA_MAX);
	family_shape_fini(&fitted);
	return conflict;
}

static void test_user_beyond_his_share_is_refused_new_shapes_alone(void **state)
{
	struct bench *bench = *state;
	unsigned int shapes = 0;
	while (shapes <= BUDGET_SHAPES_MAX && shape_ask(bench, 1, shapes) == CATALOG_OK)
		shapes++;
	assert_true(shapes <= BUDGET_SHAPES_MAX);
	assert_true(shapes > 1000);
	assert_int_equal(shape_ask(bench, 1, shapes), CATALOG_LIMIT);
	assert_int_equal(shape_ask(bench, 1, 0), CATALOG_OK);
	assert_int_equal(shape_ask(bench, 1, shapes - 1), CATALOG_OK);
	assert_int_equal(shape_ask(bench, 2, shapes), CATALOG_OK);
	assert_int_equal(shape_ask(bench, 2, 0), CATALOG_OK);
}

static void test_shapes_that_come_again_cost_nothing(void **state)
{
	struct bench *bench = *state;
	for (int i = 0; i < 100; i++)
		for (unsigned int number = 0; number < 10; number++)
			assert_int_equal(shape_ask(bench, 1, number), CATALOG_OK);
	assert_int_equal(bench->budget.user_count, 1);
	assert_int_equal(bench->budget.users[0].shapes, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_user_beyond_his_share_is_refused_new_shapes_alone, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_shapes_that_come_again_cost_nothing, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
