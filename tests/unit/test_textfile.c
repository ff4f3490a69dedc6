/* SPDX-License-Identifier: MIT */
/* The readers of metrics in text, and the collector that serves such files. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "collect/textfile.h"
#include "host_fixture.h"

/* The public OpenMetrics suite, where it is beside the source tree. */

typedef textfile_reason reader(struct textfile_document *document, char *bytes, size_t len);

/* In memory of exactly the promised size, so that ASan sees a read beyond it. */
static textfile_reason read_bytes(reader *read, const char *bytes, size_t len, struct textfile_document *document,
				  char **copy)
{
	*copy = malloc(len + 1);
	assert_non_null(*copy);
	memcpy(*copy, bytes, len);
	return read(document, *copy, len);
}

static textfile_reason reason_of_bytes(reader *read, const char *bytes, size_t len)
{
	struct textfile_document document = {.families = NULL};
	char *copy;
	textfile_reason reason = read_bytes(read, bytes, len, &document, &copy);
	if (reason)
		assert_int_equal(document.sample_count + document.family_count + document.label_count, 0);
	textfile_document_fini(&document);
	free(copy);
	return reason;
}

static textfile_reason reason_of(reader *read, const char *text)
{
	return reason_of_bytes(read, text, strlen(text));
}

/* ---- OpenMetrics ------------------------------------------------------------------------------------------------ */

static void test_openmetrics_takes_what_is_right(void **state)
{
	static const char *const good[] = {
		"# EOF\n",
		"# EOF",
		"a 1\n# EOF\n",
		"a{} 1\n# EOF\n",
		"a{b=\"c\",d=\"\"} -1.5e-3 1600000000.5\n# EOF\n",
		"# TYPE a counter\n# HELP a \\\"quoted\\\" \\n \\z\na_total 1 # {t=\"x\"} 0.5 12.5\na_created 1.5\n# "
		"EOF\n",
		"# TYPE a_seconds gauge\n# UNIT a_seconds seconds\na_seconds NaN\n# EOF\n",
		"# TYPE a info\na_info{v=\"1\"} 1\na_info{v=\"2\"} 1\n# EOF\n",
		"# TYPE a stateset\na{a=\"on\",x=\"1\"} 1\na{a=\"off\",x=\"1\"} 0\n# EOF\n",
		"# TYPE a summary\na{quantile=\"0.5\"} 1\na{quantile=\"1\"} 2\na_sum 3\na_count 2\n# EOF\n",
		"# TYPE a histogram\na_bucket{le=\"1\"} 1\na_bucket{le=\"+Inf\"} 2\na_sum 3\na_count 2\n# EOF\n",
		"# TYPE a gaugehistogram\na_bucket{le=\"-1\"} 1\na_bucket{le=\"+Inf\"} 1\na_gsum -3\na_gcount 1\n# "
		"EOF\n",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		textfile_reason reason = reason_of(textfile_read_openmetrics, good[i]);
		if (reason)
			fail_msg("%s\nis refused: %s", good[i], reason);
	}
}

