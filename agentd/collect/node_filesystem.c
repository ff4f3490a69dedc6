/* SPDX-License-Identifier: MIT */
/* How full the mounted file systems are: /proc/1/mounts and statvfs(2). Slow: a file system may never answer. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "host_prober.h"

#define FILESYSTEM(name, help) HOST_GAUGE("node_filesystem_" name, help, "device", "mountpoint", "fstype")
static const struct host_family size_family = FILESYSTEM("size_bytes", "Filesystem size in bytes.");
static const struct host_family free_family = FILESYSTEM("free_bytes", "Filesystem free space in bytes.");
static const struct host_family avail_family =
	FILESYSTEM("avail_bytes", "Filesystem space available to non-root users in bytes.");
static const struct host_family files_family = FILESYSTEM("files", "Filesystem total file nodes.");
static const struct host_family files_free_family = FILESYSTEM("files_free", "Filesystem total free file nodes.");
static const struct host_family readonly_family = FILESYSTEM("readonly", "Filesystem read-only status.");
static const struct host_family error_family =
	FILESYSTEM("device_error", "Whether an error occurred while getting statistics for the given device.");

#define MOUNTS_MAX 16384u

/* Strings of the collector's buffer, valid for one collection. */
struct mount {
	const char *device;
	const char *point; /* without --path.rootfs */
	const char *type;
	bool readonly;
};

struct filesystem_state {
	struct host_filter points;
	struct host_filter types;
	struct prober_set *probers;
	struct mount *mounts;
	struct probe *probes; /* as many; their paths are malloc'ed */
	size_t count;
	size_t capacity;
};

static void filesystem_close(struct host *host)
{
	struct filesystem_state *state = host->state;
	host_filter_fini(&state->points);
	host_filter_fini(&state->types);
	prober_set_free(state->probers);
	free(state->mounts);
	free(state->probes);
	free(state);
}

static int filesystem_open(struct host *host)
{
	struct filesystem_state *state = calloc(1, sizeof(*state));
	if (!state)
		return -ENOMEM;
	host->state = state;
	state->probers = prober_set_new(statvfs);
	int r = state->probers ? 0 : -ENOMEM;
	if (!r)
		r = host_filter_init(&state->points, "", host->options->filesystem_mount_points_exclude);
	if (!r)
		r = host_filter_init(&state->types, "", host->options->filesystem_types_exclude);
	if (r)
		filesystem_close(host);
	return r;
}

static bool mounts_reserve(struct filesystem_state *state)
{
	if (state->count < state->capacity)
		return true;
	size_t capacity = state->capacity ? 2 * state->capacity : 32;
	struct mount *mounts = reallocarray(state->mounts, capacity, sizeof(*mounts));
	if (mounts)
		state->mounts = mounts;
	struct probe *probes = mounts ? reallocarray(state->probes, capacity, sizeof(*probes)) : NULL;
	if (!probes)
		return false;
	state->probes = probes;
	state->capacity = capacity;
	return true;
}

static bool option_has(const char *options, const char *option)
{
	size_t len = strlen(option);
	for (; options; options = strchr(options, ','), options += options ? 1 : 0)
		if (!strncmp(options, option, len) && (!options[len] || options[len] == ','))
			return true;
	return false;
}

/* What is mounted twice in the same place is one for whoever looks. */
static bool mount_known(const struct filesystem_state *state, const struct mount *mount)
{
	for (size_t i = 0; i < state->count; i++)
		if (!strcmp(state->mounts[i].point, mount->point) && !strcmp(state->mounts[i].device, mount->device) &&
		    !strcmp(state->mounts[i].type, mount->type))
			return true;
	return false;
}

/* The mount table may tell places below --path.rootfs, or those that the host itself sees. */
static const char *prefix_strip(const char *point, const char *prefix)
{
	size_t len = strlen(prefix);
	while (len && prefix[len - 1] == '/')
		len--;
	if (!len || strncmp(point, prefix, len) != 0 || (point[len] && point[len] != '/'))
		return point;
	return point[len] ? point + len : "/";
}

/* "DEVICE POINT TYPE OPTIONS 0 0" */
static void line_take(struct host *host, struct text *line)
{
	struct filesystem_state *state = host->state;
	char full[PATH_MAX];
	char *device = text_word(line), *point = text_word(line);
	const char *type = text_word(line), *options = text_word(line);
	if (!options || state->count == MOUNTS_MAX) {
		host_skip(host);
		return;
	}
	word_unescape_octal(device);
	word_unescape_octal(point);
	struct mount mount = {.device = device,
			      .point = prefix_strip(point, host->options->paths[HOST_ROOTFS]),
			      .type = type,
			      .readonly = option_has(options, "ro")};
	if (!host_filter_takes(&state->points, mount.point) || !host_filter_takes(&state->types, type) ||
	    mount_known(state, &mount))
		return;
	const char *below = mount.point[0] == '/' ? mount.point + 1 : mount.point;
	char *path = host_path(host, HOST_ROOTFS, below, full, sizeof(full)) ? NULL : strdup(full);
	if (!path || !mounts_reserve(state)) {
		host_skip(host);
		free(path);
		return;
	}
	state->mounts[state->count] = mount;
	state->probes[state->count++] = (struct probe){.path = path};
}

static void mount_sample(struct host *host, const struct mount *mount, const struct probe *probe)
{
	const char *const values[] = {mount->device, mount->point, mount->type};
	const struct statvfs *result = &probe->result;
	double block_bytes = (double)result->f_frsize;
#define SAMPLE(family, amount) host_sample(host, &family, values, (struct number){.type = NUMBER_F64, .f64 = (amount)})
	SAMPLE(error_family, probe->error != 0);
	SAMPLE(readonly_family, mount->readonly);
	if (probe->error)
		return;
	SAMPLE(size_family, (double)result->f_blocks * block_bytes);
	SAMPLE(free_family, (double)result->f_bfree * block_bytes);
	SAMPLE(avail_family, (double)result->f_bavail * block_bytes);
	SAMPLE(files_family, (double)result->f_files);
	SAMPLE(files_free_family, (double)result->f_ffree);
#undef SAMPLE
}

static int filesystem_collect(struct host *host)
{
	struct filesystem_state *state = host->state;
	struct text text, line;
	int r = host_read(host, HOST_PROC, "1/mounts", &text);
	if (r)
		r = host_read(host, HOST_PROC, "self/mounts", &text); /* where processes of others are hidden */
	if (r)
		return r;
	state->count = 0;
	while (text_line(&text, &line))
		line_take(host, &line);
	prober_set_ask(state->probers, state->probes, state->count, host->options->filesystem_mount_timeout_ns);
	for (size_t i = 0; i < state->count; i++) {
		mount_sample(host, &state->mounts[i], &state->probes[i]);
		free(state->probes[i].path);
	}
	return 0;
}

const struct host_ops host_filesystem = {
	.collect = filesystem_collect, .open = filesystem_open, .close = filesystem_close};
