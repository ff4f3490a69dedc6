/* SPDX-License-Identifier: MIT */
/* What is remembered of a control group from one collection to the next, and the reading of its files. */
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "container.h"
#include "host_hash.h"

static const char *const file_names[CONTAINER_FILE_COUNT] = {
#define CONTAINER_FILE(symbol, name) name,
#include "container_files.def"
};

/* ---- the table -------------------------------------------------------------------------------------------------- */

static void file_drop(struct container_state *state, int *kept)
{
	close(*kept - 1);
	*kept = 0;
	state->files_kept--;
}

void container_group_close(struct container_state *state, struct container_group *group)
{
	for (size_t i = 0; i < CONTAINER_FILE_COUNT; i++)
		if (group->files[i])
			file_drop(state, &group->files[i]);
}

static void group_free(struct container_state *state, struct container_group *group)
{
	container_group_close(state, group);
	free(group->path);
	free(group->pod);
	free(group->namespace);
	free(group->container);
	free(group);
	state->group_count--;
}

struct container_group *container_group_get(struct container_state *state, const char *path, bool create)
{
	if (!state->seed)
		state->seed = host_hash_seed();
	struct container_group **bucket =
		&state->buckets[host_hash_add(state->seed, path) >> 32 & (CONTAINER_BUCKETS - 1)];
	for (struct container_group *group = *bucket; group; group = group->next)
		if (!strcmp(group->path, path))
			return group;
	struct container_group *fresh = create ? calloc(1, sizeof(*fresh)) : NULL;
	if (!fresh)
		return NULL;
	fresh->path = strdup(path);
	if (!fresh->path) {
		free(fresh);
		return NULL;
	}
	container_identity_parse(path, &fresh->identity);
	fresh->next = *bucket;
	*bucket = fresh;
	state->group_count++;
	return fresh;
}

static void groups_free(struct container_state *state, bool all)
{
	for (size_t i = 0; i < CONTAINER_BUCKETS; i++)
		for (struct container_group **at = &state->buckets[i]; *at;) {
			struct container_group *group = *at;
			if (!all && group->collection == state->collection) {
				at = &group->next;
				continue;
			}
			*at = group->next;
			group_free(state, group);
		}
}

void container_groups_sweep(struct container_state *state)
{
	groups_free(state, false);
}

void container_groups_fini(struct container_state *state)
{
	groups_free(state, true);
}

/* ---- files ------------------------------------------------------------------------------------------------------ */

/* All of the file that fits. The kernel gives a group's file in one piece, except for lists of processes. */
static ssize_t fd_read(int fd, char *buffer)
{
	ssize_t len;
	do
		len = pread(fd, buffer, CONTAINER_BUFFER_BYTES, 0);
	while (len < 0 && errno == EINTR);
	return len < 0 ? -errno : len;
}

/* A read from the beginning gives the present contents only in the kernel's own file systems, not in a copy. */
static bool fd_keepable(int fd)
{
	struct statfs status;
	return !fstatfs(fd, &status) && (status.f_type == CGROUP_SUPER_MAGIC || status.f_type == CGROUP2_SUPER_MAGIC);
}

static void file_keep(const struct container_place *place, enum container_file file, int fd)
{
	struct container_state *state = place->host->state;
	if ((int64_t)state->files_kept >= place->host->options->container_max_descriptors || !fd_keepable(fd)) {
		close(fd);
		return;
	}
	place->group->files[file] = fd + 1;
	state->files_kept++;
}