static void test_openmetrics_refuses_what_is_wrong(void **state)
{
	static const char *const bad[] = {
		"",
		"a 1\n",
		"a 1\n# EOF\n\n",
		"a 1\r\n# EOF\n",
		"a  1\n# EOF\n",
		" a 1\n# EOF\n",
		"a 1 \n# EOF\n",
		"a\t1\n# EOF\n",
		"a {b=\"c\"} 1\n# EOF\n",
		"a{b=\"c\",} 1\n# EOF\n",
		"a{,} 1\n# EOF\n",
		"a{b=\"c\"d=\"e\"} 1\n# EOF\n",
		"a{b= \"c\"} 1\n# EOF\n",
		"a{b=\"c} 1\n# EOF\n",
		"a{b=\"c\\\"} 1\n# EOF\n",
		"a{b:c=\"d\"} 1\n# EOF\n",
		"a{b=\"c\",b=\"d\"} 1\n# EOF\n",
		"a 0x1p3\n# EOF\n",
		"a 1e\n# EOF\n",
		"a 1e400x\n# EOF\n",
		"a .\n# EOF\n",
		"a nano\n# EOF\n",
		"a 1 NaN\n# EOF\n",
		"a \xff\n# EOF\n",
		"a{b=\"\xc0\xaf\"} 1\n# EOF\n",
		"#a 1\n# EOF\n",
		"# comment\n# EOF\n",
		"# TYPE a untyped\n# EOF\n",
		"# TYPE a gauge\n# TYPE a gauge\n# EOF\n",
		"# HELP a b\n# HELP a b\n# EOF\n",
		"# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n# TYPE a gauge\n# EOF\n",
		"# TYPE a counter\na 1\n# EOF\n",
		"# TYPE a counter\n# TYPE a_total gauge\n# EOF\n",
		"# TYPE a gauge\n# UNIT a seconds\na 1\n# EOF\n",
		"# TYPE seconds gauge\n# UNIT seconds seconds\n# EOF\n",
		"# TYPE a summary\na_count 0.5\n# EOF\n",
		"# TYPE a summary\na{quantile=\"1.5\"} 1\n# EOF\n",
		"# TYPE a histogram\na_bucket{le=\"+Inf\"} 1.5\n# EOF\n",
		"# TYPE a histogram\na_bucket{le=\"inf\"} 1\n# EOF\n",
		"# TYPE a histogram\na_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 1\n# EOF\n",
		"# TYPE a gauge\na{b=\"1\"} 1\na{b=\"2\"} 1\na{b=\"1\"} 1\n# EOF\n",
		"a 1\na 2\n# EOF\n",
		"a 1 # {} 1\n# EOF\n",
		"# TYPE a counter\na_total 1 # {t=\"x\"}\n# EOF\n",
		"# TYPE a counter\na_total 1 # {t=\"x\"} 1 NaN\n# EOF\n",
		"# TYPE a counter\na_total 1 # {t=\"x\"} 1 1 1\n# EOF\n",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!reason_of(textfile_read_openmetrics, bad[i]))
			fail_msg("%s\nis taken", bad[i]);
}

static void test_openmetrics_says_the_line(void **state)
{
	struct textfile_document document = {.families = NULL};
	static const char text[] = "# TYPE a gauge\na 1\na{b=\"1\" 2\n# EOF\n";
	char *copy;
	(void)state;
	assert_non_null(read_bytes(textfile_read_openmetrics, text, sizeof(text) - 1, &document, &copy));
	assert_int_equal(document.line, 3);
	textfile_document_fini(&document);
	free(copy);
}

static void test_openmetrics_gives_labels_sorted_and_unescaped(void **state)
{
	struct textfile_document document = {.families = NULL};
	static const char text[] = "a{z=\"1\",b=\"x\\\\y\\n\\\"\"} 2.5\n# EOF\n";
	char *copy;
	(void)state;
	assert_null(read_bytes(textfile_read_openmetrics, text, sizeof(text) - 1, &document, &copy));
	assert_int_equal(document.sample_count, 1);
	assert_string_equal(document.samples[0].name, "a");
	assert_int_equal(document.samples[0].label_count, 2);
	assert_string_equal(document.labels[0].name, "b");
	assert_string_equal(document.labels[0].value, "x\\y\n\"");
	assert_true(document.samples[0].value == 2.5);
	textfile_document_fini(&document);
	free(copy);
}

static char *file_load(const char *path, size_t *len)
{
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	char *bytes = malloc(1 << 20);
	assert_non_null(bytes);
	*len = fread(bytes, 1, 1 << 20, file);
	fclose(file);
	return bytes;
}

static void test_openmetrics_agrees_with_the_public_suite(void **state)
{
	const char *shared = getenv("MSTAT_SHARED");
	char suite[256];
	snprintf(suite, sizeof(suite), "%s/conformance/openmetrics/parsers", shared ? shared : "../shared");
	DIR *directory = opendir(suite);
	const struct dirent *entry;
	int cases = 0, wrong = 0;
	(void)state;
	if (!directory) {
		print_message("skipped: %s is not there (MSTAT_SHARED names its folder)\n", suite);
		skip();
	}
	while ((entry = readdir(directory))) {
		char path[600];
		size_t len;
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s/test.json", suite, entry->d_name);
		char *expected = file_load(path, &len);
		expected[len] = '\0';
		bool good = strstr(expected, "\"shouldParse\": true");
		free(expected);
		snprintf(path, sizeof(path), "%s/%s/metrics", suite, entry->d_name);
		char *bytes = file_load(path, &len);
		textfile_reason reason = reason_of_bytes(textfile_read_openmetrics, bytes, len);
		free(bytes);
		cases++;
		if (good == !reason)
			continue;
		wrong++;
		print_message("%s: %s\n", entry->d_name, reason ? reason : "is taken");
	}
	closedir(directory);
	print_message("%d cases of the suite\n", cases);
	assert_true(cases > 50);
	assert_int_equal(wrong, 0);
}

