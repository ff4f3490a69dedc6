/* SPDX-License-Identifier: MIT */
/* Control groups of tests. See control_group.h. */
#include "control_group.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool file_write(const struct control_group *group, const char *name, const char *text)
{
	char path[224];
	snprintf(path, sizeof(path), "%s/%s", group->path, name);
	const int fd = open(path, O_WRONLY | O_CLOEXEC);
	const bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0)
		close(fd);
	return done;
}

static bool file_says(const struct control_group *group, const char *name, const char *text)
{
	char path[224], found[256] = "";
	snprintf(path, sizeof(path), "%s/%s", group->path, name);
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	const bool there = fd >= 0 && read(fd, found, sizeof(found) - 1) > 0 && strstr(found, text);
	if (fd >= 0)
		close(fd);
	return there;
}

static bool has(const struct control_group *group, const char *name)
{
	char path[224];
	snprintf(path, sizeof(path), "%s/%s", group->path, name);
	return !access(path, W_OK);
}

bool control_group_open(struct control_group *group, const char *controller)
{
	static const char *const roots[] = {"", "/unified"};
	static const char *const names[] = {"memory", "memory.max", "freezer", "cgroup.freeze"};
	for (size_t i = 0; i < 2; i++) {
		*group = (struct control_group){.v2 = true};
		snprintf(group->path, sizeof(group->path), "/sys/fs/cgroup%s/mstat-test-%d", roots[i], (int)getpid());
		if (mkdir(group->path, 0700))
			continue;
		if (has(group, strcmp(controller, names[0]) ? names[3] : names[1]))
			return true;
		rmdir(group->path);
	}
	group->v2 = false;
	snprintf(group->path, sizeof(group->path), "/sys/fs/cgroup/%s/mstat-test-%d", controller, (int)getpid());
	return !mkdir(group->path, 0700);
}

void control_group_close(struct control_group *group)
{
	/* A process that has just been reaped may still be in it. */
	for (int i = 0; rmdir(group->path) && i < 200; i++)
		usleep(5000);
}

bool control_group_enter(const struct control_group *group, pid_t pid)
{
	char text[16];
	snprintf(text, sizeof(text), "%d", (int)pid);
	return file_write(group, "cgroup.procs", text);
}

bool control_group_limit_memory(const struct control_group *group, unsigned long bytes)
{
	char text[32];
	snprintf(text, sizeof(text), "%lu", bytes);
	return file_write(group, group->v2 ? "memory.max" : "memory.limit_in_bytes", text);
}

bool control_group_freeze(const struct control_group *group, bool frozen)
{
	if (group->v2 ? !file_write(group, "cgroup.freeze", frozen ? "1" : "0")
		      : !file_write(group, "freezer.state", frozen ? "FROZEN" : "THAWED"))
		return false;
	for (int i = 0; i < 200; i++) {
		if (group->v2 ? file_says(group, "cgroup.events", frozen ? "frozen 1" : "frozen 0")
			      : file_says(group, "freezer.state", frozen ? "FROZEN" : "THAWED"))
			return true;
		usleep(5000);
	}
	return false;
}
