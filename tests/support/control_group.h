/* SPDX-License-Identifier: MIT */
/* A control group of the test's own, in the hierarchy of version 2 or in those of version 1. */
#ifndef TESTS_CONTROL_GROUP_H
#define TESTS_CONTROL_GROUP_H

#include <stdbool.h>
#include <sys/types.h>

struct control_group {
	char path[160];
	bool v2;
};

/* A group below a controller ("memory", "freezer"). False where none may be made. */
bool control_group_open(struct control_group *group, const char *controller);
/* Its processes must be gone. */
void control_group_close(struct control_group *group);

bool control_group_enter(const struct control_group *group, pid_t pid);
bool control_group_limit_memory(const struct control_group *group, unsigned long bytes);
/* Stops or continues all processes; returns when they are. */
bool control_group_freeze(const struct control_group *group, bool frozen);

#endif
