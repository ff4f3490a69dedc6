/* SPDX-License-Identifier: MIT */
/* Exemplars: what an update belonged to is shown with that update or not at all, and never costs the update itself. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <mstat/mstat.h>

#include "private.h"

#include "child.h"
#include "mode.h"
#include "view.h"

static const struct mstat_buckets few = {.scale = 1e-3, MSTAT_BOUNDS(1, 2)};
MSTAT_COUNTER(requests, "requests", "Requests.", "path");
MSTAT_COUNTER_F64(amount, "amount", "Amount.");
MSTAT_HISTOGRAM_AS(latency, &few, "latency", "", "Latency.");
MSTAT_HISTOGRAM_F64(size, "size", "Size.");

static const uint8_t trace[16] = {0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d, 0xa6,
				  0xa3, 0xce, 0x92, 0x9d, 0x0e, 0x0e, 0x47, 0x36};
static const uint8_t span[8] = {0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7};
#define TRACE_TEXT "trace_id=\"4bf92f3577b34da6a3ce929d0e0e4736\""
#define SPAN_TEXT "span_id=\"00f067aa0ba902b7\""

static void exemplar_check(const char *family, uint32_t bucket, const char *labels, double value)
{
	const char *series = strcmp(family, "requests") ? "" : "a";
	struct view_exemplar have = view_exemplar(child_directory, family, series, bucket);
	if (strcmp(have.labels, labels) || have.value != value || !have.time_ns) {
		fprintf(stderr, "%s bucket %u: {%s} %g\n", family, bucket, have.labels, have.value);
		check(!"the exemplar that was written");
	}
}

CHILD_TEST(test_update_and_its_exemplar_are_both_there)
{
	const struct mstat_exemplar exemplar = {.trace_id = trace, .span_id = span};
	const struct mstat_exemplar labelled = {.trace_id = trace,
						.labels = (const char *const[]){"user", "7", "zone", "", NULL}};
	errno = E2BIG;
	mstat_add_exemplar(mstat_counter_with(&requests, "a"), 3, &exemplar);
	mstat_add_f64_exemplar(mstat_counter_f64_with(&amount), 2.5, &labelled);
	mstat_observe_exemplar(mstat_histogram_with(&latency), 1500, &exemplar);
	mstat_observe_exemplar(mstat_histogram_with(&latency), 1000, &(struct mstat_exemplar){.span_id = span});
	mstat_observe_f64_exemplar(mstat_histogram_f64_with(&size), 0.25, &exemplar);
	check_equal(errno, E2BIG);
	exemplar_check("requests", 0, TRACE_TEXT "," SPAN_TEXT, 3);
	exemplar_check("amount", 0, TRACE_TEXT ",user=\"7\",zone=\"\"", 2.5);
	exemplar_check("latency", 1, TRACE_TEXT "," SPAN_TEXT, 1.5);
	exemplar_check("latency", 0, SPAN_TEXT, 1);
	exemplar_check("size", 5, TRACE_TEXT "," SPAN_TEXT, 0.25);
	check_equal(view_exemplars(child_directory), 5);
	check_equal(view_u64(child_directory, "requests", "a"), 3);
	check_equal(view_distribution(child_directory, "latency", "")->count, 2);
	check_equal(mstat_drops(MSTAT_REASON_EXEMPLAR), 0);
}

CHILD_TEST(test_latest_exemplar_of_a_cell_stays_and_none_changes_nothing)
{
	mstat_counter *counter = mstat_counter_with(&requests, "a");
	mstat_add_exemplar(counter, 1, &(struct mstat_exemplar){.trace_id = trace});
	mstat_add_exemplar(counter, 2, &(struct mstat_exemplar){.span_id = span});
	exemplar_check("requests", 0, SPAN_TEXT, 2);
	mstat_add_exemplar(counter, 4, NULL);
	mstat_add(counter, 8);
	exemplar_check("requests", 0, SPAN_TEXT, 2);
	check_equal(view_exemplars(child_directory), 1);
	check_equal(view_u64(child_directory, "requests", "a"), 15);
}

static void labels_add(const char *name, const char *value)
{
	const char *const labels[] = {name, value, NULL};
	mstat_add_exemplar(mstat_counter_with(&requests, "a"), 1, &(struct mstat_exemplar){.labels = labels});
}

CHILD_TEST(test_values_are_escaped_as_in_the_exposition)
{
	labels_add("path", "C:\\dir \"x\"\nnext\t.");
	exemplar_check("requests", 0, "path=\"C:\\\\dir \\\"x\\\"\\nnext\t.\"", 1);
}

static uint64_t refused(void)
{
	return mstat_drops(MSTAT_REASON_EXEMPLAR);
}

/* Names and values together, in characters: what is escaped counts once, a character of four bytes too. */
CHILD_TEST(test_128_characters_are_taken_and_129_are_not)
{
	char value[512] = "", wide[512] = "", text[600];
	for (int i = 0; i < 124; i++)
		strcat(value, i % 2 ? "\"" : "x");
	labels_add("name", value);
	check_equal(refused(), 0);
	check_equal(view_exemplars(child_directory), 1);
	strcat(value, "x");
	labels_add("name", value);
	check_equal(refused(), 1);
	for (int i = 0; i < 112; i++)
		strcat(wide, "\xf0\x9f\x90\x98");
	labels_add("abcdefghijklmno", wide);
	check_equal(refused(), 1);
	snprintf(text, sizeof(text), "abcdefghijklmno=\"%s\"", wide);
	exemplar_check("requests", 0, text, 1);
	/* Each label by itself is short enough. */
	const char *const many[] = {
		"a", "0123456789012345678901234567890123456789", "b", "0123456789012345678901234567890123456789",
		"c", "0123456789012345678901234567890123456789", "d", "01234",
		NULL};
	mstat_add_exemplar(mstat_counter_with(&requests, "a"), 1, &(struct mstat_exemplar){.labels = many});
	check_equal(refused(), 2);
	check_equal(view_u64(child_directory, "requests", "a"), 4);
}

