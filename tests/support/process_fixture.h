/* SPDX-License-Identifier: MIT */
/* Processes of our own making in the procfs of host_fixture.h. */
#ifndef TESTS_SUPPORT_PROCESS_FIXTURE_H
#define TESTS_SUPPORT_PROCESS_FIXTURE_H

#include <stdint.h>

struct process_fixture {
	uint32_t pid;
	uint32_t parent;
	const char *comm;
	const char *cmdline; /* arguments separated by '|'; NULL: no file */
	char state;          /* 0: S */
	uint64_t user_ticks;
	uint64_t system_ticks;
	uint64_t start_ticks;
	uint64_t threads; /* 0: 1 */
	uint64_t resident_pages;
	uint64_t image;
	uint32_t innermost_pid; /* 0: no NSpid */
	uint64_t read_bytes;
	uint64_t slices;       /* 0: no schedstat */
	const char *thread_of; /* NULL, or "PID" */
};

/* Writes stat, status, io, limits (max 100 files), and a directory of 3 descriptors. */
void process_write(const struct process_fixture *process);
#define PROCESS(...) process_write(&(const struct process_fixture){__VA_ARGS__})
void process_erase(uint32_t pid);

#endif