/* Whatever bytes come: no crash, and nothing left behind by what was refused. */
static void test_readers_survive_changed_bytes(void **state)
{
	static const char seed_text[] =
		"# HELP a h\\n\n# TYPE a histogram\na_bucket{le=\"1\",x=\"\\\\\"} 1 # {t=\"y\"} 1 2\n"
		"a_bucket{le=\"+Inf\"} 2\na_sum 1\na_count 2\n# TYPE b counter\nb_total{c=\"d\"} 1e3\n# EOF\n";
	static const char alphabet[] = " \t\n\"\\{}=,#:_ea01+.-\0\xc3";
	unsigned seed = (unsigned)getpid();
	(void)state;
	print_message("seed %u\n", seed);
	srandom(seed);
	for (int round = 0; round < 20000; round++) {
		char text[sizeof(seed_text)];
		memcpy(text, seed_text, sizeof(text));
		for (long changes = 1 + random() % 4; changes; changes--)
			text[(size_t)random() % (sizeof(text) - 1)] = alphabet[(size_t)random() % sizeof(alphabet)];
		size_t len = (size_t)random() % sizeof(text);
		reason_of_bytes(textfile_read_openmetrics, text, len);
		reason_of_bytes(textfile_read_prometheus, text, len);
	}
}

/* ---- text format 0.0.4 ------------------------------------------------------------------------------------------ */

static void test_prometheus_takes_what_is_right(void **state)
{
	static const char *const good[] = {
		"",
		"\n\n",
		"# a comment\n#\n#TYPE\n",
		"a 1",
		"  a\t{ b = \"c\" , } 1\t1600000000000 \n",
		"# HELP a\n# TYPE a counter\na 1\n",
		"# HELP a text \\n \"\na 1\n",
		"# TYPE a histogram\na_bucket{le=\"1\"} 1\na_bucket{le=\"+Inf\"} 2\na_sum 1\na_count 2\n",
		"# TYPE a summary\na{quantile=\"0.5\"} 1\na_sum 1\na_count 2\n",
		"a 1\nb 1\na{c=\"d\"} 1\n",
		"a Nan\nb +Inf\n",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		textfile_reason reason = reason_of(textfile_read_prometheus, good[i]);
		if (reason)
			fail_msg("%s\nis refused: %s", good[i], reason);
	}
}

static void test_prometheus_refuses_what_is_wrong(void **state)
{
	static const char *const bad[] = {
		"a\n",
		"a one\n",
		"a 1 x\n",
		"a 1 2 3\n",
		"1a 1\n",
		"a-b 1\n",
		"a{b} 1\n",
		"a{b=\"c} 1\n",
		"a{b=\"c\",b=\"c\"} 1\n",
		"# TYPE a meter\n",
		"# TYPE a counter\n# TYPE a counter\n",
		"# HELP a b\n# HELP a b\n",
		"a 1\n# TYPE a counter\n",
		"a 1\na 1\n",
		"a \xff\n",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!reason_of(textfile_read_prometheus, bad[i]))
			fail_msg("%s\nis taken", bad[i]);
}

/* ---- the collector ---------------------------------------------------------------------------------------------- */

static char *directories[2];

static void start(struct host_fixture *fixture)
{
	host_fixture_mkdir(fixture, "text");
	directories[0] = strdup(host_fixture_path(fixture, "te?t"));
	directories[1] = NULL;
	fixture->options.textfile_directories = directories;
	host_fixture_start(fixture, HOST_INDEX_textfile);
}

static void end(struct host_fixture *fixture)
{
	host_fixture_fini(fixture);
	free(directories[0]);
}

