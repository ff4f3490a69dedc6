/* SPDX-License-Identifier: MIT */
/* The distribution: os-release(5). */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host.h"

enum {
	BUILD_ID,
	ID,
	ID_LIKE,
	IMAGE_ID,
	IMAGE_VERSION,
	NAME,
	PRETTY_NAME,
	VARIANT,
	VARIANT_ID,
	VERSION,
	VERSION_CODENAME,
	VERSION_ID,
	FIELD_COUNT
};
static const char *const keys[FIELD_COUNT] = {"BUILD_ID",      "ID",      "ID_LIKE",          "IMAGE_ID",
					      "IMAGE_VERSION", "NAME",    "PRETTY_NAME",      "VARIANT",
					      "VARIANT_ID",    "VERSION", "VERSION_CODENAME", "VERSION_ID"};

static const struct host_family info_family =
	HOST_GAUGE("node_os_info",
		   "A metric with a constant '1' value labeled by build_id, id, id_like, image_id, image_version, "
		   "name, pretty_name, variant, variant_id, version, version_codename, version_id.",
		   "build_id", "id", "id_like", "image_id", "image_version", "name", "pretty_name", "variant",
		   "variant_id", "version", "version_codename", "version_id");
static const struct host_family version_family = HOST_GAUGE(
	"node_os_version", "Metric containing the major.minor part of the OS version.", "id", "id_like", "name");

/* Without quotes around it and backslashes in it, as a shell would read it; in place. */
static const char *value_unquote(char *value)
{
	size_t len = strlen(value);
	if (len < 2 || (*value != '"' && *value != '\'') || value[len - 1] != *value)
		return value;
	bool escapes = *value == '"';
	value[len - 1] = '\0';
	char *begin = ++value, *out = value;
	for (; *value; value++) {
		if (escapes && *value == '\\' && value[1])
			value++;
		*out++ = *value;
	}
	*out = '\0';
	return begin;
}

/* "20.04.2" counts as 20.04. */
static bool version_parse(const char *text, double *version)
{
	char copy[32];
	const char *dot = strchr(text, '.');
	size_t len = dot ? (size_t)(dot - text) + 1 + strcspn(dot + 1, ".") : strlen(text);
	if (len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return word_f64(copy, version);
}

/* The file is parsed again when it is another one: a stat(2) tells. */
struct os_state {
	struct stat status; /* of the file that `values` are of */
	char *bytes;        /* that they point into */
	const char *values[FIELD_COUNT];
};

static int os_open(struct host *host)
{
	host->state = calloc(1, sizeof(struct os_state));
	return host->state ? 0 : -ENOMEM;
}

static void os_close(struct host *host)
{
	struct os_state *state = host->state;
	free(state->bytes);
	free(state);
}

static bool status_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static void values_parse(struct os_state *state, struct text text)
{
	struct text line;
	for (size_t i = 0; i < FIELD_COUNT; i++)
		state->values[i] = "";
	while (text_line(&text, &line)) {
		const char *key = text_until(&line, '=');
		for (size_t i = 0; key && i < FIELD_COUNT; i++)
			if (!strcmp(key, keys[i]))
				state->values[i] = value_unquote(text_rest(&line));
	}
}

/* 0 once `values` are those of the file. */
static int release_read(struct host *host, const char *path)
{
	struct os_state *state = host->state;
	char full[PATH_MAX];
	struct stat status;
	struct text text;
	int r = host_path(host, HOST_ROOTFS, path, full, sizeof(full));
	if (r)
		return r;
	if (stat(full, &status))
		return -errno;
	if (state->bytes && status_same(&status, &state->status))
		return 0;
	r = host_read(host, HOST_ROOTFS, path, &text);
	if (r)
		return r;
	const size_t len = (size_t)(text.end - text.at);
	char *bytes = malloc(len + 1);
	if (!bytes)
		return -ENOMEM;
	memcpy(bytes, text.at, len + 1);
	free(state->bytes);
	state->bytes = bytes;
	state->status = status; /* from before it was read: a file that was changed meanwhile is read again */
	values_parse(state, (struct text){bytes, bytes + len});
	return 0;
}

static int os_collect(struct host *host)
{
	const struct os_state *state = host->state;
	double version;
	int r = release_read(host, "etc/os-release");
	if (r)
		r = release_read(host, "usr/lib/os-release");
	if (r)
		return r;
	host_sample(host, &info_family, state->values, (struct number){.type = NUMBER_U64, .u64 = 1});
	if (version_parse(state->values[VERSION_ID], &version))
		host_f64(host, &version_family, version, state->values[ID], state->values[ID_LIKE],
			 state->values[NAME]);
	return 0;
}

const struct host_ops host_os = {.collect = os_collect, .open = os_open, .close = os_close};
