/* SPDX-License-Identifier: MIT */
/* NFS mounts: /proc/self/mountstats, with the servers' addresses from /proc/self/mountinfo. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

#define MOUNT_LABELS "export", "protocol", "mountaddr"
#define FAMILY(type, name, help) HOST_##type(name, help, MOUNT_LABELS)

static const struct host_family age_family =
	HOST_COUNTER("node_mountstats_nfs_age_seconds_total", "The age of the NFS mount in seconds.", MOUNT_LABELS);
static const struct host_family event_families[] = {
#define MOUNT_EVENT(type, name, help) FAMILY(type, name, help),
#define MOUNT_EVENT_UNUSED {.name = NULL},
#include "node_mountstats.def"
};
static const struct host_family byte_families[] = {
#define MOUNT_BYTES(type, name, help) FAMILY(type, name, help),
#include "node_mountstats.def"
};
static const struct host_family transport_families[] = {
#define MOUNT_TRANSPORT(type, name, help) FAMILY(type, name, help),
#include "node_mountstats.def"
};
static const struct host_family operation_families[] = {
#define MOUNT_OPERATION(type, name, help) HOST_##type(name, help, MOUNT_LABELS, "operation"),
#include "node_mountstats.def"
};
/* The last three are times. */
#define OPERATION_NUMBERS HOST_COUNT_OF(operation_families)
#define OPERATION_COUNTS (OPERATION_NUMBERS - 3)
/* Kernels have told times a little below zero, as numbers near 2^64: like node_exporter, only as many bits are taken as
 * a float holds. */
#define FLOAT_EXACT_MAX (UINT64_C(1) << 53)

#define MOUNTS_MAX 1024
#define OPERATIONS_MAX 128

/* One mount of mountstats, as far as it has been read. The protocol comes near its end, and all samples need it: the
 * lines are kept as they are until then. */
struct mount {
	const char *export;
	char protocol[16];
	char address[64];
	struct text age, events, bytes, transport;
	struct text operations[OPERATIONS_MAX];
	size_t operation_count;
	bool transport_1_1; /* three more numbers */
	bool in_operations;
};

struct mounts {
	char *info; /* mountinfo */
	size_t info_len, info_capacity;
	char *seen[MOUNTS_MAX]; /* "export\nprotocol\naddress": a server may be mounted many times */
	size_t seen_count;
	struct mount mount;
};

/* ---- addresses -------------------------------------------------------------------------------------------------- */

static int info_read(struct host *host, struct mounts *mounts)
{
	struct text text;
	int r = host_read(host, HOST_PROC, "self/mountinfo", &text);
	if (r)
		return r;
	size_t len = (size_t)(text.end - text.at);
	if (len + 1 > mounts->info_capacity) {
		char *grown = realloc(mounts->info, 2 * len + 1);
		if (!grown)
			return -ENOMEM;
		mounts->info = grown;
		mounts->info_capacity = 2 * len + 1;
	}
	memcpy(mounts->info, text.at, len);
	mounts->info_len = len;
	return 0;
}

/* Whether a line of mountinfo is of this source: "... - TYPE SOURCE OPTIONS". Its options if so. */
static const char *info_options(const char *line, size_t len, const char *source, size_t *options_len)
{
	const char *type = memmem(line, len, " - ", 3), *end = line + len;
	size_t source_len = strlen(source);
	if (!type)
		return NULL;
	const char *from = memchr(type + 3, ' ', (size_t)(end - type - 3));
	if (!from || (size_t)(end - from) < source_len + 2 || memcmp(from + 1, source, source_len) ||
	    from[1 + source_len] != ' ')
		return NULL;
	*options_len = (size_t)(end - from) - source_len - 2;
	return from + 2 + source_len;
}

static void address_copy(const char *options, size_t len, struct mount *mount)
{
	static const char key[] = "addr=";
	const size_t key_len = sizeof(key) - 1;
	for (const char *end = options + len; options < end;) {
		const char *comma = memchr(options, ',', (size_t)(end - options));
		size_t option_len = (size_t)((comma ? comma : end) - options);
		if (option_len >= key_len && !memcmp(options, key, key_len)) {
			host_format(mount->address, "%.*s", (int)(option_len - key_len), options + key_len);
			return;
		}
		options += option_len + 1;
	}
}

/* Both files list the mounts in the same order, so line `place` is the one, unless something was mounted between the
 * two reads: then it is the first of the same source. */
static void address_find(const struct mounts *mounts, size_t place, struct mount *mount)
{
	const char *line = mounts->info, *end = line + mounts->info_len, *first = NULL;
	size_t first_len = 0, options_len;
	for (size_t i = 0; line < end; i++) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		size_t len = (size_t)((newline ? newline : end) - line);
		const char *options = info_options(line, len, mount->export, &options_len);
		if (options && (i == place || !first)) {
			first = options;
			first_len = options_len;
		}
		if (i == place && options)
			break;
		line += len + 1;
	}
	if (first)
		address_copy(first, first_len, mount);
}

/* ---- samples ---------------------------------------------------------------------------------------------------- */

static void numbers_sample(struct host *host, const struct mount *mount, const struct host_family *families,
			   size_t count, struct text *line)
{
	uint64_t value;
	for (size_t i = 0; i < count && text_u64(line, &value); i++)
		if (families[i].name)
			host_u64(host, &families[i], value, mount->export, mount->protocol, mount->address);
}

