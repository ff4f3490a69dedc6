/* SPDX-License-Identifier: MIT */
/* Processes of our own making. */
#include "process_fixture.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "host_fixture.h"

static void file_write(const struct process_fixture *process, const char *name, const char *text, size_t len)
{
	char path[128];
	if (process->thread_of)
		snprintf(path, sizeof(path), "proc/%s/task/%" PRIu32 "/%s", process->thread_of, process->pid, name);
	else
		snprintf(path, sizeof(path), "proc/%" PRIu32 "/%s", process->pid, name);
	host_fixture_write_bytes(&test_host, path, text, len);
}

static void cmdline_write(const struct process_fixture *process)
{
	char text[1024];
	const size_t len = strlen(process->cmdline);
	memcpy(text, process->cmdline, len + 1);
	for (size_t i = 0; i < len; i++)
		if (text[i] == '|')
			text[i] = '\0';
	file_write(process, "cmdline", text, len ? len + 1 : 0);
}

void process_write(const struct process_fixture *process)
{
	char text[2048];
	int len = snprintf(text, sizeof(text),
			   "%" PRIu32 " (%s) %c %" PRIu32 " 1 1 0 -1 4194560 10 0 2 0 %" PRIu64 " %" PRIu64
			   " 0 0 20 0 %" PRIu64 " 0 %" PRIu64 " 8192 %" PRIu64
			   " 18446744073709551615 1 1 1 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 %" PRIu64 " 0 0 0 0\n",
			   process->pid, process->comm, process->state ? process->state : 'S', process->parent,
			   process->user_ticks, process->system_ticks, process->threads ? process->threads : 1,
			   process->start_ticks, process->resident_pages, process->image);
	file_write(process, "stat", text, (size_t)len);
	len = snprintf(text, sizeof(text), "Name:\tx\nUid:\t7\t7\t7\t7\n");
	if (process->innermost_pid)
		len += snprintf(text + len, sizeof(text) - (size_t)len, "NSpid:\t%" PRIu32 "\t%" PRIu32 "\n",
				process->pid, process->innermost_pid);
	len += snprintf(text + len, sizeof(text) - (size_t)len,
			"VmSwap:\t       4 kB\nvoluntary_ctxt_switches:\t5\nnonvoluntary_ctxt_switches:\t6\n");
	file_write(process, "status", text, (size_t)len);
	len = snprintf(text, sizeof(text),
		       "rchar: 1\nread_bytes: %" PRIu64 "\nwrite_bytes: 1\ncancelled_write_bytes: 9\n",
		       process->read_bytes);
	file_write(process, "io", text, (size_t)len);
	len = snprintf(text, sizeof(text), "Limit Soft Hard Units\nMax open files            100     200   files\n");
	file_write(process, "limits", text, (size_t)len);
	file_write(process, "fd/0", "", 0);
	file_write(process, "fd/1", "", 0);
	file_write(process, "fd/2", "", 0);
	if (process->slices) {
		len = snprintf(text, sizeof(text), "1000 2000 %" PRIu64 "\n", process->slices);
		file_write(process, "schedstat", text, (size_t)len);
	}
	if (process->cmdline)
		cmdline_write(process);
}

void process_erase(uint32_t pid)
{
	char path[64];
	snprintf(path, sizeof(path), "proc/%" PRIu32, pid);
	host_fixture_remove(&test_host, path);
}
