/* SPDX-License-Identifier: MIT */
/* Short words for tests of host collectors: write files, run one collector, look at what it said. */
#ifndef TESTS_SUPPORT_HOST_FILES_H
#define TESTS_SUPPORT_HOST_FILES_H

#include "host_fixture.h"

struct file {
	const char *path;
	const char *text;
};

static inline void files_write(const struct file *files, size_t count)
{
	for (size_t i = 0; i < count; i++)
		host_fixture_write(&test_host, files[i].path, files[i].text);
}
#define FILES(...)                                                                                                     \
	files_write((const struct file[]){__VA_ARGS__},                                                                \
		    sizeof((const struct file[]){__VA_ARGS__}) / sizeof(struct file))

static inline void run(enum host_index collector)
{
	host_fixture_start(&test_host, collector);
	host_fixture_collect(&test_host);
}

#define assert_value(series, expected) assert_true(host_fixture_value(&test_host, (series)) == (expected))
#define assert_success(name, expected) assert_value("node_scrape_collector_success{collector=\"" name "\"}", (expected))
#define assert_skipped(name, expected) assert_value("mstat_host_skipped_total{collector=\"" name "\"}", (expected))
#define NODE_TEST(name) cmocka_unit_test_setup_teardown(name, host_fixture_setup, host_fixture_teardown)

#endif