CHILD_TEST(test_labels_against_the_rules_are_refused_and_the_update_counts)
{
	static const char *const bad[][5] = {
		{"", "x"},     {"1a", "x"},   {"a-b", "x"},         {"a:b", "x"},      {"__a", "x"}, {"a", "\xff"},
		{"a\xc3", ""}, {"a", "\xc3"}, {"a", "1", "a", "2"}, {"trace_id", "x"}, {"a", NULL},
	};
	char endless[2000];
	memset(endless, 'x', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = 0;
	size_t count = sizeof(bad) / sizeof(*bad);
	for (size_t i = 0; i < count; i++) {
		mstat_add_exemplar(mstat_counter_with(&requests, "a"), 1,
				   &(struct mstat_exemplar){.trace_id = trace, .labels = bad[i]});
		check_equal(refused(), i + 1);
	}
	labels_add("name", endless);
	labels_add(endless, "value");
	check_equal(refused(), count + 2);
	check_equal(view_exemplars(child_directory), 0);
	check_equal(view_u64(child_directory, "requests", "a"), count + 2);
}

CHILD_TEST(test_refused_values_have_no_exemplar)
{
	static const double bad[] = {NAN, INFINITY, -INFINITY, -1};
	const struct mstat_exemplar exemplar = {.trace_id = trace};
	for (size_t i = 0; i < 4; i++) {
		mstat_add_f64_exemplar(mstat_counter_f64_with(&amount), bad[i], &exemplar);
		mstat_observe_f64_exemplar(mstat_histogram_f64_with(&size), bad[i], &exemplar);
	}
	mstat_observe_exemplar(mstat_histogram_with(&latency), -1, &exemplar);
	check_equal(view_exemplars(child_directory), 0);
	check_equal(mstat_drops(MSTAT_REASON_OBSERVATION), 5);
}

CHILD_TEST(test_negative_observations_have_exemplars_where_they_are_taken)
{
	static const struct mstat_buckets both_sides = {MSTAT_BOUNDS(-1, 1)};
	MSTAT_HISTOGRAM_F64_AS(offsets, &both_sides, "offsets", "", "Offsets.");
	mstat_observe_f64_exemplar(mstat_histogram_f64_with(&offsets), -2, &(struct mstat_exemplar){.span_id = span});
	exemplar_check("offsets", 0, SPAN_TEXT, -2);
}

/* More cells than slots: the oldest of a set goes, and what is shown belongs to its series. */
CHILD_TEST(test_few_slots_serve_many_cells_and_mix_nothing_up)
{
	struct mstat_options options = {.size = sizeof(options), .exemplar_max = 1};
	char number[16], text[32];
	check_equal(mstat_open(&options), 0);
	for (unsigned int i = 0; i < 100; i++) {
		snprintf(number, sizeof(number), "%u", i);
		mstat_add_exemplar(mstat_counter_with(&requests, number), i,
				   &(struct mstat_exemplar){.labels = (const char *const[]){"n", number, NULL}});
	}
	check_equal(view_exemplars(child_directory), 4);
	for (unsigned int i = 96; i < 100; i++) {
		snprintf(number, sizeof(number), "%u", i);
		snprintf(text, sizeof(text), "n=\"%u\"", i);
		struct view_exemplar have = view_exemplar(child_directory, "requests", number, 0);
		check(!strcmp(have.labels, text) && have.value == i);
	}
	check_equal(refused(), 0);
}

CHILD_TEST(test_exemplars_of_removed_series_are_not_shown_nor_those_of_handles_of_nothing)
{
	const struct mstat_exemplar exemplar = {.trace_id = trace};
	const char *value = "a";
	mstat_counter *counter = mstat_counter_with(&requests, "a");
	mstat_histogram *histogram = mstat_histogram_with(&latency);
	mstat_add_exemplar(counter, 1, &exemplar);
	mstat_observe_exemplar(histogram, 1, &exemplar);
	check_equal(mstat_remove(&requests.family, &value, 1), 1);
	check_equal(mstat_remove(&latency.family, NULL, 0), 1);
	check_equal(view_exemplars(child_directory), 0);
	mstat_add_exemplar(counter, 1, &exemplar);
	mstat_observe_exemplar(histogram, 1, &exemplar);
	mstat_add_exemplar(mstat_counter_with(&requests), 1, &exemplar); /* too few labels: the overflow series */
	check_equal(view_exemplars(child_directory), 1);
	mstat_counter_with(&requests, "a"); /* begins again from zero */
	mstat_histogram_with(&latency);
	check_equal(view_series(child_directory, "requests") + view_series(child_directory, "latency"), 2);
	check_equal(view_exemplars(child_directory), 1);
	mstat_counter_with(&requests, "b"); /* perhaps in the cell of "a" */
	check(!*view_exemplar(child_directory, "requests", "b", 0).labels);
}

/* ---- slots whose writer has gone ---- */

static struct mstat_shm_exemplar *slot_of_counter(mstat_counter *counter)
{
	uint32_t cell = counter->handle.offset / MSTAT_CELL_BYTES;
	for (uint32_t i = 0; i < mstat_root.layout.exemplar_max; i++)
		if (mstat_exemplar_slot(i)->cell == cell)
			return mstat_exemplar_slot(i);
	check(!"the counter has a slot");
	return NULL;
}

CHILD_TEST(test_slot_that_somebody_is_writing_to_refuses_and_shows_nothing)
{
	mstat_counter *counter = mstat_counter_with(&requests, "a");
	mstat_add_exemplar(counter, 1, &(struct mstat_exemplar){.trace_id = trace});
	struct mstat_shm_exemplar *slot = slot_of_counter(counter);
	slot->sequence++; /* a writer stands here */
	mstat_add_exemplar(counter, 1, &(struct mstat_exemplar){.span_id = span});
	check_equal(refused(), 1);
	check_equal(view_exemplars(child_directory), 0);
	slot->time_ns += 1000000000; /* it has looked at the clock later than we shall */
	mstat_add_exemplar(counter, 1, &(struct mstat_exemplar){.span_id = span});
	check_equal(refused(), 2);
	/* Eleven seconds ago: it was killed. */
	slot->time_ns -= 12000000000ull;
	mstat_add_exemplar(counter, 5, &(struct mstat_exemplar){.span_id = span});
	check_equal(refused(), 2);
	exemplar_check("requests", 0, SPAN_TEXT, 5);
	check_equal(view_u64(child_directory, "requests", "a"), 8);
}

#define KILLS 60

static int begun[2];

/* A text as long as may be, in which every part is one's own. */
static void number_repeat(uint64_t number, char text[112])
{
	text[0] = 0;
	while (strlen(text) < 90)
		snprintf(text + strlen(text), 112 - strlen(text), "%" PRIu64 ".", number);
}

static void exemplars_write_for_ever(void)
{
	mstat_counter *counter = mstat_counter_with(&requests, "a");
	char number[112];
	for (unsigned int i = 1;; i++) {
		if (i == 2)
			check(write(begun[1], "x", 1) == 1);
		number_repeat(i, number);
		mstat_add_exemplar(counter, i,
				   &(struct mstat_exemplar){.labels = (const char *const[]){"n", number, NULL}});
	}
}

static bool number_matches(const struct view_exemplar *exemplar)
{
	char number[112], text[128];
	number_repeat((uint64_t)exemplar->value, number);
	snprintf(text, sizeof(text), "n=\"%s\"", number);
	return !strcmp(exemplar->labels, text);
}

static void first_write(mstat_counter *counter)
{
	char number[112];
	number_repeat(1, number);
	mstat_add_exemplar(counter, 1, &(struct mstat_exemplar){.labels = (const char *const[]){"n", number, NULL}});
}

static pid_t writer_start(void)
{
	char byte;
	pid_t pid = fork_run(exemplars_write_for_ever);
	check(read(begun[0], &byte, 1) == 1);
	return pid;
}

CHILD_TEST(test_writers_killed_in_the_middle_leave_a_right_exemplar_or_none)
{
	unsigned int seen = 0, cut = 0;
	mstat_counter *counter = mstat_counter_with(&requests, "a");
	srand(seed_choose());
	check(!pipe(begun));
	first_write(counter);
	struct mstat_shm_exemplar *slot = slot_of_counter(counter);
	for (int i = 0; i < KILLS; i++) {
		pid_t pid = writer_start();
		usleep((unsigned int)rand() % 3000);
		kill(pid, SIGKILL);
		check_equal(child_wait(pid), 128 + SIGKILL);
		struct view_exemplar have = view_exemplar(child_directory, "requests", "a", 0);
		check(!have.time_ns || number_matches(&have));
		check((have.time_ns == 0) == (slot->sequence % 2 != 0));
		seen += have.time_ns != 0;
		cut += slot->sequence % 2;
		slot->time_ns -= 11000000000ull; /* or a slot that was cut would be nobody's for ten seconds */
	}
	printf("%u of %d were cut in the middle\n", cut, KILLS);
	check(seen > 0);
}

/* ---- races ---- */

#define READS 3000

/* Several processes write to one slot; what a reader believes belongs together. */
CHILD_TEST(test_torn_exemplars_are_never_shown)
{
	pid_t pids[3];
	unsigned int seen = 0;
	first_write(mstat_counter_with(&requests, "a"));
	check(!pipe(begun));
	for (int i = 0; i < 3; i++)
		pids[i] = writer_start();
	for (int i = 0; i < READS; i++) {
		struct view_exemplar have = view_exemplar(child_directory, "requests", "a", 0);
		check(!have.time_ns || number_matches(&have));
		seen += have.time_ns != 0;
	}
	for (int i = 0; i < 3; i++) {
		kill(pids[i], SIGKILL);
		child_wait(pids[i]);
	}
	printf("%u of %d reads saw one, %" PRIu64 " were refused\n", seen, READS, refused());
	check(seen > 0);
}

static mstat_counter *contested;
static struct mstat_shm_exemplar *contested_slot;
static uint64_t taken_over;

static void contested_write(uint64_t number)
{
	char text[112];
	number_repeat(number, text);
	mstat_add_exemplar(contested, number,
			   &(struct mstat_exemplar){.labels = (const char *const[]){"n", text, NULL}});
}

/* Takes the slot for one whose writer has gone, though he is only interrupted. */
static void slot_take_over(int number)
{
	(void)number;
	taken_over += mstat_load_relaxed(&contested_slot->sequence) % 2;
	mstat_store_relaxed(&contested_slot->time_ns, 1);
	contested_write(1000000 + taken_over);
}

static bool contested_sound(void)
{
	struct mstat_shm_exemplar copy = *contested_slot;
	struct view_exemplar have = {.time_ns = 1};
	if (copy.sequence % 2 || copy.check != mstat_shm_exemplar_check(&copy))
		return true; /* nobody believes it */
	memcpy(&have.value, &copy.value, sizeof(have.value));
	snprintf(have.labels, sizeof(have.labels), "%.*s", (int)copy.labels_len, copy.labels);
	return number_matches(&have);
}

#define CONTESTED_WRITES 150000

CHILD_TEST(test_mixtures_of_two_writers_are_never_believed)
{
	struct sigaction action = {.sa_handler = slot_take_over, .sa_flags = SA_RESTART};
	struct itimerspec every = {{0, 20000}, {0, 20000}};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	timer_t timer;
#ifdef __SANITIZE_THREAD__
	check_skip("the thread sanitizer keeps signals back until a point of its own");
#endif
	contested = mstat_counter_with(&requests, "a");
	first_write(contested);
	contested_slot = slot_of_counter(contested);
	check(!sigaction(SIGUSR1, &action, NULL));
	check(!timer_create(CLOCK_MONOTONIC, &event, &timer) && !timer_settime(timer, 0, &every, NULL));
	for (uint64_t i = 1; i < CONTESTED_WRITES; i++) {
		contested_write(i);
		check(contested_sound());
	}
	timer_delete(timer);
	signal(SIGUSR1, SIG_IGN);
	printf("%" PRIu64 " writers were interrupted in the middle\n", taken_over);
	check(taken_over > 0);
	contested_write(7);
	exemplar_check("requests", 0,
		       "n=\"7.7.7.7.7.7.7.7.7.7.7.7.7.7.7.7.7.7.7.7.7.7.7.7.7.7.7.7.7.7.7.7.7.7.7.7.7.7.7.7."
		       "7.7.7.7.7.\"",
		       7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_update_and_its_exemplar_are_both_there),
		cmocka_unit_test(test_latest_exemplar_of_a_cell_stays_and_none_changes_nothing),
		cmocka_unit_test(test_values_are_escaped_as_in_the_exposition),
		cmocka_unit_test(test_128_characters_are_taken_and_129_are_not),
		cmocka_unit_test(test_labels_against_the_rules_are_refused_and_the_update_counts),
		cmocka_unit_test(test_refused_values_have_no_exemplar),
		cmocka_unit_test(test_negative_observations_have_exemplars_where_they_are_taken),
		cmocka_unit_test(test_few_slots_serve_many_cells_and_mix_nothing_up),
		cmocka_unit_test(test_exemplars_of_removed_series_are_not_shown_nor_those_of_handles_of_nothing),
		cmocka_unit_test(test_slot_that_somebody_is_writing_to_refuses_and_shows_nothing),
		cmocka_unit_test(test_writers_killed_in_the_middle_leave_a_right_exemplar_or_none),
		cmocka_unit_test(test_torn_exemplars_are_never_shown),
		cmocka_unit_test(test_mixtures_of_two_writers_are_never_believed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
