/* SPDX-License-Identifier: MIT */
/* What may be declared: names, units, help texts, labels; and declarations that contradict each other. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <mstat/mstat.h>

#include "child.h"
#include "view.h"

struct declaration {
	int reason; /* with which it is refused, 0: it is not */
	struct mstat_family family;
};

#define COUNTER(name, unit, help, ...)                                                                                 \
	{                                                                                                              \
		name, help, unit, MSTAT_SHM_COUNTER, MSTAT_SHM_U64, MSTAT_SUM, 0, 0, 0, 0, 0, 0, 0, {__VA_ARGS__},     \
		{                                                                                                      \
			0, 0                                                                                           \
		}                                                                                                      \
	}
#define GAUGE(name, unit, help, ...)                                                                                   \
	{                                                                                                              \
		name, help, unit, MSTAT_SHM_GAUGE, MSTAT_SHM_I64, MSTAT_SUM, 0, 0, 0, 0, 0, 0, 0, {__VA_ARGS__},       \
		{                                                                                                      \
			0, 0                                                                                           \
		}                                                                                                      \
	}
#define NAMED(name) COUNTER(name, "", "Help.", NULL)
#define LABELLED(...) COUNTER("labelled", "", "Help.", __VA_ARGS__)

static char help_1024[1025], help_1025[1026], name_255[256], name_256[257];

/* Registers a declaration of either kind with empty label values. */
static void declare(struct mstat_family *family)
{
	const char *values[MSTAT_LABELS_MAX] = {NULL};
	size_t count = 0;
	while (count < MSTAT_LABELS_MAX && family->label_names[count])
		count++;
	if (family->kind == MSTAT_SHM_GAUGE)
		mstat_gauge_set(mstat_gauge_find((mstat_gauge_family *)family, values, count), 1);
	else
		mstat_inc(mstat_counter_find((mstat_counter_family *)family, values, count));
}

/* Each declaration in turn: refused with its reason, or taken. */
static void declare_all(struct declaration *declarations, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct declaration *declaration = &declarations[i];
		int reason = declaration->reason;
		uint64_t before = mstat_drops(reason);
		uint64_t names_before = mstat_drops(MSTAT_REASON_NAME);
		errno = E2BIG;
		declare(&declaration->family);
		check_equal(errno, E2BIG);
		if (reason ? mstat_drops(reason) == before
			   : mstat_drops(MSTAT_REASON_NAME) != names_before || !declaration->family.state[0]) {
			fprintf(stderr, "declaration %zu (%s) was not judged %d\n", i,
				declaration->family.name ? declaration->family.name : "(no name)", reason);
			check(!"as the table says");
		}
	}
}
#define DECLARE_ALL(table) declare_all(table, sizeof(table) / sizeof(*(table)))

CHILD_TEST(test_names_follow_the_rules_of_prometheus)
{
	memset(name_255, 'n', 255);
	memset(name_256, 'n', 256);
	struct declaration table[] = {
		{0, NAMED("a")},
		{0, NAMED("_a")},
		{0, NAMED(":a:b")},
		{0, NAMED("A9_:z")},
		{0, NAMED("requests_total")},
		{0, NAMED("total")},
		{0, NAMED("bucket")},
		{0, NAMED("sum_of_count_of_buckets")},
		{0, NAMED(name_255)},
		{0, GAUGE("level", "", "Help.", NULL)},
		{MSTAT_REASON_NAME, NAMED("")},
		{MSTAT_REASON_NAME, NAMED(NULL)},
		{MSTAT_REASON_NAME, NAMED("9a")},
		{MSTAT_REASON_NAME, NAMED("a-b")},
		{MSTAT_REASON_NAME, NAMED("a b")},
		{MSTAT_REASON_NAME, NAMED("a.b")},
		{MSTAT_REASON_NAME, NAMED("\xc3\xa4")},
		{MSTAT_REASON_NAME, NAMED("_total")},
		{MSTAT_REASON_NAME, NAMED("x_bucket")},
		{MSTAT_REASON_NAME, NAMED("x_sum")},
		{MSTAT_REASON_NAME, NAMED("x_count")},
		{MSTAT_REASON_NAME, NAMED("x_count_total")},
		{MSTAT_REASON_NAME, NAMED("x_created")},
		{MSTAT_REASON_NAME, NAMED("x_info")},
		{MSTAT_REASON_NAME, NAMED("x_total_total")},
		{MSTAT_REASON_NAME, NAMED(name_256)},
		{MSTAT_REASON_NAME, GAUGE("level_total", "", "Help.", NULL)},
		{MSTAT_REASON_NAME, GAUGE("level_bucket", "", "Help.", NULL)},
	};
	DECLARE_ALL(table);
}

CHILD_TEST(test_units_end_the_name)
{
	struct declaration table[] = {
		{0, COUNTER("wait_seconds", "seconds", "Help.", NULL)},
		{0, COUNTER("sent_bytes_total", "bytes", "Help.", NULL)},
		{0, GAUGE("used_bytes", "bytes", "Help.", NULL)},
		{0, COUNTER("no_unit", NULL, "Help.", NULL)},
		{MSTAT_REASON_UNIT, COUNTER("wait", "seconds", "Help.", NULL)},
		{MSTAT_REASON_UNIT, COUNTER("waitseconds", "seconds", "Help.", NULL)},
		{MSTAT_REASON_UNIT, COUNTER("_seconds", "seconds", "Help.", NULL)},
		{MSTAT_REASON_UNIT, COUNTER("seconds", "seconds", "Help.", NULL)},
		{MSTAT_REASON_UNIT, COUNTER("wait_Seconds", "Seconds", "Help.", NULL)},
		{MSTAT_REASON_UNIT, COUNTER("wait_m/s", "m/s", "Help.", NULL)},
		{MSTAT_REASON_UNIT, COUNTER("wait_seconds_x", "seconds", "Help.", NULL)},
	};
	/* The name is judged before the unit. */
	table[9].reason = MSTAT_REASON_NAME;
	DECLARE_ALL(table);
}

