/* SPDX-License-Identifier: MIT */
/* The settings of the host collectors: switches, patterns, and the same in the file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config.h"

static char file_name[] = "/dev/shm/mstat-test-config-XXXXXX";

static int file_make(void **state)
{
	(void)state;
	const int fd = mkstemp(file_name);
	return fd < 0 || close(fd);
}

static int file_remove(void **state)
{
	(void)state;
	return unlink(file_name);
}

static void file_write(const char *text)
{
	FILE *file = fopen(file_name, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* With up to two flags; NULL ends them. Either *config or *error is set. */
static void load(const char *one, const char *two, struct config **config, char **error)
{
	char *argv[] = {(char *)"mstatd", (char *)one, (char *)two, NULL};
	*config = NULL;
	*error = NULL;
	config_load(1 + !!one + !!two, argv, config, error);
}

static struct config *loaded(const char *one, const char *two)
{
	struct config *config;
	char *error;
	load(one, two, &config, &error);
	if (!config)
		fail_msg("%s", error);
	return config;
}

static void expect_error(const char *one, const char *two, const char *part)
{
	struct config *config;
	char *error;
	load(one, two, &config, &error);
	assert_null(config);
	assert_non_null(error);
	if (!strstr(error, part))
		fail_msg("\"%s\" does not hold \"%s\"", error, part);
	free(error);
}

static void test_config_collectors_are_on_and_off_as_their_rows_say(void **state)
{
	(void)state;
	struct config *config = loaded(NULL, NULL);
	assert_true(config->collector_loadavg);
	assert_false(config->collector_interrupts);
	assert_string_equal(config->path_procfs, "/proc");
	config_free(config);
}

static void test_config_switch_takes_no_value_a_value_or_no_in_front(void **state)
{
	(void)state;
	struct config *config = loaded("--no-collector.loadavg", "--collector.interrupts");
	assert_false(config->collector_loadavg);
	assert_true(config->collector_interrupts);
	config_free(config);
	config = loaded("--collector.loadavg=false", "--collector.interrupts=true");
	assert_false(config->collector_loadavg);
	assert_true(config->collector_interrupts);
	config_free(config);
	expect_error("--collector.loadavg=maybe", NULL, "--collector.loadavg=maybe: expected true or false");
	expect_error("--collector.loadavg", "--no-collector.loadavg", "given twice");
	expect_error("--no-collector.loadavg=true", NULL, "unknown flag");
	expect_error("--no-log.level", NULL, "unknown flag");
	expect_error("--collector.nonesuch", NULL, "unknown flag");
}

static void test_config_disable_defaults_leaves_what_is_asked_for_and_no_option_changes(void **state)
{
	(void)state;
	struct config *config = loaded("--collector.disable-defaults", "--collector.loadavg");
	assert_true(config->collector_loadavg);
	assert_false(config->collector_meminfo);
	assert_true(config->collector_cpu_guest);
	config_free(config);
}

static void test_config_file_has_the_same_switches_and_flags_win(void **state)
{
	(void)state;
	char flag[64];
	snprintf(flag, sizeof(flag), "--config.file=%s", file_name);
	file_write("collector: {disable-defaults: true, meminfo: true, interrupts: true,\n"
		   "            netdev.device-exclude: '^veth'}\npath: {udev.data: /u}\n");
	struct config *config = loaded(flag, "--no-collector.interrupts");
	assert_true(config->collector_meminfo);
	assert_false(config->collector_loadavg);
	assert_false(config->collector_interrupts);
	assert_string_equal(config->collector_netdev_device_exclude, "^veth");
	assert_string_equal(config->path_udev_data, "/u");
	config_free(config);
	file_write("collector:\n  meminfo: on\n");
	expect_error(flag, NULL, ":2: collector.meminfo: \"on\": expected true or false");
}

static void test_config_pattern_is_checked_at_the_start(void **state)
{
	(void)state;
	struct config *config = loaded("--collector.netdev.device-exclude=^(veth\\d+|lo)$", NULL);
	config_free(config);
	config = loaded("--collector.netdev.device-exclude=", NULL);
	assert_string_equal(config->collector_netdev_device_exclude, "");
	config_free(config);
	expect_error("--collector.netdev.device-exclude=(", NULL,
		     "--collector.netdev.device-exclude=(: not a regular expression");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config_collectors_are_on_and_off_as_their_rows_say),
		cmocka_unit_test(test_config_switch_takes_no_value_a_value_or_no_in_front),
		cmocka_unit_test(test_config_disable_defaults_leaves_what_is_asked_for_and_no_option_changes),
		cmocka_unit_test(test_config_file_has_the_same_switches_and_flags_win),
		cmocka_unit_test(test_config_pattern_is_checked_at_the_start),
	};
	return cmocka_run_group_tests(tests, file_make, file_remove);
}