/* tcp: port bind connect connect-time idle sends receives bad-ids requests backlog [slots sending pending]; udp has no
 * connections: it is without the three numbers behind bind. */
static void transport_sample(struct host *host, const struct mount *mount, struct text *line)
{
	uint64_t numbers[13] = {0}, values[HOST_COUNT_OF(transport_families)];
	bool udp = !strcmp(mount->protocol, "udp");
	size_t count = mount->transport_1_1 && strcmp(mount->protocol, "rdma") != 0 ? 13 : 10;
	for (size_t i = 0; i < count; i++) {
		if (udp && i == 2)
			i = 5;
		if (!text_u64(line, &numbers[i])) {
			host_skip(host);
			return;
		}
	}
	static const unsigned places[] = {1, 2, 4, 5, 6, 7, 9, 10, 11, 12};
	for (size_t i = 0; i < HOST_COUNT_OF(places); i++) {
		values[i] = numbers[places[i]];
		host_u64(host, &transport_families[i], values[i], mount->export, mount->protocol, mount->address);
	}
}

static void operation_sample(struct host *host, const struct mount *mount, struct text *line)
{
	uint64_t value;
	const char *operation = text_until(line, ':');
	for (size_t i = 0; operation && i < OPERATION_NUMBERS && text_u64(line, &value); i++)
		host_f64(host, &operation_families[i],
			 i < OPERATION_COUNTS ? (double)value : (double)(value % FLOAT_EXACT_MAX) / 1000, mount->export,
			 mount->protocol, mount->address, operation);
}

/* Whether this server and directory was told already; remembers it. */
static bool mount_seen(struct mounts *mounts, const struct mount *mount)
{
	char *key = NULL;
	if (asprintf(&key, "%s\n%s\n%s", mount->export, mount->protocol, mount->address) < 0)
		return true;
	for (size_t i = 0; i < mounts->seen_count; i++) {
		if (!strcmp(mounts->seen[i], key)) {
			free(key);
			return true;
		}
	}
	if (mounts->seen_count == MOUNTS_MAX) {
		free(key);
		return true;
	}
	mounts->seen[mounts->seen_count++] = key;
	return false;
}

static void mount_sample(struct host *host, struct mounts *mounts)
{
	struct mount *mount = &mounts->mount;
	if (!mount->export || mount_seen(mounts, mount))
		return;
	numbers_sample(host, mount, &age_family, 1, &mount->age);
	numbers_sample(host, mount, byte_families, HOST_COUNT_OF(byte_families), &mount->bytes);
	numbers_sample(host, mount, event_families, HOST_COUNT_OF(event_families), &mount->events);
	if (mount->transport.at)
		transport_sample(host, mount, &mount->transport);
	for (size_t i = 0; i < mount->operation_count; i++)
		operation_sample(host, mount, &mount->operations[i]);
}

/* ---- mountstats ------------------------------------------------------------------------------------------------- */

/* "device SOURCE mounted on DIRECTORY with fstype TYPE statvers=1.1": true for NFS. */
static bool device_take(struct text *line, struct mount *mount)
{
	*mount = (struct mount){.export = NULL};
	const char *source = text_word(line), *word, *type = NULL;
	while ((word = text_word(line)) && strcmp(word, "fstype") != 0)
		;
	if (word)
		type = text_word(line);
	if (!source || !type || (strcmp(type, "nfs") != 0 && strcmp(type, "nfs4") != 0))
		return false;
	text_blanks(line);
	mount->transport_1_1 = text_take(line, "statvers=1.1");
	mount->export = source;
	return true;
}

static void line_keep(struct mount *mount, struct text *line)
{
	text_blanks(line);
	if (mount->in_operations && mount->operation_count < OPERATIONS_MAX)
		mount->operations[mount->operation_count++] = *line;
	else if (text_take(line, "age:"))
		mount->age = *line;
	else if (text_take(line, "events:"))
		mount->events = *line;
	else if (text_take(line, "bytes:"))
		mount->bytes = *line;
	else if (text_take(line, "per-op statistics"))
		mount->in_operations = true;
	else if (text_take(line, "xprt:") && !mount->transport.at) { /* nconnect: the first connection's */
		const char *protocol = text_word(line);
		host_format(mount->protocol, "%s", protocol ? protocol : "");
		mount->transport = *line;
	}
}

static int mountstats_collect(struct host *host)
{
	struct mounts *mounts = host->state;
	struct text text, line;
	int r = info_read(host, mounts);
	if (!r)
		r = host_read(host, HOST_PROC, "self/mountstats", &text);
	if (r)
		return r;
	mounts->mount = (struct mount){.export = NULL};
	for (size_t place = 0; text_line(&text, &line);) {
		if (text_take(&line, "device ")) {
			mount_sample(host, mounts);
			if (device_take(&line, &mounts->mount))
				address_find(mounts, place, &mounts->mount);
			place++;
		} else if (mounts->mount.export && line.at < line.end) {
			line_keep(&mounts->mount, &line);
		}
	}
	mount_sample(host, mounts);
	while (mounts->seen_count)
		free(mounts->seen[--mounts->seen_count]);
	return 0;
}

static int mountstats_open(struct host *host)
{
	host->state = calloc(1, sizeof(struct mounts));
	return host->state ? 0 : -ENOMEM;
}

static void mountstats_close(struct host *host)
{
	struct mounts *mounts = host->state;
	free(mounts->info);
	free(mounts);
}

const struct host_ops host_mountstats = {
	.collect = mountstats_collect, .open = mountstats_open, .close = mountstats_close};