CHILD_TEST(test_help_is_utf8_of_at_most_1024_bytes)
{
	memset(help_1024, 'h', 1024);
	memset(help_1025, 'h', 1025);
	struct declaration table[] = {
		{0, COUNTER("help_a", "", "", NULL)},
		{0, COUNTER("help_b", "", NULL, NULL)},
		{0, COUNTER("help_c", "", "100 \xe2\x82\xac, \"quoted\", \\ and\na new line", NULL)},
		{0, COUNTER("help_d", "", help_1024, NULL)},
		{MSTAT_REASON_HELP, COUNTER("help_e", "", help_1025, NULL)},
		{MSTAT_REASON_HELP, COUNTER("help_f", "", "bad \xff", NULL)},
		{MSTAT_REASON_HELP, COUNTER("help_g", "", "cut \xe2\x82", NULL)},
	};
	DECLARE_ALL(table);
}

CHILD_TEST(test_label_names_are_valid_different_and_at_most_sixteen)
{
	struct declaration table[] = {
		{0, COUNTER("labels_a", "", "Help.", "a", "_b", "C9")},
		{0, COUNTER("labels_b", "", "Help.", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m",
			    "n", "o", "p")},
		{MSTAT_REASON_LABEL_NAME, COUNTER("labels_c", "", "Help.", "a", "b", "c", "d", "e", "f", "g", "h", "i",
						  "j", "k", "l", "m", "n", "o", "p", "q")},
		{MSTAT_REASON_LABEL_NAME, LABELLED("")},
		{MSTAT_REASON_LABEL_NAME, LABELLED("9a")},
		{MSTAT_REASON_LABEL_NAME, LABELLED("a:b")},
		{MSTAT_REASON_LABEL_NAME, LABELLED("a-b")},
		{MSTAT_REASON_LABEL_NAME, LABELLED("__name__")},
		{MSTAT_REASON_LABEL_NAME, LABELLED("a", "b", "a")},
		{MSTAT_REASON_LABEL_NAME, LABELLED("\xc3\xa4")},
	};
	DECLARE_ALL(table);
}

CHILD_TEST(test_declarations_that_contradict_a_family_are_refused)
{
	MSTAT_COUNTER_UNIT(first, "done_seconds", "seconds", "Done.", "a");
	MSTAT_GAUGE_AS(level, MSTAT_MAX, "level", "", "Level.");
	mstat_inc(mstat_counter_with(&first, "1"));
	mstat_gauge_set(mstat_gauge_with(&level), 1);
	struct declaration table[] = {
		{MSTAT_REASON_CONFLICT, GAUGE("done_seconds", "seconds", "Done.", "a")},
		{MSTAT_REASON_CONFLICT, COUNTER("done_seconds", "", "Done.", "a")},
		{MSTAT_REASON_CONFLICT, COUNTER("done_seconds_total", "seconds", "Done.", "b")},
		{MSTAT_REASON_CONFLICT, COUNTER("done_seconds", "seconds", "Done.", "a", "b")},
		{MSTAT_REASON_CONFLICT, COUNTER("done_seconds", "seconds", "Done.", NULL)},
		{MSTAT_REASON_CONFLICT, GAUGE("level", "", "Level.", NULL)}, /* merged by sum, not by max */
		{MSTAT_REASON_CONFLICT, COUNTER("level", "", "Level.", NULL)},
		{0, COUNTER("done_seconds", "seconds", "Another text.", "a")},
	};
	struct mstat_family wide = COUNTER("done_seconds", "seconds", "Done.", "a");
	wide.value = MSTAT_SHM_F64;
	DECLARE_ALL(table);
	declare(&wide);
	check_equal(mstat_drops(MSTAT_REASON_CONFLICT), 8);
	/* The refused ones went nowhere. */
	check_equal(view_sum_u64(child_directory, "done_seconds"), 2);
	check_equal(view_i64(child_directory, "level", ""), 1);
}

CHILD_TEST(test_every_reason_has_a_text_and_every_other_number_too)
{
	for (int reason = -2; reason < 100; reason++) {
		check(mstat_reason_text(reason) != NULL && *mstat_reason_text(reason));
		check_equal(mstat_drops(reason), 0);
	}
	check(!strcmp(mstat_reason_text(1000), "unknown reason"));
	check(!strcmp(mstat_version(), MSTAT_VERSION));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_follow_the_rules_of_prometheus),
		cmocka_unit_test(test_units_end_the_name),
		cmocka_unit_test(test_help_is_utf8_of_at_most_1024_bytes),
		cmocka_unit_test(test_label_names_are_valid_different_and_at_most_sixteen),
		cmocka_unit_test(test_declarations_that_contradict_a_family_are_refused),
		cmocka_unit_test(test_every_reason_has_a_text_and_every_other_number_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
