/* SPDX-License-Identifier: MIT */
/* How full the mounted file systems are: /proc/1/mounts and statvfs(2). Slow: a file system may never answer. */
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

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

/* File systems that answer statvfs(2) from memory, if nothing is mounted above them that may not. All others, and what
 * lies below them, are asked by probers: network, user space, automatic mounts. A machine without such needs none. */
static const char *const prompt_types[] = {"bcachefs", "btrfs",   "devtmpfs", "exfat", "ext2",  "ext3",  "ext4",
					   "f2fs",     "hfsplus", "iso9660",  "jfs",   "ntfs3", "ramfs", "rootfs",
					   "squashfs", "tmpfs",   "udf",      "vfat",  "xfs"};
/* File systems of the kernel's own, through which a path leads without waiting. */
static const char *const kernel_types[] = {"binfmt_misc", "bpf",        "cgroup",    "cgroup2", "configfs", "debugfs",
					   "devpts",      "efivarfs",   "hugetlbfs", "mqueue",  "nsfs",     "proc",
					   "pstore",      "securityfs", "selinuxfs", "sysfs",   "tracefs"};

/* The kernel tells when the table of mounts has changed, but for one change: a file system that turns read-only after
 * an error. statvfs(2) shows that mostly; where it cannot, the table is read again after so many collections. */
#define TABLE_EVERY 4u

/* Strings of the table. */
struct mount {
	const char *device;
	const char *point; /* without --path.rootfs */
	const char *type;
	bool readonly;
	bool asked;    /* statvfs(2) has answered since the table was read */
	bool flag_set; /* and said that it is read-only, for us at least */
};

struct filesystem_state {
	struct host_filter points;
	struct host_filter types;
	struct prober_set *probers;
	char *table; /* the mounts' text */
	size_t table_capacity;
	int changes_fd; /* tells when the table has changed; -1: nothing does */
	unsigned age;   /* collections since the table was read */
	bool table_due;
	struct mount *mounts; /* the prompt ones first */
	struct probe *probes; /* as many; their paths are malloc'ed */
	size_t count;
	size_t prompt_count;
	size_t capacity;
	const char **doubtful; /* places behind which anything may wait, as the table has them */
	size_t doubtful_count;
	size_t doubtful_capacity;
	bool all_doubtful; /* there was no memory to tell which */
};

static void mounts_clear(struct filesystem_state *state)
{
	while (state->count)
		free(state->probes[--state->count].path);
	state->prompt_count = 0;
	state->doubtful_count = 0;
	state->all_doubtful = false;
}

static void filesystem_close(struct host *host)
{
	struct filesystem_state *state = host->state;
	mounts_clear(state);
	if (state->changes_fd >= 0)
		close(state->changes_fd);
	free(state->table);
	free(state->doubtful);
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
	state->changes_fd = -1;
	state->table_due = true;
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

static bool type_among(const char *const *types, size_t count, const char *type)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(types[i], type))
			return true;
	return false;
}

static bool type_prompt(const char *type)
{
	return type_among(prompt_types, HOST_COUNT_OF(prompt_types), type);
}

static void doubtful_note(struct filesystem_state *state, const char *point)
{
	if (state->doubtful_count == state->doubtful_capacity) {
		const size_t capacity = 2 * state->doubtful_capacity + 4;
		const char **doubtful = reallocarray(state->doubtful, capacity, sizeof(*doubtful));
		if (!doubtful) {
			state->all_doubtful = true;
			return;
		}
		state->doubtful = doubtful;
		state->doubtful_capacity = capacity;
	}
	state->doubtful[state->doubtful_count++] = point;
}

static bool path_below(const char *path, const char *above)
{
	const size_t len = strlen(above);
	return !strcmp(above, "/") || (!strncmp(path, above, len) && (!path[len] || path[len] == '/'));
}

static bool mount_prompt(const struct filesystem_state *state, const struct mount *mount)
{
	if (state->all_doubtful || !type_prompt(mount->type))
		return false;
	for (size_t i = 0; i < state->doubtful_count; i++)
		if (path_below(mount->point, state->doubtful[i]))
			return false;
	return true;
}

