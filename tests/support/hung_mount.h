/* SPDX-License-Identifier: MIT */
/* A file system that is mounted and never answers: FUSE, served by a process that agrees to the protocol and then lets
 * every question lie. Whoever asks it anything - stat(2), statfs(2) - hangs until that process is gone, and cannot even
 * be killed; it goes by itself after two minutes.
 *
 * Mounting needs rights, and must not disturb the machine: the test program goes into namespaces of its own first.
 */
#ifndef TESTS_HUNG_MOUNT_H
#define TESTS_HUNG_MOUNT_H

#include <sys/types.h>

/* At the beginning of main(), with one thread: goes on in a child with its own users (unless it is root), mounts and
 * processes, so that /proc/1/mounts is its own. Returns 0 in that child; the parent ends with the child's status. Where
 * it is not permitted, returns -errno in the calling process. */
int namespaces_enter(void);

struct hung_mount {
	char path[128];
	pid_t server; /* 0: not mounted */
};

/* 0, or -errno where it cannot be mounted. */
int hung_mount_open(struct hung_mount *mount, const char *path);

/* Whoever hangs gets an error and goes on. Fine if it is not mounted. */
void hung_mount_close(struct hung_mount *mount);

#endif