static bool is_refused(struct host_fixture *fixture, const char *file, const char *reason)
{
	char series[400];
	snprintf(series, sizeof(series), "mstat_textfile_refused{file=\"%s\",reason=\"%s\"}",
		 host_fixture_path(fixture, file), reason);
	return host_fixture_has(fixture, series);
}

static void test_collector_serves_both_formats(void **state)
{
	struct host_fixture fixture;
	(void)state;
	host_fixture_init(&fixture);
	host_fixture_write(&fixture, "text/a.prom",
			   "# TYPE jobs_total counter\njobs_total{kind=\"x\"} 3\nfree_bytes 7\n");
	host_fixture_write(
		&fixture, "text/b.om",
		"# TYPE runs counter\nruns_total 4\nruns_created 1\n# TYPE build info\nbuild_info{v=\"1\"} 1\n# EOF\n");
	host_fixture_write(&fixture, "text/c.txt", "other 1\n");
	start(&fixture);
	host_fixture_collect(&fixture);
	assert_true(host_fixture_value(&fixture, "jobs_total{kind=\"x\"}") == 3);
	assert_true(host_fixture_value(&fixture, "free_bytes") == 7);
	assert_true(host_fixture_value(&fixture, "runs_total") == 4);
	assert_true(host_fixture_value(&fixture, "build_info{v=\"1\"}") == 1);
	assert_false(host_fixture_has(&fixture, "runs_created"));
	assert_false(host_fixture_has(&fixture, "other"));
	assert_true(host_fixture_value(&fixture, "node_textfile_scrape_error") == 0);
	assert_int_equal(host_fixture_count(&fixture, "node_textfile_mtime_seconds{"), 2);
	end(&fixture);
}

static void test_collector_drops_only_the_bad_file(void **state)
{
	struct host_fixture fixture;
	(void)state;
	host_fixture_init(&fixture);
	host_fixture_write(&fixture, "text/a.prom", "good 1\n");
	host_fixture_write(&fixture, "text/b.prom", "half 1\nbad\n");
	host_fixture_write(&fixture, "text/c.om", "cut 1\n");
	host_fixture_write(&fixture, "text/d.prom", "timed 1 1600000000000\n");
	start(&fixture);
	host_fixture_collect(&fixture);
	assert_true(host_fixture_value(&fixture, "good") == 1);
	assert_false(host_fixture_has(&fixture, "half"));
	assert_false(host_fixture_has(&fixture, "cut"));
	assert_false(host_fixture_has(&fixture, "timed"));
	assert_true(host_fixture_value(&fixture, "node_textfile_scrape_error") == 1);
	assert_int_equal(host_fixture_count(&fixture, "mstat_textfile_refused{"), 3);
	assert_true(is_refused(&fixture, "text/d.prom", "a sample has a timestamp: leave it out"));
	/* Mended, it is served. */
	host_fixture_write(&fixture, "text/b.prom", "half 1\n");
	host_fixture_collect(&fixture);
	assert_true(host_fixture_value(&fixture, "half") == 1);
	end(&fixture);
}

static void test_collector_opens_regular_files_of_the_directory_only(void **state)
{
	struct host_fixture fixture;
	(void)state;
	host_fixture_init(&fixture);
	host_fixture_write(&fixture, "text/real", "linked 1\n");
	host_fixture_link(&fixture, "text/a.prom", "real");
	host_fixture_write(&fixture, "outside", "outside 1\n");
	host_fixture_link(&fixture, "text/b.prom", "../outside");
	host_fixture_link(&fixture, "text/c.prom", "/dev/zero");
	assert_int_equal(mkfifo(host_fixture_path(&fixture, "text/d.prom"), 0600), 0);
	host_fixture_mkdir(&fixture, "text/e.prom");
	host_fixture_link(&fixture, "text/f.prom", "nowhere");
	start(&fixture);
	host_fixture_collect(&fixture);
	assert_true(host_fixture_value(&fixture, "linked") == 1);
	assert_false(host_fixture_has(&fixture, "outside"));
	assert_true(is_refused(&fixture, "text/b.prom", "it is a link out of its directory: copy the file"));
	assert_true(is_refused(&fixture, "text/c.prom", "it is not a regular file"));
	assert_true(is_refused(&fixture, "text/d.prom", "it is not a regular file"));
	assert_true(is_refused(&fixture, "text/e.prom", "it is not a regular file"));
	assert_true(is_refused(&fixture, "text/f.prom", "it is not there any more"));
	end(&fixture);
}