/* Puts the prompt ones in front. */
static void mounts_part(struct filesystem_state *state)
{
	state->prompt_count = 0;
	for (size_t i = 0; i < state->count; i++) {
		if (!mount_prompt(state, &state->mounts[i]))
			continue;
		const size_t to = state->prompt_count++;
		const struct mount mount = state->mounts[to];
		const struct probe probe = state->probes[to];
		state->mounts[to] = state->mounts[i];
		state->probes[to] = state->probes[i];
		state->mounts[i] = mount;
		state->probes[i] = probe;
	}
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
	if (!type_prompt(type) && !type_among(kernel_types, HOST_COUNT_OF(kernel_types), type))
		doubtful_note(state, mount.point);
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

/* Before the table is read, or a change in between would be missed. Without success it is read each time. */
static void changes_open(struct filesystem_state *state, const struct host *host, const char *path)
{
	char full[PATH_MAX];
	struct statfs status;
	if (state->changes_fd >= 0 || host_path(host, HOST_PROC, path, full, sizeof(full)))
		return;
	const int fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	/* Of a file that is not the kernel's poll(2) tells nothing. */
	if (fd >= 0 && !fstatfs(fd, &status) && status.f_type == PROC_SUPER_MAGIC)
		state->changes_fd = fd;
	else if (fd >= 0)
		close(fd);
}

static bool table_changed(struct filesystem_state *state)
{
	struct pollfd question = {.fd = state->changes_fd, .events = POLLPRI};
	return state->table_due || state->changes_fd < 0 || ++state->age >= TABLE_EVERY || poll(&question, 1, 0);
}

static int table_read(struct host *host)
{
	struct filesystem_state *state = host->state;
	/* The second is for where processes of others are hidden. */
	static const char *const paths[] = {"1/mounts", "self/mounts"};
	struct text text, line;
	int r = -ENOENT;
	for (size_t i = 0; r && i < HOST_COUNT_OF(paths); i++) {
		changes_open(state, host, paths[i]);
		r = host_read(host, HOST_PROC, paths[i], &text);
	}
	if (r)
		return r;
	const size_t len = (size_t)(text.end - text.at);
	if (len + 1 > state->table_capacity) {
		char *table = realloc(state->table, len + len / 4 + 1);
		if (!table)
			return -ENOMEM;
		state->table = table;
		state->table_capacity = len + len / 4 + 1;
	}
	memcpy(state->table, text.at, len);
	mounts_clear(state);
	for (text = (struct text){state->table, state->table + len}; text_line(&text, &line);)
		line_take(host, &line);
	mounts_part(state);
	state->age = 0;
	state->table_due = false;
	return 0;
}

/* Whether it has turned read-only, or back, since the table was read. */
static bool flag_changed(struct mount *mount, const struct probe *probe)
{
	if (probe->error)
		return false;
	const bool flag_set = probe->result.f_flag & ST_RDONLY;
	const bool changed = mount->asked && flag_set != mount->flag_set;
	mount->asked = true;
	mount->flag_set = flag_set;
	return changed;
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
	int r = table_changed(state) ? table_read(host) : 0;
	if (r)
		return r;
	for (size_t i = 0; i < state->prompt_count; i++)
		state->probes[i].error = statvfs(state->probes[i].path, &state->probes[i].result) ? -errno : 0;
	prober_set_ask(state->probers, state->probes + state->prompt_count, state->count - state->prompt_count,
		       host->options->filesystem_mount_timeout_ns);
	for (size_t i = 0; i < state->count; i++)
		state->table_due |= flag_changed(&state->mounts[i], &state->probes[i]);
	for (size_t i = 0; i < state->count; i++)
		mount_sample(host, &state->mounts[i], &state->probes[i]);
	return 0;
}

const struct host_ops host_filesystem = {
	.collect = filesystem_collect, .open = filesystem_open, .close = filesystem_close};
