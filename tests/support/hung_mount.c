/* SPDX-License-Identifier: MIT */
/* A mount that never answers. See hung_mount.h; the protocol is linux/fuse.h's. */
#include "hung_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- namespaces ------------------------------------------------------------------------------------------------- */

static bool file_write(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);
	const bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0)
		close(fd);
	return written;
}

static int users_map(uid_t uid, gid_t gid)
{
	char map[64];
	snprintf(map, sizeof(map), "0 %u 1\n", uid);
	if (!file_write("/proc/self/uid_map", map) || !file_write("/proc/self/setgroups", "deny"))
		return -errno;
	snprintf(map, sizeof(map), "0 %u 1\n", gid);
	return file_write("/proc/self/gid_map", map) ? 0 : -errno;
}

static _Noreturn void child_await(pid_t child)
{
	int status;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

int namespaces_enter(void)
{
	const uid_t uid = getuid();
	const gid_t gid = getgid();
	if (unshare((uid ? CLONE_NEWUSER : 0) | CLONE_NEWNS | CLONE_NEWPID))
		return -errno;
	int r = uid ? users_map(uid, gid) : 0;
	if (r)
		return r;
	fflush(NULL);
	const pid_t child = fork();
	if (child < 0)
		return -errno;
	if (child)
		child_await(child);
	/* With this process, which is the first of its namespace, all that it started dies. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("proc", "/proc", "proc", 0, NULL))
		return -errno;
	return 0;
}

/* ---- the server ------------------------------------------------------------------------------------------------- */

static void greeting_answer(int fd, const struct fuse_in_header *question, const struct fuse_init_in *theirs)
{
	struct {
		struct fuse_out_header header;
		struct fuse_init_out init;
	} answer = {
		.header = {.len = sizeof(answer), .unique = question->unique},
		.init = {.major = FUSE_KERNEL_VERSION,
			 .minor = theirs->minor < FUSE_KERNEL_MINOR_VERSION ? theirs->minor : FUSE_KERNEL_MINOR_VERSION,
			 .max_readahead = theirs->max_readahead,
			 .max_background = 16,
			 .congestion_threshold = 12,
			 .max_write = 4096,
			 .time_gran = 1},
	};
	if (write(fd, &answer, sizeof(answer)) < 0)
		perror("hung mount");
}

#define LIFE_S 120

/* Reads until the mount is gone, and answers nothing but the greeting. */
static _Noreturn void serve(int fd)
{
	static _Alignas(8) char bytes[1 << 17];
	const struct fuse_in_header *question = (const struct fuse_in_header *)bytes;
	signal(SIGALRM, SIG_DFL);
	alarm(LIFE_S);
	for (;;) {
		const ssize_t len = read(fd, bytes, sizeof(bytes));
		if (len < 0 && (errno == EINTR || errno == ENOENT || errno == EAGAIN))
			continue;
		if (len < (ssize_t)sizeof(*question))
			_exit(0);
		if (question->opcode == FUSE_INIT)
			greeting_answer(fd, question, (const struct fuse_init_in *)(question + 1));
	}
}

int hung_mount_open(struct hung_mount *hung, const char *path)
{
	char options[128];
	snprintf(hung->path, sizeof(hung->path), "%s", path);
	const int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=%u,group_id=%u", fd, getuid(), getgid());
	int r = mount("hung", path, "fuse", MS_NOSUID | MS_NODEV, options) ? -errno : 0;
	const pid_t server = r ? 0 : fork();
	if (!r && !server)
		serve(fd);
	if (server > 0)
		hung->server = server;
	else if (!r)
		r = -errno;
	/* The server's is the only one left: with it, the mount is dead, and nobody can hang for ever. */
	close(fd);
	return r;
}

void hung_mount_close(struct hung_mount *hung)
{
	if (!hung->server)
		return;
	kill(hung->server, SIGKILL);
	waitpid(hung->server, NULL, 0);
	hung->server = 0;
	umount2(hung->path, MNT_DETACH);
}
