/* SPDX-License-Identifier: MIT */
/* The configuration: what is taken, and the exact message of everything that is refused. */
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

#define FILE_NAME "mstat.yml" /* in the test's own directory, which is the current one */

static char directory[] = "/dev/shm/mstat-test-config-XXXXXX";

static int directory_make(void **state)
{
	(void)state;
	return !mkdtemp(directory) || chdir(directory);
}

static int directory_remove(void **state)
{
	(void)state;
	unlink(FILE_NAME);
	return chdir("/") || rmdir(directory);
}

static void file_write(const char *text, size_t len)
{
	FILE *file = fopen(FILE_NAME, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

/* Up to three flags; NULL ends them. */
static int load(const char *one, const char *two, const char *three, struct config **config, char **error)
{
	char *argv[] = {(char *)"mstatd", (char *)one, (char *)two, (char *)three, NULL};
	int argc = 1;
	while (argv[argc])
		argc++;
	*config = NULL;
	*error = NULL;
	return config_load(argc, argv, config, error);
}

static struct config *load_file(const char *text, const char *flag)
{
	struct config *config;
	char *error;
	file_write(text, strlen(text));
	if (load("--config.file=" FILE_NAME, flag, NULL, &config, &error))
		fail_msg("%s", error);
	return config;
}

static void expect_flag_error(const char *one, const char *two, const char *message)
{
	struct config *config;
	char *error;
	assert_int_not_equal(load(one, two, NULL, &config, &error), 0);
	assert_null(config);
	assert_string_equal(error, message);
	free(error);
}

static void expect_bytes_error(const char *text, size_t len, const char *message)
{
	file_write(text, len);
	expect_flag_error("--config.file=" FILE_NAME, NULL, message);
}

static void expect_file_error(const char *text, const char *message)
{
	expect_bytes_error(text, strlen(text), message);
}

/* ---- what is taken ---------------------------------------------------------------------------------------------- */

static void test_config_has_defaults_without_flags(void **state)
{
	(void)state;
	struct config *config;
	char *error;
	assert_int_equal(load(NULL, NULL, NULL, &config, &error), 0);
	assert_int_equal(config->action, CONFIG_RUN);
	assert_int_equal(config->web_listen_addresses.count, 1);
	assert_string_equal(config->web_listen_addresses.items[0], "localhost:9466");
	assert_string_equal(config->web_telemetry_path, "/metrics");
	assert_null(config->config_file);
	assert_int_equal(config->log_level, 1);
	assert_int_equal(config->segment_directories.count, 0);
	assert_int_equal(config->segment_fold_after_ns, 10000000000);
	assert_int_equal(config->segment_keep_dead_ns, 24 * 3600000000000);
	assert_int_equal(config->segment_services_max, 1000);
	assert_int_equal(config->segment_bytes_max, 0);
	config_free(config);
}

static void test_config_flag_takes_its_value_behind_equals_sign_or_as_next_argument(void **state)
{
	(void)state;
	struct config *config;
	char *error;
	assert_int_equal(load("--log.level=debug", "--log.format", "json", &config, &error), 0);
	assert_int_equal(config->log_level, 0);
	assert_int_equal(config->log_format, 1);
	config_free(config);
}

static void test_config_repeated_list_flags_add_up_and_replace_the_default(void **state)
{
	(void)state;
	struct config *config;
	char *error;
	assert_int_equal(load("--web.listen-address=:1", "--web.listen-address=[::1]:2", NULL, &config, &error), 0);
	assert_int_equal(config->web_listen_addresses.count, 2);
	assert_string_equal(config->web_listen_addresses.items[1], "[::1]:2");
	assert_null(config->web_listen_addresses.items[2]);
	config_free(config);
}

static void test_config_help_and_version_are_actions(void **state)
{
	(void)state;
	struct config *config;
	char *error;
	assert_int_equal(load("--help", NULL, NULL, &config, &error), 0);
	assert_int_equal(config->action, CONFIG_SHOW_HELP);
	config_free(config);
	assert_int_equal(load("--version", NULL, NULL, &config, &error), 0);
	assert_int_equal(config->action, CONFIG_SHOW_VERSION);
	config_free(config);
}

static void test_config_file_sets_every_kind_of_value(void **state)
{
	(void)state;
	struct config *config = load_file("web:\n"
					  "  listen-address: [\"127.0.0.1:1\", ':2']\n"
					  "  telemetry-path: /m\n"
					  "log: {level: warn}\n"
					  "segment:\n"
					  "  dir:\n"
					  "    - /dev/shm/one\n"
					  "  fold-after: 1m30s\n"
					  "  max-bytes: 64MiB\n"
					  "  services-max: 7\n",
					  NULL);
	assert_int_equal(config->web_listen_addresses.count, 2);
	assert_string_equal(config->web_listen_addresses.items[1], ":2");
	assert_string_equal(config->web_telemetry_path, "/m");
	assert_int_equal(config->log_level, 2);
	assert_string_equal(config->segment_directories.items[0], "/dev/shm/one");
	assert_int_equal(config->segment_fold_after_ns, 90000000000);
	assert_int_equal(config->segment_bytes_max, 64 << 20);
	assert_int_equal(config->segment_services_max, 7);
	config_free(config);
}

static void test_config_flag_wins_over_the_file(void **state)
{
	(void)state;
	struct config *config =
		load_file("log: {level: warn, format: json}\nweb: {listen-address: [\":1\"]}\n", "--log.level=error");
	assert_int_equal(config->log_level, 3);
	assert_int_equal(config->log_format, 1);
	config_free(config);
	config = load_file("web: {listen-address: [\":1\"]}\n", "--web.listen-address=:2");
	assert_int_equal(config->web_listen_addresses.count, 1);
	assert_string_equal(config->web_listen_addresses.items[0], ":2");
	config_free(config);
}

static void test_config_empty_file_changes_nothing(void **state)
{
	(void)state;
	static const char *const texts[] = {"", "# nothing\n", "---\n", "{}\n", "web: {}\n"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct config *config = load_file(texts[i], NULL);
		assert_int_equal(config->log_level, 1);
		config_free(config);
	}
}

static void test_config_differs_tells_which_items_changed(void **state)
{
	(void)state;
	struct config *one = load_file("log: {level: warn}\nsegment: {dir: [/a, /b]}\n", NULL);
	struct config *other = load_file("log: {level: info}\nsegment: {dir: [/a, /c]}\n", NULL);
	assert_true(config_differs(one, other, CONFIG_AT_log_level));
	assert_true(config_differs(one, other, CONFIG_AT_segment_directories));
	assert_false(config_differs(one, other, CONFIG_AT_web_telemetry_path));
	assert_false(config_differs(one, other, CONFIG_AT_web_listen_addresses));
	config_free(one);
	config_free(other);
}

static void test_config_help_lists_every_flag(void **state)
{
	(void)state;
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	config_print_help(out);
	fclose(out);
	for (int i = 0; i < CONFIG_ITEM_COUNT; i++) {
		char flag[128];
		snprintf(flag, sizeof(flag), "--%s=%s\n", config_items[i].key, config_items[i].placeholder);
		assert_non_null(strstr(text, flag));
	}
	free(text);
}

static void test_config_defaults_are_within_their_own_ranges(void **state)
{
	(void)state;
	for (int i = 0; i < CONFIG_ITEM_COUNT; i++) {
		char flag[1024];
		struct config *config;
		char *error;
		if (!*config_items[i].fallback)
			continue;
		snprintf(flag, sizeof(flag), "--%s=%s", config_items[i].key, config_items[i].fallback);
		assert_int_equal(load(flag, NULL, NULL, &config, &error), 0);
		config_free(config);
	}
}

static int64_t value_of(const char *flag, size_t offset)
{
	struct config *config;
	char *error;
	if (load(flag, NULL, NULL, &config, &error))
		fail_msg("%s", error);
	const int64_t value = *(const int64_t *)((const char *)config + offset);
	config_free(config);
	return value;
}

static void test_config_knows_the_units_of_durations_and_bytes(void **state)
{
	(void)state;
	const size_t fold = offsetof(struct config, segment_fold_after_ns);
	const size_t keep = offsetof(struct config, segment_keep_dead_ns);
	const size_t bytes = offsetof(struct config, segment_bytes_max);
	assert_int_equal(value_of("--segment.fold-after=0", fold), 0);
	assert_int_equal(value_of("--segment.fold-after=500ms", fold), 500000000);
	assert_int_equal(value_of("--segment.fold-after=2s", fold), 2000000000);
	assert_int_equal(value_of("--segment.fold-after=1m1s1ms", fold), 61001000000);
	assert_int_equal(value_of("--segment.keep-dead=1d", keep), 86400 * 1000000000ll);
	assert_int_equal(value_of("--segment.keep-dead=2w", keep), 14 * 86400 * 1000000000ll);
	assert_int_equal(value_of("--segment.max-bytes=65536", bytes), 65536);
	assert_int_equal(value_of("--segment.max-bytes=4096B", bytes), 4096);
	assert_int_equal(value_of("--segment.max-bytes=4KiB", bytes), 4096);
	assert_int_equal(value_of("--segment.max-bytes=3GiB", bytes), 3ll << 30);
}

/* ---- what is refused -------------------------------------------------------------------------------------------- */

static void test_config_refuses_bad_flags_by_name(void **state)
{
	(void)state;
	expect_flag_error("--web.listen-addres=:1", NULL, "--web.listen-addres: unknown flag, see --help");
	expect_flag_error("--log.level=info", "--log.level=info", "--log.level: given twice; remove one");
	expect_flag_error("--log.level", NULL, "--log.level: the value is missing: --log.level=debug|info|warn|error");
	expect_flag_error("serve", NULL, "serve: unexpected argument; flags are --NAME=VALUE, see --help");
	expect_flag_error("--segment.dir=/a", "--segment.dir=/a",
			  "--segment.dir=/a: the same value is in the list already; remove one");
	expect_flag_error("--config.file=absent.yml", NULL,
			  "absent.yml: No such file or directory; check --config.file");
	expect_flag_error("--config.file=/dev/null", NULL,
			  "/dev/null: not a regular file of at most 1 MiB; check --config.file");
}

static void test_config_refuses_values_of_the_wrong_form(void **state)
{
	(void)state;
	static const char duration[] = "expected a duration (such as 500ms, 10s, 1h30m) from 0 to 1h";
	static const char *const bad_durations[] = {"",
						    "10",
						    "1x",
						    "-1s",
						    "1s ",
						    "61m",
						    "1h1",
						    "99999999999999999999s",
						    "s",
						    "1.5s",
						    "9223372036854775807h"};
	char flag[128], message[256];
	for (size_t i = 0; i < sizeof(bad_durations) / sizeof(bad_durations[0]); i++) {
		snprintf(flag, sizeof(flag), "--segment.fold-after=%s", bad_durations[i]);
		snprintf(message, sizeof(message), "%s: %s", flag, duration);
		expect_flag_error(flag, NULL, message);
	}
	static const char address[] = "expected HOST:PORT, [IPV6]:PORT or :PORT with a port from 0 to 65535";
	static const char *const bad_addresses[] = {"",       "localhost", "localhost:", "a:65536",
						    "::1:80", "[::1]80",   "[]:1",       "[x]:1",
						    "a b:1",  "a:-1",      "a:1x",       "http://a:1"};
	for (size_t i = 0; i < sizeof(bad_addresses) / sizeof(bad_addresses[0]); i++) {
		snprintf(flag, sizeof(flag), "--web.listen-address=%s", bad_addresses[i]);
		snprintf(message, sizeof(message), "%s: %s", flag, address);
		expect_flag_error(flag, NULL, message);
	}
	expect_flag_error("--log.level=inf", NULL, "--log.level=inf: expected one of debug|info|warn|error");
	expect_flag_error(
		"--segment.max-bytes=1KiB", NULL,
		"--segment.max-bytes=1KiB: expected a number of bytes (such as 65536, 64KiB, 16MiB) from 4KiB "
		"to 1024GiB");
	expect_flag_error("--segment.services-max=0", NULL,
			  "--segment.services-max=0: expected a whole number from 1 to 1000000");
	/* 2^64 + 1, which would be 1 if it were let wrap. */
	expect_flag_error("--segment.services-max=18446744073709551617", NULL,
			  "--segment.services-max=18446744073709551617: expected a whole number from 1 to 1000000");
	expect_flag_error(
		"--web.telemetry-path=metrics", NULL,
		"--web.telemetry-path=metrics: expected a path that begins with / and holds no blank, ?, # or %");
	expect_flag_error(
		"--web.telemetry-path=/ready", NULL,
		"--web.telemetry-path=/ready: expected a path other than /, /health and /ready, which are taken");
	expect_flag_error("--segment.dir=", NULL, "--segment.dir=: expected a path that is not empty");
}

static void test_config_file_names_the_line_of_an_unknown_key(void **state)
{
	(void)state;
	expect_file_error("log:\n  level: info\n\nwebb:\n  x: 1\n",
			  "mstat.yml:4: webb: unknown key; --help lists the keys");
	expect_file_error("log:\n  level: info\n  levels: info\n",
			  "mstat.yml:3: log.levels: unknown key; --help lists the keys");
	expect_file_error("config:\n  file: x\n", "mstat.yml:1: config: unknown key; --help lists the keys");
	expect_file_error("log:\n  ? [a]\n  : 1\n", "mstat.yml:2: log.?: unknown key; --help lists the keys");
}

static void test_config_file_names_both_lines_of_a_duplicate_key(void **state)
{
	(void)state;
	expect_file_error("log:\n  level: info\n  format: json\n  level: warn\n",
			  "mstat.yml:4: log.level: duplicate key, first on line 2; remove one");
	expect_file_error("log:\n  level: info\nweb: {}\nlog:\n  format: json\n",
			  "mstat.yml:4: log: duplicate key, first on line 1; remove one");
}

static void test_config_file_names_the_line_of_a_wrong_type(void **state)
{
	(void)state;
	expect_file_error("log:\n  level: [info]\n", "mstat.yml:2: log.level: expected a single value, found a list");
	expect_file_error("log:\n  level:\n    a: b\n",
			  "mstat.yml:3: log.level: expected a single value, found a mapping");
	expect_file_error("log: info\n", "mstat.yml:1: log: expected a mapping of keys, found a single value");
	expect_file_error("web:\n  listen-address: a:1\n",
			  "mstat.yml:2: web.listen-address: expected a list ([a, b]), found a single value");
	expect_file_error("web:\n  listen-address:\n    - a:1\n    - [b]\n",
			  "mstat.yml:4: web.listen-address: expected a single value, found a list");
	expect_file_error("web:\n  listen-address: []\n",
			  "mstat.yml:2: web.listen-address: the list is empty; remove the key");
	expect_file_error("- log\n",
			  "mstat.yml:1: expected a mapping of sections (web:, log:, segment:), found a list");
	expect_file_error("log: &x {level: info}\nweb: *x\n",
			  "mstat.yml:2: web: expected a mapping of keys, found an alias");
}

static void test_config_file_names_the_line_of_a_value_out_of_range(void **state)
{
	(void)state;
	expect_file_error("segment:\n  fold-after: 10s\n  services-max: 1000001\n",
			  "mstat.yml:3: segment.services-max: \"1000001\": expected a whole number from 1 to 1000000");
	expect_file_error("segment:\n  fold-after: 2h\n",
			  "mstat.yml:2: segment.fold-after: \"2h\": expected a duration (such as 500ms, 10s, 1h30m) "
			  "from 0 to 1h");
	expect_file_error("log:\n  level:\n", "mstat.yml:2: log.level: \"\": expected one of debug|info|warn|error");
	expect_file_error("web:\n  listen-address:\n    - :1\n    - :1\n",
			  "mstat.yml:4: web.listen-address: \":1\": the same value is in the list already; remove one");
}

static void test_config_file_checks_values_that_a_flag_overrides(void **state)
{
	(void)state;
	static const char text[] = "log:\n  level: loud\n";
	file_write(text, strlen(text));
	expect_flag_error("--log.level=info", "--config.file=" FILE_NAME,
			  "mstat.yml:2: log.level: \"loud\": expected one of debug|info|warn|error");
}

static void test_config_file_names_the_line_where_it_is_not_yaml(void **state)
{
	(void)state;
	expect_file_error("log:\n\tlevel: info\n",
			  "mstat.yml:2: not YAML: found character that cannot start any token");
	expect_file_error("web:\n  telemetry-path: /x\n log: {}\n", "mstat.yml:3: not YAML: did not find expected key");
	expect_file_error("log: {level: info}\n---\nlog: {level: info}\n",
			  "mstat.yml:2: a second document; the file may hold one only");
	expect_bytes_error("log: {level: info}\nweb: \xff\n", 25, "mstat.yml:2: not YAML: invalid leading UTF-8 octet");
	static const char nul[] = "log:\n  level: \"info\\0\"\n";
	expect_bytes_error(nul, sizeof(nul) - 1,
			   "mstat.yml:2: log.level: expected a single value, found one with a NUL inside");
}

/* Every beginning of a good file is taken or refused, never a crash (seen under ASan). */
static void test_config_file_survives_truncation_anywhere(void **state)
{
	(void)state;
	static const char text[] = "web:\n  listen-address: [\"a:1\", 'b:2']\nsegment: {dir: [/x], fold-after: 1m}\n";
	for (size_t len = 0; len < sizeof(text); len++) {
		struct config *config;
		char *error;
		file_write(text, len);
		if (load("--config.file=" FILE_NAME, NULL, NULL, &config, &error)) {
			assert_memory_equal(error, "mstat.yml:", 10);
			free(error);
		} else {
			config_free(config);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config_has_defaults_without_flags),
		cmocka_unit_test(test_config_flag_takes_its_value_behind_equals_sign_or_as_next_argument),
		cmocka_unit_test(test_config_repeated_list_flags_add_up_and_replace_the_default),
		cmocka_unit_test(test_config_help_and_version_are_actions),
		cmocka_unit_test(test_config_file_sets_every_kind_of_value),
		cmocka_unit_test(test_config_flag_wins_over_the_file),
		cmocka_unit_test(test_config_empty_file_changes_nothing),
		cmocka_unit_test(test_config_differs_tells_which_items_changed),
		cmocka_unit_test(test_config_help_lists_every_flag),
		cmocka_unit_test(test_config_defaults_are_within_their_own_ranges),
		cmocka_unit_test(test_config_knows_the_units_of_durations_and_bytes),
		cmocka_unit_test(test_config_refuses_bad_flags_by_name),
		cmocka_unit_test(test_config_refuses_values_of_the_wrong_form),
		cmocka_unit_test(test_config_file_names_the_line_of_an_unknown_key),
		cmocka_unit_test(test_config_file_names_both_lines_of_a_duplicate_key),
		cmocka_unit_test(test_config_file_names_the_line_of_a_wrong_type),
		cmocka_unit_test(test_config_file_names_the_line_of_a_value_out_of_range),
		cmocka_unit_test(test_config_file_checks_values_that_a_flag_overrides),
		cmocka_unit_test(test_config_file_names_the_line_where_it_is_not_yaml),
		cmocka_unit_test(test_config_file_survives_truncation_anywhere),
	};
	return cmocka_run_group_tests(tests, directory_make, directory_remove);
}
