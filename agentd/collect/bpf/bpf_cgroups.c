/* SPDX-License-Identifier: MIT */
/* Paths of control groups. */
#include "bpf_cgroups.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 32u
#define NAME_UNKNOWN "?"

int bpf_cgroups_init(struct bpf_cgroups *cgroups, uint32_t slots)
{
	struct bpf_cgroup *groups = calloc(slots, sizeof(*groups));
	if (!groups)
		return -ENOMEM;
	*cgroups = (struct bpf_cgroups){.count = slots, .groups = groups};
	return 0;
}

void bpf_cgroups_fini(struct bpf_cgroups *cgroups)
{
	for (uint32_t i = 0; i < cgroups->count; i++)
		free(cgroups->groups[i].path);
	free(cgroups->groups);
	*cgroups = (struct bpf_cgroups){.count = 0};
}

const char *bpf_cgroups_path(const struct bpf_cgroups *cgroups, uint32_t slot)
{
	const char *path = cgroups->groups[slot].path;
	return path ? path : NAME_UNKNOWN;
}

/* ---- the walk --------------------------------------------------------------------------------------------------- */

struct walk {
	struct bpf_cgroups *cgroups;
	const struct bpf_slots *slots;
	size_t wanted; /* groups without a path */
	char path[PATH_MAX];
};

static bool slot_used(const struct bpf_slot_view *view)
{
	return view->state != BPF_SLOT_FREE;
}

static bool group_wanted(const struct walk *walk, uint32_t slot)
{
	return slot_used(&walk->slots->views[slot]) && !walk->cgroups->groups[slot].path;
}

static void group_found(struct walk *walk, uint64_t id)
{
	for (uint32_t i = 0; i < walk->slots->count; i++) {
		if (!group_wanted(walk, i) || walk->slots->views[i].key != id)
			continue;
		walk->cgroups->groups[i].path = strdup(walk->path[0] ? walk->path : "/");
		walk->wanted--;
	}
}

static void directory_walk(struct walk *walk, int fd, size_t path_len, unsigned depth);

static void entry_walk(struct walk *walk, int parent_fd, const struct dirent *entry, size_t path_len, unsigned depth)
{
	if (entry->d_type != DT_DIR || !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
		return;
	const size_t name_len = strlen(entry->d_name);
	if (path_len + 1 + name_len >= sizeof(walk->path) || depth == DEPTH_MAX)
		return;
	walk->path[path_len] = '/';
	memcpy(walk->path + path_len + 1, entry->d_name, name_len + 1);
	group_found(walk, entry->d_ino);
	const int fd =
		walk->wanted ? openat(parent_fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
	if (fd >= 0)
		directory_walk(walk, fd, path_len + 1 + name_len, depth + 1);
	walk->path[path_len] = '\0';
}

/* Takes the descriptor over. */
static void directory_walk(struct walk *walk, int fd, size_t path_len, unsigned depth)
{
	DIR *directory = fdopendir(fd);
	const struct dirent *entry;
	if (!directory) {
		close(fd);
		return;
	}
	while (walk->wanted && (entry = readdir(directory)))
		entry_walk(walk, dirfd(directory), entry, path_len, depth);
	closedir(directory);
}

/* Where systemd mounts hierarchies, and most others do. */
static int root_open(const struct host *host, enum bpf_cgroups_hierarchy hierarchy)
{
	static const char *const places[] = {"fs/cgroup/memory", "fs/cgroup/unified", "fs/cgroup"};
	for (size_t i = hierarchy == BPF_CGROUPS_MEMORY ? 0 : 1; i < HOST_COUNT_OF(places); i++) {
		char path[PATH_MAX];
		if (host_path(host, HOST_SYS, places[i], path, sizeof(path)))
			continue;
		const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			return fd;
	}
	return -1;
}

static void walk_run(struct walk *walk, const struct host *host, enum bpf_cgroups_hierarchy hierarchy)
{
	struct stat status;
	const int fd = root_open(host, hierarchy);
	if (fd < 0)
		return;
	if (!fstat(fd, &status))
		group_found(walk, status.st_ino);
	directory_walk(walk, fd, 0, 0);
}

/* ---- new slots -------------------------------------------------------------------------------------------------- */

/* Forgets paths of slots that have another key now; returns how many have none. */
static size_t groups_age(struct bpf_cgroups *cgroups, const struct bpf_slots *slots)
{
	size_t wanted = 0;
	for (uint32_t i = 0; i < cgroups->count; i++) {
		struct bpf_cgroup *group = &cgroups->groups[i];
		if (!slot_used(&slots->views[i]) || group->taken == slots->views[i].taken)
			continue;
		free(group->path);
		*group = (struct bpf_cgroup){.taken = slots->views[i].taken};
		wanted++;
	}
	return wanted;
}

void bpf_cgroups_refresh(struct bpf_cgroups *cgroups, const struct bpf_slots *slots, const struct host *host,
			 enum bpf_cgroups_hierarchy hierarchy)
{
	struct walk walk = {.cgroups = cgroups, .slots = slots, .wanted = groups_age(cgroups, slots)};
	if (!walk.wanted)
		return;
	walk_run(&walk, host, hierarchy);
	for (uint32_t i = 0; i < cgroups->count; i++)
		if (group_wanted(&walk, i) && slots->views[i].text[0] &&
		    asprintf(&cgroups->groups[i].path, NAME_UNKNOWN "/%s", slots->views[i].text) < 0)
			cgroups->groups[i].path = NULL;
}
