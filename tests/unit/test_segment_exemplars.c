/* SPDX-License-Identifier: MIT */
/* The reader shows an exemplar only if it is whole, belongs to a series that is there and is safe to print. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>

#include "segment/private.h"
#include "segment_fixture.h"

/* Indices of the series of fixture_fill() and fixture_fill_shapes(). */
enum { REQUESTS, OVERFLOW, BUSY, DEPTH, VERSION, MEMORY, LATENCY, ANSWER, AGES };

static int setup(void **state)
{
	const int r = fixture_setup(state);
	struct segment_fixture *fixture = *state;
	if (!r) {
		fixture_fill(fixture);
		fixture_fill_shapes(fixture);
	}
	return r;
}

static size_t exemplars_seen(struct segment_fixture *fixture, const struct segment_exemplar **exemplars)
{
	assert_int_equal(fixture_read(fixture), SEGMENT_DEAD);
	return segment_exemplars(fixture->segment, exemplars);
}

static void test_exemplar_is_given_in_base_units_with_its_bucket(void **state)
{
	struct segment_fixture *fixture = *state;
	const struct segment_exemplar *seen;
	const char *labels = "trace_id=\"00f067aa0ba902b7\"";
	assert_int_equal(exemplars_seen(fixture, &seen), 1);
	assert_int_equal(seen->series, LATENCY);
	assert_int_equal(seen->bucket, 1);
	assert_true(seen->value == 0.005);
	assert_int_equal(seen->time_ns, 1700000000000000004ull);
	assert_int_equal(seen->labels_len, strlen(labels));
	assert_memory_equal(seen->labels, labels, seen->labels_len);
	image_exemplar(&fixture->image, 0, REQUESTS, 0, 3, "");
	assert_int_equal(exemplars_seen(fixture, &seen), 1);
	assert_true(seen->series == REQUESTS && seen->bucket == 0 && seen->value == 3 && !seen->labels_len);
	image_exemplar(&fixture->image, 0, ANSWER, 7, -0.5, "a=\"\"");
	assert_int_equal(exemplars_seen(fixture, &seen), 1);
	assert_true(seen->series == ANSWER && seen->bucket == 3 && seen->value == -0.5);
}

static void assert_hidden(struct segment_fixture *fixture)
{
	const struct segment_exemplar *seen;
	assert_int_equal(exemplars_seen(fixture, &seen), 0);
}

/* One place after the other is broken, and the check made good again: a writer can lie about it. */
static void assert_lie_hidden(struct segment_fixture *fixture)
{
	struct mstat_shm_exemplar *slot = image_exemplar_slot(&fixture->image, 0);
	slot->check = mstat_shm_exemplar_check(slot);
	assert_hidden(fixture);
}

static void test_exemplar_that_is_torn_or_being_written_is_not_shown(void **state)
{
	struct segment_fixture *fixture = *state;
	struct mstat_shm_exemplar *slot = image_exemplar_slot(&fixture->image, 0);
	const struct mstat_shm_exemplar good = *slot;
	unsigned char *bytes = (unsigned char *)slot;
	size_t covered = offsetof(struct mstat_shm_exemplar, labels) + slot->labels_len;
	slot->sequence++;
	assert_hidden(fixture);
	*slot = good;
	for (size_t at = sizeof(slot->sequence); at < covered; at++) {
		bytes[at] ^= 0x20;
		assert_hidden(fixture);
		bytes[at] ^= 0x20;
	}
}

static void test_exemplar_of_a_cell_that_its_series_does_not_have_is_not_shown(void **state)
{
	struct segment_fixture *fixture = *state;
	struct mstat_shm_exemplar *slot = image_exemplar_slot(&fixture->image, 0);
	const uint32_t first = image_series_record(&fixture->image, LATENCY)->cell;
	static const uint32_t cells[] = {0, 1, 7, 1u << 31, UINT32_MAX};
	const struct segment_exemplar *seen;
	for (size_t i = 0; i < sizeof(cells) / sizeof(*cells); i++) {
		slot->cell = cells[i];
		assert_lie_hidden(fixture);
	}
	slot->cell = first - 1;
	assert_lie_hidden(fixture);
	slot->cell = first; /* its sum */
	assert_lie_hidden(fixture);
	slot->cell = first + 4; /* behind its last bucket */
	assert_lie_hidden(fixture);
	slot->cell = first + 3;
	slot->check = mstat_shm_exemplar_check(slot);
	assert_int_equal(exemplars_seen(fixture, &seen), 1);
	static const uint32_t series[] = {REQUESTS, OVERFLOW, ANSWER, DEPTH, AGES, 11, 12, UINT32_MAX};
	for (size_t i = 0; i < sizeof(series) / sizeof(*series); i++) {
		slot->series = series[i];
		assert_lie_hidden(fixture);
	}
	/* Gauges have cells of the same numbers elsewhere. */
	image_exemplar(&fixture->image, 0, DEPTH, 0, 1, "");
	assert_hidden(fixture);
	image_exemplar(&fixture->image, 0, AGES, 1, 1, "");
	assert_hidden(fixture);
}

