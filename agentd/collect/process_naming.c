/* SPDX-License-Identifier: MIT */
/* Names processes by rules. */
#include "process_naming.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host_text.h"

#define CGROUPS_MAX 32u
#define USERNAME_BYTES 64
#define PASSWD_BYTES 65536u

void process_naming_init(struct process_naming *naming, struct process_rules *rules, const char *rootfs)
{
	*naming = (struct process_naming){
		.rules = rules,
		.rootfs = rootfs,
		.arguments = process_rules_use_arguments(rules),
		.username = process_rules_use(rules, PROCESS_WORD_USERNAME),
		.cgroups = process_rules_use(rules, PROCESS_WORD_CGROUPS),
	};
}

void process_naming_fini(struct process_naming *naming)
{
	process_rules_free(naming->rules);
	naming->rules = NULL;
}

/* ---- what rules may ask for ------------------------------------------------------------------------------------- */

/* `bytes` are arguments that end with NULs; they become one text. The first one is copied to `exe`. */
static void arguments_join(char *bytes, size_t len, char *exe, size_t exe_size)
{
	while (len && !bytes[len - 1])
		len--;
	const size_t first_len = strnlen(bytes, len), exe_len = first_len < exe_size ? first_len : exe_size - 1;
	memcpy(exe, bytes, exe_len);
	exe[exe_len] = '\0';
	for (size_t i = 0; i < len; i++)
		if (!bytes[i])
			bytes[i] = ' ';
	bytes[len] = '\0';
}

/* The name of a user, or the number where it has none. */
static void username_find(const char *rootfs, uint32_t uid, char name[USERNAME_BYTES])
{
	char path[512], *bytes = malloc(PASSWD_BYTES);
	uint64_t number;
	snprintf(name, USERNAME_BYTES, "%u", uid);
	snprintf(path, sizeof(path), "%s/etc/passwd", rootfs);
	const int fd = bytes ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
	const ssize_t len = fd < 0 ? 0 : read(fd, bytes, PASSWD_BYTES - 1);
	if (fd >= 0)
		close(fd);
	struct text text = {bytes, bytes + (len < 0 ? 0 : len)}, line;
	while (text_line(&text, &line)) {
		const char *user = text_until(&line, ':');
		if (!user || !text_until(&line, ':') || !text_u64(&line, &number) || number != uid)
			continue;
		snprintf(name, USERNAME_BYTES, "%s", user);
		break;
	}
	free(bytes);
}

/* Paths of /proc/PID/cgroup, in its order; they point into `bytes`. */
static void cgroups_read(const struct process_files *files, const struct process *process, char *bytes, size_t size,
			 char *paths[CGROUPS_MAX + 1])
{
	size_t count = 0;
	const struct process_place place = process_place_of(process->pid, 0);
	const ssize_t len = process_file_read(files, &place, "cgroup", bytes, size);
	struct text text = {bytes, bytes + (len < 0 ? 0 : len)}, line;
	while (count < CGROUPS_MAX && text_line(&text, &line))
		if (text_until(&line, ':') && text_until(&line, ':'))
			paths[count++] = line.at;
	paths[count] = NULL;
}

/* ---- names ------------------------------------------------------------------------------------------------------ */

bool process_naming_name(struct process_naming *naming, const struct process_files *files,
			 const struct process *process, char *name, size_t size)
{
	char cmdline[PROCESS_FILE_BYTES] = "", exe[PROCESS_FILE_BYTES] = "", cgroup[PROCESS_FILE_BYTES];
	char username[USERNAME_BYTES] = "", *cgroups[CGROUPS_MAX + 1] = {NULL};
	const struct process_place place = process_place_of(process->pid, 0);
	if (naming->arguments) {
		const ssize_t len = process_file_read(files, &place, "cmdline", cmdline, sizeof(cmdline));
		arguments_join(cmdline, len < 0 ? 0 : (size_t)len, exe, sizeof(exe));
	}
	if (naming->username)
		username_find(naming->rootfs, process->now.uid, username);
	if (naming->cgroups)
		cgroups_read(files, process, cgroup, sizeof(cgroup), cgroups);
	struct process_identity identity = {
		.pid = process->pid,
		.uid = process->now.uid,
		.start_seconds = process_start_seconds(files, process->now.start_ticks),
		.comm = process->now.comm,
		.cmdline = cmdline,
		.exe = exe,
		.username = username,
		.cgroups = cgroups,
	};
	return process_rules_name(naming->rules, &identity, name, size);
}

bool process_naming_name_exit(struct process_naming *naming, const struct process_exit *exit, char *name, size_t size)
{
	char cmdline[PROCESS_FILE_BYTES] = "", exe[PROCESS_FILE_BYTES] = "", username[USERNAME_BYTES] = "";
	if (exit->arguments && exit->arguments_len < sizeof(cmdline)) {
		memcpy(cmdline, exit->arguments, exit->arguments_len);
		arguments_join(cmdline, exit->arguments_len, exe, sizeof(exe));
	} else {
		/* It had gone before it could be asked: the command is the best that there is. */
		snprintf(cmdline, sizeof(cmdline), "%s", exit->comm);
		snprintf(exe, sizeof(exe), "%s", exit->comm);
	}
	if (naming->username)
		username_find(naming->rootfs, exit->uid, username);
	struct process_identity identity = {
		.pid = exit->pid,
		.uid = exit->uid,
		.comm = exit->comm,
		.cmdline = cmdline,
		.exe = exe,
		.username = username,
	};
	return process_rules_name(naming->rules, &identity, name, size);
}
