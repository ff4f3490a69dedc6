/* SPDX-License-Identifier: MIT */
/* Which process belongs to which group: rules, templates, and what is wrong in a file of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "collect/process_rules.h"

static char file_name[] = "/dev/shm/mstat-test-rules-XXXXXX";

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

static struct process_rules *loaded(const char *text)
{
	struct process_rules *rules = NULL;
	char *error = NULL;
	FILE *file = fopen(file_name, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	if (process_rules_load(file_name, &rules, &error))
		fail_msg("%s", error);
	return rules;
}

static void expect_error(const char *text, const char *part)
{
	struct process_rules *rules = NULL;
	char *error = NULL, whole[512];
	FILE *file = fopen(file_name, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_true(process_rules_load(file_name, &rules, &error) < 0);
	assert_non_null(error);
	snprintf(whole, sizeof(whole), "%s%s", file_name, part);
	if (!strstr(error, whole))
		fail_msg("\"%s\" does not hold \"%s\"", error, whole);
	free(error);
}

/* Asserts the name that rules give; NULL: none. */
static void expect_name(struct process_rules *rules, const char *comm, const char *cmdline, const char *expected)
{
	char name[PROCESS_NAME_BYTES], exe[256];
	char first[] = "/a/b", second[] = "/c", *cgroups[] = {first, second, NULL};
	snprintf(exe, sizeof(exe), "%.*s", (int)strcspn(cmdline, " "), cmdline);
	struct process_identity identity = {.pid = 42,
					    .start_seconds = 86400,
					    .comm = comm,
					    .cmdline = cmdline,
					    .exe = exe,
					    .username = "anna",
					    .cgroups = cgroups};
	const bool matched = process_rules_name(rules, &identity, name, sizeof(name));
	assert_true(matched == (expected != NULL));
	if (expected)
		assert_string_equal(name, expected);
}

static void test_the_first_rule_that_matches_gives_the_name(void **state)
{
	(void)state;
	struct process_rules *rules = loaded("process_names:\n"
					     "  - comm: [bash, sshd]\n"
					     "  - name: db\n    exe: [postgres, /usr/sbin/mysqld]\n"
					     "  - name: \"{{.Comm}}\"\n    cmdline: ['.+']\n");
	expect_name(rules, "bash", "/bin/bash -l", "bash");
	expect_name(rules, "x", "/opt/postgres -D", "db");
	expect_name(rules, "x", "/usr/sbin/mysqld", "db");
	expect_name(rules, "x", "/opt/mysqld", "x");
	expect_name(rules, "kthreadd", "", NULL);
	process_rules_free(rules);
}

static void test_all_kinds_and_all_expressions_of_a_rule_must_match(void **state)
{
	(void)state;
	struct process_rules *rules = loaded("process_names:\n"
					     "- name: both\n  comm: [java]\n  cmdline: ['-jar (\\S+)', 'prod$']\n");
	expect_name(rules, "java", "java -jar a.jar prod", "both");
	expect_name(rules, "java", "java -jar a.jar product", NULL);
	expect_name(rules, "jawa", "java -jar a.jar prod", NULL);
	process_rules_free(rules);
}

