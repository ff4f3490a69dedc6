/* SPDX-License-Identifier: MIT */
/* A segment that the user names: by its file name in one of the directories, or by a path to it or to a copy of it. */
#ifndef MSTAT_TOOL_TARGET_H
#define MSTAT_TOOL_TARGET_H

#include "command.h"

/* Opens the file for reading. Returns a descriptor of a regular file and its path (malloc'ed), or -errno after
 * reporting. Never blocks on what is no regular file. */
int target_open(const struct arguments *arguments, const char *name, char **path);

#endif
