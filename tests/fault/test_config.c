/* SPDX-License-Identifier: MIT */
/* Faults of configuration (K rows of tests/fault/rows) that no other test injects: what is written into the file
 * while the agent runs changes it as a whole or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "monitor.h"
#include "scrape.h"

#define RELOADS 1000

static void config_write(const char *path, const void *bytes, size_t len)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
	close(fd);
}

static uint64_t reloads(uint16_t port, const char *result)
{
	char series[64];
	char *page = page_fresh(port);
	snprintf(series, sizeof(series), "mstat_config_reloads_total{result=\"%s\"}", result);
	const char *value = page_value(page, series);
	const uint64_t count = value ? strtoull(value, NULL, 10) : 0;
	free(page);
	return count;
}

static void test_k3_thousand_reloads_during_scrapes_change_no_page(void **state)
{
	static const char *const files[] = {"web:\n  max-series: 500000\n", "web:\n  max-series: 1000000\n", "web: [\n",
					    "no-such-key: 1\n"};
	struct stage stage;
	char path[112], flag[128];
	const struct scratch *scratch = *state;
	snprintf(path, sizeof(path), "%s/mstatd.yaml", scratch->path);
	snprintf(flag, sizeof(flag), "--config.file=%s", path);
	config_write(path, files[0], strlen(files[0]));
	stage_begin(&stage, state, flag);
	injected("%d signals to reload, with good and bad files by turns", RELOADS);
	for (int i = 0; i < RELOADS; i++) {
		config_write(path, files[i % 4], strlen(files[i % 4]));
		kill(stage.agent.pid, SIGHUP);
		usleep(1000);
	}
	monitor_await_pages(&stage.monitor, 10);
	/* Signals that come faster than they are taken are one. */
	assert_true(reloads(stage.agent.port, "success") > 10);
	assert_true(reloads(stage.agent.port, "failure") > 10);
	stage_end(&stage);
}

static void test_k1_file_that_is_no_configuration_leaves_the_running_one(void **state)
{
#define FILE_OF(bytes)                                                                                                 \
	{                                                                                                              \
		bytes, sizeof(bytes) - 1                                                                               \
	}
	static const struct {
		const char *bytes;
		size_t len;
	} files[] = {FILE_OF("\0\0\0\0"),
		     FILE_OF("\xef\xbb\xbfweb: ["),
		     FILE_OF("web:\r\n  max-series: many\r\n"),
		     FILE_OF("web: {max-series: 1, max-series: 2}\n"),
		     FILE_OF("a: &a [*a, *a]\n"),
		     FILE_OF("- - - - - - -\n"),
		     FILE_OF("web:\n\tmax-series: 1\n"),
		     FILE_OF("\xff\xfe:\0 \0[\0")};
	struct stage stage;
	char path[112], flag[128];
	const struct scratch *scratch = *state;
	snprintf(path, sizeof(path), "%s/mstatd.yaml", scratch->path);
	snprintf(flag, sizeof(flag), "--config.file=%s", path);
	config_write(path, "web:\n  max-series: 5000\n", 24);
	stage_begin(&stage, state, flag);
	injected("NULs, a byte order mark, CRLF, duplicate keys, aliases, tabs, and a sparse file of 1 GiB");
	for (size_t i = 0; i <= sizeof(files) / sizeof(*files); i++) {
		const uint64_t before = reloads(stage.agent.port, "failure");
		if (i < sizeof(files) / sizeof(*files))
			config_write(path, files[i].bytes, files[i].len);
		else
			assert_int_equal(truncate(path, 1 << 30), 0);
		kill(stage.agent.pid, SIGHUP);
		for (int64_t end_ms = clock_ms() + WAIT_MS; reloads(stage.agent.port, "failure") == before;)
			if (clock_ms() > end_ms)
				fail_msg("file %zu was not refused", i);
	}
	stage_end(&stage);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_k1_file_that_is_no_configuration_leaves_the_running_one),
		TEST(test_k3_thousand_reloads_during_scrapes_change_no_page),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
