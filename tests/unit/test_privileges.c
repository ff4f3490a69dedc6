/* SPDX-License-Identifier: MIT */
/* Privileges: names of capabilities, and what is left after they were dropped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "child.h"
#include "privileges.h"

#define BIT(number) (UINT64_C(1) << (number))

static void test_privileges_know_capabilities_by_name(void **state)
{
	(void)state;
	static const char *const names[] = {"CAP_BPF", "perfmon", "cap_chown", "SYS_PTRACE"};
	uint64_t set = 0;
	const char *bad = NULL;
	char text[128];
	assert_int_equal(privileges_parse((char *const *)names, 4, &set, &bad), 0);
	assert_int_equal(set, BIT(CAP_BPF) | BIT(CAP_PERFMON) | BIT(CAP_CHOWN) | BIT(CAP_SYS_PTRACE));
	privileges_print(set, text, sizeof(text));
	assert_string_equal(text, "CAP_CHOWN CAP_SYS_PTRACE CAP_PERFMON CAP_BPF");
	privileges_print(set, text, 12);
	assert_string_equal(text, "CAP_CHOWN C");
	privileges_print(0, text, sizeof(text));
	assert_string_equal(text, "");
}

static void test_privileges_name_what_they_do_not_know(void **state)
{
	(void)state;
	static const char *const names[] = {"CAP_BPF", "CAP_", "bpf"};
	uint64_t set = 7;
	const char *bad = NULL;
	assert_int_equal(privileges_parse((char *const *)names, 3, &set, &bad), -EINVAL);
	assert_string_equal(bad, "CAP_");
	assert_int_equal(set, 7);
}

/* Every capability of this kernel must have its name here, or it could not be kept. */
static void test_privileges_know_all_capabilities_of_the_headers(void **state)
{
	(void)state;
	char text[2048];
	size_t words = 0;
	privileges_print(~UINT64_C(0), text, sizeof(text));
	for (char *rest = text; strsep(&rest, " ");)
		words++;
	assert_int_equal(words, CAP_LAST_CAP + 1);
}

/* A field of /proc/self/status. */
static uint64_t status_field(const char *name, int base)
{
	FILE *file = fopen("/proc/thread-self/status", "re");
	char line[256];
	uint64_t value = ~UINT64_C(0);
	check(file);
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ':')
			value = strtoull(line + strlen(name) + 1, NULL, base);
	fclose(file);
	return value;
}

static void drop_all(void)
{
	const bool had = privileges_now() & BIT(CAP_SETPCAP);
	check_equal(privileges_drop(0), 0);
	check_equal(status_field("CapInh", 16), 0);
	check_equal(status_field("CapPrm", 16), 0);
	check_equal(status_field("CapEff", 16), 0);
	check_equal(status_field("CapAmb", 16), 0);
	check_equal(status_field("NoNewPrivs", 10), 1);
	if (had)
		check_equal(status_field("CapBnd", 16), 0);
	check_equal(privileges_now(), 0);
	/* Nothing to lose: works again. */
	check_equal(privileges_drop(0), 0);
	if (geteuid() == 0)
		check(chroot("/") == -1);
}

static void drop_most(void)
{
	const uint64_t wanted = BIT(CAP_SYS_PTRACE) | BIT(CAP_NET_ADMIN);
	const uint64_t had = privileges_now() & wanted;
	check_equal(privileges_drop(wanted), 0);
	check_equal(status_field("CapPrm", 16), had);
	check_equal(status_field("CapEff", 16), had);
	check_equal(status_field("CapInh", 16), 0);
	check_equal(status_field("CapAmb", 16), 0);
}

static void test_privileges_are_gone_for_good_after_the_drop(void **state)
{
	(void)state;
	assert_child(drop_all);
}

static void test_privileges_that_are_kept_stay_and_no_others(void **state)
{
	(void)state;
	assert_child(drop_most);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_privileges_know_capabilities_by_name),
		cmocka_unit_test(test_privileges_name_what_they_do_not_know),
		cmocka_unit_test(test_privileges_know_all_capabilities_of_the_headers),
		cmocka_unit_test(test_privileges_are_gone_for_good_after_the_drop),
		cmocka_unit_test(test_privileges_that_are_kept_stay_and_no_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