static void test_collector_serves_no_series_twice_and_no_two_types(void **state)
{
	struct host_fixture fixture;
	(void)state;
	host_fixture_init(&fixture);
	host_fixture_write(&fixture, "text/a.prom", "# HELP x one\n# TYPE x gauge\nx{a=\"2\"} 1\ny 5\n");
	host_fixture_write(&fixture, "text/b.prom", "# HELP x one\n# TYPE x gauge\nx{a=\"1\"} 2\ny 9\n");
	host_fixture_write(&fixture, "text/c.prom", "# TYPE x untyped\nx{a=\"0\"} 3\nz 1\n");
	host_fixture_write(&fixture, "text/d.prom", "# HELP x other\n# TYPE x gauge\nx{a=\"4\"} 3\n");
	start(&fixture);
	host_fixture_collect(&fixture);
	assert_true(host_fixture_value(&fixture, "x{a=\"2\"}") == 1);
	assert_true(host_fixture_value(&fixture, "x{a=\"1\"}") == 2);
	assert_true(host_fixture_value(&fixture, "y") == 5);
	assert_true(host_fixture_value(&fixture, "z") == 1);
	assert_int_equal(host_fixture_count(&fixture, "x{"), 2);
	assert_true(is_refused(&fixture, "text/b.prom", "another file gives this series, too"));
	assert_true(is_refused(&fixture, "text/c.prom", "another file gives this metric another type"));
	assert_true(is_refused(&fixture, "text/d.prom", "another file gives this metric another help text"));
	assert_true(host_fixture_value(&fixture, "node_textfile_scrape_error") == 1);
	end(&fixture);
}

static void test_collector_keeps_its_limits(void **state)
{
	struct host_fixture fixture;
	const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	(void)state;
	host_fixture_init(&fixture);
	host_fixture_write(&fixture, "text/a.prom", "a 1\n");
	host_fixture_write(&fixture, "text/b.prom", "b_with_a_long_name 1\n");
	host_fixture_write(&fixture, "text/c.prom", "c 1\n");
	host_fixture_write(&fixture, "text/d.prom", "d 1\n");
	assert_int_equal(utimensat(-1, host_fixture_path(&fixture, "text/c.prom"), old, 0), 0);
	fixture.options.textfile_max_bytes = 8;
	fixture.options.textfile_max_age_ns = INT64_C(3600000000000);
	fixture.options.textfile_max_files = 3;
	start(&fixture);
	host_fixture_collect(&fixture);
	assert_true(host_fixture_has(&fixture, "a"));
	assert_true(is_refused(&fixture, "text/b.prom", "it is larger than --collector.textfile.max-bytes"));
	assert_true(
		is_refused(&fixture, "text/c.prom", "it was not written for longer than --collector.textfile.max-age"));
	assert_false(host_fixture_has(&fixture, "d"));
	assert_true(host_fixture_value(&fixture, "mstat_textfile_omitted_files") == 1);
	assert_true(host_fixture_value(&fixture, "node_textfile_scrape_error") == 1);
	end(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_openmetrics_takes_what_is_right),
		cmocka_unit_test(test_openmetrics_refuses_what_is_wrong),
		cmocka_unit_test(test_openmetrics_says_the_line),
		cmocka_unit_test(test_openmetrics_gives_labels_sorted_and_unescaped),
		cmocka_unit_test(test_openmetrics_agrees_with_the_public_suite),
		cmocka_unit_test(test_readers_survive_changed_bytes),
		cmocka_unit_test(test_prometheus_takes_what_is_right),
		cmocka_unit_test(test_prometheus_refuses_what_is_wrong),
		cmocka_unit_test(test_collector_serves_both_formats),
		cmocka_unit_test(test_collector_drops_only_the_bad_file),
		cmocka_unit_test(test_collector_opens_regular_files_of_the_directory_only),
		cmocka_unit_test(test_collector_serves_no_series_twice_and_no_two_types),
		cmocka_unit_test(test_collector_keeps_its_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
