/* SPDX-License-Identifier: MIT */
/* The system calls of a program. See system_calls.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "system_calls.h"

size_t system_calls_read(const char *path, const char *from, struct system_call calls[SYSTEM_CALLS_MAX])
{
	char line[4096];
	size_t count = 0;
	bool begun = false;
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		begun = begun || strstr(line, from);
		const size_t len = strcspn(line, "(");
		size_t i = 0;
		if (!line[len] || len >= sizeof(calls[0].name) || !strncmp(line, "exit", 4))
			continue;
		line[len] = '\0';
		while (i < count && strcmp(calls[i].name, line))
			i++;
		if (i == count) {
			assert_true(count < SYSTEM_CALLS_MAX);
			calls[count++] = (struct system_call){0};
			strcpy(calls[i].name, line);
		}
		*(begun ? &calls[i].after : &calls[i].before) += 1;
	}
	fclose(file);
	return count;
}

bool system_call_matters(const char *name)
{
	static const char *const idle[] = {"brk",
					   "mmap",
					   "munmap",
					   "mprotect",
					   "madvise",
					   "futex",
					   "rt_sigaction",
					   "rt_sigprocmask",
					   "gettid",
					   "getpid",
					   "clock_gettime",
					   "clone3",
					   "set_robust_list",
					   "rseq",
					   "getrandom",
					   "sched_yield",
					   "prlimit64",
					   "membarrier",
					   "geteuid",
					   "getuid",
					   "socket",
					   "setsockopt",
					   "bind",
					   "listen",
					   "getsockname",
					   "epoll_create1",
					   "epoll_ctl",
					   "epoll_wait",
					   "eventfd2",
					   "timerfd_create"};
	for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++)
		if (!strcmp(idle[i], name))
			return false;
	return true;
}