static void test_templates_have_the_words_of_process_exporter(void **state)
{
	(void)state;
	static const struct {
		const char *template, *name;
	} rows[] = {
		{"{{.Comm}}:{{.ExeBase}}:{{.ExeFull}}", "c:run:/x/run"},
		{"{{.Username}} {{.PID}}", "anna 42"},
		{"{{.Matches}}", "map[Jar:a.jar Mode:fast]"},
		{"{{.Matches.Jar}}/{{ index .Matches \\\"Mode\\\" }}", "a.jar/fast"},
		{"{{.Matches.None}}|", "|"},
		{"{{.StartTime}}", "1970-01-02 00:00:00 +0000 UTC"},
		{"{{.Cgroups}}", "[/a/b /c]"},
		{"{{index .Cgroups 1}}", "/c"},
		{"a {{- .Comm -}} b", "acb"},
		{"plain", "plain"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[512];
		snprintf(text, sizeof(text),
			 "process_names:\n- name: \"%s\"\n  cmdline: ['-jar (?P<Jar>\\S+)', 'mode=(?P<Mode>\\w+)']\n",
			 rows[i].template);
		struct process_rules *rules = loaded(text);
		expect_name(rules, "c", "/x/run -jar a.jar mode=fast", rows[i].name);
		process_rules_free(rules);
	}
}

static void test_a_long_name_is_cut(void **state)
{
	(void)state;
	char cmdline[2000];
	memset(cmdline, 'x', sizeof(cmdline) - 1);
	cmdline[sizeof(cmdline) - 1] = '\0';
	struct process_rules *rules = loaded("process_names: [{name: '{{.Matches.All}}', cmdline: ['(?P<All>.*)']}]\n");
	struct process_identity identity = {.comm = "c", .cmdline = cmdline, .exe = ""};
	char name[64];
	assert_true(process_rules_name(rules, &identity, name, sizeof(name)));
	assert_int_equal(strlen(name), sizeof(name) - 1);
	process_rules_free(rules);
}

static void test_without_a_file_all_that_have_arguments_are_named_by_command(void **state)
{
	(void)state;
	struct process_rules *rules = NULL;
	char *error = NULL;
	assert_int_equal(process_rules_load("", &rules, &error), 0);
	expect_name(rules, "c", "/x/run", "c");
	expect_name(rules, "kworker/0:1", "", NULL);
	assert_true(process_rules_use_arguments(rules));
	assert_false(process_rules_use(rules, PROCESS_WORD_USERNAME));
	process_rules_free(rules);
}

static void test_what_is_wrong_is_told_with_file_and_line(void **state)
{
	(void)state;
	expect_error("", ":1: the file is empty");
	expect_error("process_names:\n- comm: [a]\n- {}\n", ":3: this entry of process_names matches nothing");
	expect_error("process_names:\n- comm: a\n", ":2: comm: expected a list");
	expect_error("process_names:\n- comm: []\n", ":2: comm: the list is empty");
	expect_error("process_names:\n- comm: [a]\n  com: [b]\n", ":3: com: unknown key");
	expect_error("process_names:\n- comm: [a]\n  comm: [b]\n", ":3: comm: given twice");
	expect_error("process_names:\n- cmdline:\n  - a\n  - 'b('\n",
		     ":4: cmdline: \"b(\" is not a regular expression");
	expect_error("process_names:\n- name: '{{.Com}}'\n  comm: [a]\n", ":2: the name template has \"{{.Com}}\"");
	expect_error("process_names:\n- name: '{{.Comm'\n  comm: [a]\n", ":2: the name template has \"{{\" without");
	expect_error("process_names:\n- name: '{{if .Comm}}'\n  comm: [a]\n", ":2: the name template has");
	expect_error("names: []\n", ":1: names: unknown key");
	expect_error("process_names: 3\n", ":1: process_names: expected a list");
	expect_error("process_names:\n- comm: [a\n", ":3: not YAML");
	expect_error("{}\n", ":1: process_names: is missing");
	expect_error("process_names: []\n---\n", ":2: a second document");
}

static void test_a_file_that_cannot_be_read_is_named_with_the_flag(void **state)
{
	(void)state;
	struct process_rules *rules = NULL;
	char *error = NULL;
	assert_true(process_rules_load("/nonexistent/x.yml", &rules, &error) < 0);
	assert_non_null(strstr(error, "/nonexistent/x.yml: No such file or directory; check "
				      "--collector.namedprocess.config"));
	free(error);
	assert_true(process_rules_load("/dev/null", &rules, &error) < 0);
	assert_non_null(strstr(error, "not a regular file"));
	free(error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_first_rule_that_matches_gives_the_name),
		cmocka_unit_test(test_all_kinds_and_all_expressions_of_a_rule_must_match),
		cmocka_unit_test(test_templates_have_the_words_of_process_exporter),
		cmocka_unit_test(test_a_long_name_is_cut),
		cmocka_unit_test(test_without_a_file_all_that_have_arguments_are_named_by_command),
		cmocka_unit_test(test_what_is_wrong_is_told_with_file_and_line),
		cmocka_unit_test(test_a_file_that_cannot_be_read_is_named_with_the_flag),
	};
	return cmocka_run_group_tests(tests, file_make, file_remove);
}
