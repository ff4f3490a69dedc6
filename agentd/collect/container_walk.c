/* SPDX-License-Identifier: MIT */
/* The walk of one hierarchy of control groups. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "container.h"

#define ENTRIES_BYTES 8192u
/* Whatever --collector.container.max-depth says: each level holds a descriptor and a part of the stack. */
#define DEPTH_MAX 64
/* A directory has a link for its name, one for its "." and one for each directory in it: most groups have none, and
 * need not be listed. (Where a file system does not count so, no directory has two.) */
#define LINKS_OF_LEAF 2u

struct walk {
	struct host *host;
	const struct container_hierarchy *hierarchy;
	struct container_left_out left_out;
	char path[PATH_MAX];
	size_t path_len;
	/* Names of the groups on the way down, one behind the other. */
	char *names;
	size_t names_len, names_capacity;
};

static const struct host_family info_family = HOST_GAUGE(
	"mstat_container_info",
	"What the path of a control group tells: the container and its runtime, the uid of its pod, its unit of "
	"systemd; the value is 1.",
	"id", "container_id", "runtime", "pod_uid", "unit");

/* ---- one group -------------------------------------------------------------------------------------------------- */

/* What is told of a group once, by the first hierarchy that has it. */
static void group_head_sample(const struct container_place *place)
{
	const struct container_group *group = place->group;
	const struct container_identity *identity = &group->identity;
	container_u64(place, LAST_SEEN, (uint64_t)time(NULL));
	container_f64(place, START_TIME, group->start_time_seconds);
	if (*identity->id || *identity->pod_uid || *identity->unit)
		host_u64(place->host, &info_family, 1, group->path, identity->id, identity->runtime, identity->pod_uid,
			 identity->unit);
}

/* A directory with another inode is a group that was removed and made again since. */
static void group_identify(struct walk *walk, struct container_group *group, int fd, const struct stat *status)
{
	const bool first = !group->first_version;
	if (!first &&
	    (group->first_version != walk->hierarchy->version || group->first_sections != walk->hierarchy->sections))
		return;
	if (!first && status->st_ino == group->inode)
		return;
	container_group_close(walk->host->state, group);
	group->first_version = walk->hierarchy->version;
	group->first_sections = walk->hierarchy->sections;
	group->inode = status->st_ino;
	group->names_tries = 0;
	group->start_time_seconds = container_start_time(walk->host, fd, status);
}

/* The group if it is to be told, else NULL. */
static struct container_group *group_take(struct walk *walk)
{
	struct container_state *state = walk->host->state;
	if (!host_filter_takes(&state->paths, walk->path)) {
		walk->left_out.pattern++;
		return NULL;
	}
	const bool room = (int64_t)state->taken < walk->host->options->container_max_groups;
	struct container_group *group = container_group_get(state, walk->path, room);
	if (!group || (!room && group->collection != state->collection)) {
		walk->left_out.count++;
		return NULL;
	}
	return group;
}

static void group_sample(struct walk *walk, int fd, const struct stat *status)
{
	struct container_state *state = walk->host->state;
	struct container_group *group = group_take(walk);
	if (!group)
		return;
	const struct container_place place = {walk->host, group, fd, walk->hierarchy->sections};
	group_identify(walk, group, fd, status);
	if (group->collection != state->collection) {
		group->collection = state->collection;
		state->taken++;
		container_pod_resolve(walk->host, group);
		group_head_sample(&place);
	}
	if (walk->hierarchy->version == 2)
		container_v2_sample(&place);
	else
		container_v1_sample(&place);
}

/* ---- the tree --------------------------------------------------------------------------------------------------- */

static bool name_add(struct walk *walk, const char *name)
{
	const size_t len = strlen(name) + 1;
	if (walk->names_len + len > walk->names_capacity) {
		const size_t capacity = 2 * walk->names_capacity + len + 1024;
		char *grown = realloc(walk->names, capacity);
		if (!grown)
			return false;
		walk->names = grown;
		walk->names_capacity = capacity;
	}
	memcpy(walk->names + walk->names_len, name, len);
	walk->names_len += len;
	return true;
}

/* Adds the names of the groups in a directory. Apart from the walk, so that its entries are off the stack by then. */
static __attribute__((noinline)) void children_list(struct walk *walk, int fd)
{
	_Alignas(struct dirent64) char entries[ENTRIES_BYTES];
	ssize_t bytes;
	while ((bytes = getdents64(fd, entries, sizeof(entries))) > 0)
		for (ssize_t at = 0; at < bytes;) {
			const struct dirent64 *entry = (const struct dirent64 *)(entries + at);
			at += entry->d_reclen;
			if (entry->d_type != DT_DIR || !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
				continue;
			if (!name_add(walk, entry->d_name))
				return;
		}
}

/* Appends "/name"; false where the path would be too long. */
static bool path_enter(struct walk *walk, const char *name)
{
	const size_t len = strlen(name), root = walk->path_len == 1; /* "/" has its slash */
	if (walk->path_len + len + 2 > sizeof(walk->path))
		return false;
	char *end = walk->path + walk->path_len - root;
	*end++ = '/';
	memcpy(end, name, len + 1);
	walk->path_len = (size_t)(end - walk->path) + len;
	return true;
}

static void path_leave(struct walk *walk, size_t path_len)
{
	walk->path_len = path_len;
	walk->path[path_len] = '\0';
	if (path_len == 1)
		walk->path[0] = '/';
}

/* Takes the descriptor over. */
static void tree_walk(struct walk *walk, int fd, int64_t depth)
{
	const size_t names_begin = walk->names_len, path_len = walk->path_len;
	int64_t depth_max = walk->host->options->container_max_depth;
	depth_max = depth_max < DEPTH_MAX ? depth_max : DEPTH_MAX;
	struct stat status;
	if (fstat(fd, &status)) {
		close(fd);
		return;
	}
	group_sample(walk, fd, &status);
	if (status.st_nlink != LINKS_OF_LEAF)
		children_list(walk, fd);
	const size_t names_end = walk->names_len;
	for (size_t at = names_begin; at < names_end; at += strlen(walk->names + at) + 1) {
		if (depth >= depth_max || !path_enter(walk, walk->names + at)) {
			walk->left_out.depth++;
			continue;
		}
		const int child =
			openat(fd, walk->names + at, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		if (child >= 0) /* else it was removed just now, or is not for us */
			tree_walk(walk, child, depth + 1);
		path_leave(walk, path_len);
	}
	walk->names_len = names_begin;
	close(fd);
}

static uint64_t greater(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

int container_walk(struct host *host, const struct container_hierarchy *hierarchy)
{
	struct container_state *state = host->state;
	const int fd = open(hierarchy->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	struct walk *walk = calloc(1, sizeof(*walk));
	if (!walk) {
		close(fd);
		return -ENOMEM;
	}
	walk->host = host;
	walk->hierarchy = hierarchy;
	strcpy(walk->path, "/");
	walk->path_len = 1;
	tree_walk(walk, fd, 0);
	/* The hierarchies of v1 have the same groups: their sum would count each several times. */
	state->left_out.depth = greater(state->left_out.depth, walk->left_out.depth);
	state->left_out.count = greater(state->left_out.count, walk->left_out.count);
	state->left_out.pattern = greater(state->left_out.pattern, walk->left_out.pattern);
	free(walk->names);
	free(walk);
	return 0;
}