/* O_NONBLOCK: in a copy of a tree there may be a FIFO. */
static int file_open(const struct container_place *place, enum container_file file)
{
	const int fd = openat(place->directory_fd, file_names[file], O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

int container_read(const struct container_place *place, enum container_file file, struct text *text)
{
	struct container_state *state = place->host->state;
	int *kept = &place->group->files[file];
	ssize_t len = *kept ? fd_read(*kept - 1, state->buffer) : -ENOENT;
	if (*kept && len < 0) /* of a group that was removed; there may be another one by now */
		file_drop(state, kept);
	if (len < 0) {
		const int fd = file_open(place, file);
		if (fd < 0)
			return fd;
		len = fd_read(fd, state->buffer);
		if (len < 0)
			close(fd);
		else
			file_keep(place, file, fd);
	}
	if (len < 0)
		return (int)len;
	state->buffer[len] = '\0';
	*text = (struct text){state->buffer, state->buffer + len};
	return 0;
}

int container_read_u64(const struct container_place *place, enum container_file file, uint64_t *value)
{
	struct text text;
	int r = container_read(place, file, &text);
	if (r)
		return r;
	const char *word = text_rest(&text);
	uint64_t parsed;
	if (!strcmp(word, "max") || !strcmp(word, "-1")) {
		parsed = UINT64_MAX;
	} else if (!word_u64(word, &parsed)) {
		host_skip(place->host);
		return -EINVAL;
	}
	*value = parsed;
	return 0;
}

/* ---- samples ---------------------------------------------------------------------------------------------------- */

struct family_row {
	const char *name;
	const char *help;
	enum metric_type type;
	const char *further[4];
};
#define TYPE_GAUGE METRIC_GAUGE
#define TYPE_COUNTER METRIC_COUNTER
#define TYPE_UNTYPED METRIC_UNKNOWN
static const struct family_row family_rows[CONTAINER_FAMILY_COUNT] = {
#define CONTAINER_FAMILY(symbol, type, name, help, ...) {"container_" name, help, TYPE_##type, {__VA_ARGS__}},
#include "container_families.def"
};

#define BASE_LABELS 3u
#define KUBERNETES_LABELS 6u
static const char *const base_labels[KUBERNETES_LABELS] = {"id", "image", "name", "container", "namespace", "pod"};

void container_sample(const struct container_place *place, enum container_family index, struct number number,
		      const char *const *further)
{
	const struct container_group *group = place->group;
	const struct family_row *row = &family_rows[index];
	const char *values[KUBERNETES_LABELS + HOST_COUNT_OF(row->further)] = {
		group->path,
		"",
		group->identity.id,
		group->container ? group->container : "",
		group->namespace ? group->namespace : "",
		group->pod ? group->pod : "",
	};
	struct host_family family = {.name = row->name, .help = row->help, .type = row->type};
	size_t count = group->identity.kubernetes ? KUBERNETES_LABELS : BASE_LABELS;
	memcpy(family.labels, base_labels, count * sizeof(base_labels[0]));
	for (size_t i = 0; i < HOST_COUNT_OF(row->further) && row->further[i]; i++, count++) {
		family.labels[count] = row->further[i];
		values[count] = further[i];
	}
	host_sample(place->host, &family, values, number);
}

uint64_t container_limit(uint64_t value)
{
	/* v1 rounds "no limit" to pages. */
	return value > UINT64_C(1) << 62 ? 0 : value;
}

/* Lines of all the file, piece by piece: a list of processes may be longer than any buffer. -1 if it cannot be read. */
static int64_t lines_count(int fd, char *buffer)
{
	int64_t lines = 0;
	off_t offset = 0;
	ssize_t len;
	while ((len = pread(fd, buffer, CONTAINER_BUFFER_BYTES, offset)) > 0) {
		for (const char *at = buffer; (at = memchr(at, '\n', (size_t)(buffer + len - at))); at++)
			lines++;
		offset += len;
	}
	return len < 0 ? -1 : lines;
}

void container_processes_sample(const struct container_place *place, enum container_file file)
{
	struct container_state *state = place->host->state;
	if (!place->group->files[file]) {
		const int fd = file_open(place, file);
		if (fd < 0)
			return;
		const int64_t lines = lines_count(fd, state->buffer);
		if (lines >= 0)
			container_u64(place, PROCESSES, (uint64_t)lines);
		file_keep(place, file, fd);
		return;
	}
	const int64_t lines = lines_count(place->group->files[file] - 1, state->buffer);
	if (lines >= 0)
		container_u64(place, PROCESSES, (uint64_t)lines);
	else
		file_drop(state, &place->group->files[file]);
}

/* ---- devices ---------------------------------------------------------------------------------------------------- */

#define DEVICES_MAX 1024u

struct container_device {
	unsigned major, minor;
	char name[64];
};

static void device_name_read(struct host *host, struct container_device *device)
{
	char path[HOST_PATH_MAX], target[HOST_PATH_MAX];
	host_format(path, "dev/block/%u:%u", device->major, device->minor);
	if (host_read_link(host, HOST_SYS, path, target, sizeof(target))) {
		snprintf(device->name, sizeof(device->name), "%u:%u", device->major, device->minor);
		return;
	}
	const char *slash = strrchr(target, '/');
	snprintf(device->name, sizeof(device->name), "/dev/%.50s", slash ? slash + 1 : target);
	for (char *at = device->name + strlen("/dev/"); *at; at++)
		if (*at == '!') /* how sysfs writes "/": cciss!c0d0 */
			*at = '/';
}

const char *container_device_name(struct host *host, unsigned device_major, unsigned device_minor)
{
	struct container_state *state = host->state;
	for (size_t i = 0; i < state->device_count; i++)
		if (state->devices[i].major == device_major && state->devices[i].minor == device_minor)
			return state->devices[i].name;
	if (state->device_count == DEVICES_MAX)
		state->device_count = 0; /* devices come and go: those in use are looked up again */
	struct container_device *grown = reallocarray(state->devices, state->device_count + 1, sizeof(*state->devices));
	if (!grown)
		return "";
	state->devices = grown;
	struct container_device *device = &grown[state->device_count++];
	device->major = device_major;
	device->minor = device_minor;
	device_name_read(host, device);
	return device->name;
}