static void test_exemplar_of_a_series_that_is_removed_or_of_no_number_is_not_shown(void **state)
{
	struct segment_fixture *fixture = *state;
	static const double values[] = {NAN, INFINITY, -INFINITY};
	for (size_t i = 0; i < 3; i++) {
		image_exemplar(&fixture->image, 0, LATENCY, 2, values[i], "");
		assert_hidden(fixture);
	}
	image_exemplar(&fixture->image, 0, LATENCY, 2, 1, "");
	image_entry(&fixture->image, LATENCY)->state = 2u << 2 | MSTAT_SHM_STATE_REMOVED;
	assert_hidden(fixture);
}

static const char *const hostile[] = {
	"a",
	"a=",
	"a=\"",
	"=\"\"",
	"a=\"\",",
	",a=\"\"",
	"a=\"\"b",
	"a=\"\" ",
	"a=\"x\ny\"",
	"a=\"\\\"",
	"a=\"\\x\"",
	"a=\"x\"y\"",
	"1=\"\"",
	"a-b=\"\"",
	"a:b=\"\"",
	"__a=\"\"",
	"\xc3\xa4=\"\"",
	"a=\"\xff\"",
	"a=\"\xc3\"",
	"a=\"\xed\xa0\x80\"",
	"a=\"\"} 1 # {b=\"\"",
	"a=\"x\", b=\"y\"",
	"a=\"1\",a=\"2\"",
	"a=\"1\",b=\"\",a=\"2\"",
};

static void test_exemplar_whose_labels_would_break_a_page_is_not_shown(void **state)
{
	struct segment_fixture *fixture = *state;
	struct mstat_shm_exemplar *slot = image_exemplar_slot(&fixture->image, 0);
	for (size_t i = 0; i < sizeof(hostile) / sizeof(*hostile); i++) {
		image_exemplar(&fixture->image, 0, LATENCY, 2, 1, hostile[i]);
		const struct segment_exemplar *seen;
		if (exemplars_seen(fixture, &seen))
			fail_msg("{%s} was shown", hostile[i]);
	}
	image_exemplar(&fixture->image, 0, LATENCY, 2, 1, "a=\"x\"");
	slot->labels[3] = 0; /* a NUL in the middle */
	assert_lie_hidden(fixture);
	static const uint32_t lens[] = {MSTAT_SHM_EXEMPLAR_LABELS_MAX + 1, 1u << 31, UINT32_MAX};
	for (size_t i = 0; i < 3; i++) {
		slot->labels_len = lens[i];
		assert_lie_hidden(fixture);
	}
}

static void test_labels_are_sound_up_to_128_characters(void **state)
{
	char text[512] = "a=\"";
	(void)state;
	for (int i = 0; i < 127; i++)
		strcat(text, i % 3 == 0 ? "\xe2\x82\xac" : i % 3 == 1 ? "\\n" : "x");
	size_t len = strlen(text);
	strcpy(text + len, "\"");
	assert_true(exemplar_labels_sound(text, len + 1));
	strcpy(text + len, "x\"");
	assert_false(exemplar_labels_sound(text, len + 2));
	assert_true(exemplar_labels_sound("", 0));
	assert_true(exemplar_labels_sound("a=\",a=\",b=\"\\\\\",_c=\"\"", 20));
	/* As many names as there can be. */
	text[0] = 0;
	for (int i = 0; i < 70; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%c%c=\"\"", i ? "," : "", 'a' + i / 10,
			 'a' + i % 10);
	assert_false(exemplar_labels_sound(text, strlen(text)));
	text[64 * 6 - 1] = 0;
	assert_true(exemplar_labels_sound(text, strlen(text)));
}

static void test_segment_without_room_for_exemplars_has_none(void **state)
{
	struct segment_fixture *fixture = *state;
	struct image_limits limits = image_limits_tiny;
	limits.exemplar_max = 0;
	fixture_image(fixture, &limits);
	fixture_fill(fixture);
	assert_hidden(fixture);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_exemplar_is_given_in_base_units_with_its_bucket),
		TEST(test_exemplar_that_is_torn_or_being_written_is_not_shown),
		TEST(test_exemplar_of_a_cell_that_its_series_does_not_have_is_not_shown),
		TEST(test_exemplar_of_a_series_that_is_removed_or_of_no_number_is_not_shown),
		TEST(test_exemplar_whose_labels_would_break_a_page_is_not_shown),
		TEST(test_labels_are_sound_up_to_128_characters),
		TEST(test_segment_without_room_for_exemplars_has_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
