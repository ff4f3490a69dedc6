/* SPDX-License-Identifier: MIT */
/* The distribution: os-release(5). */
#include <string.h>

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

static int os_collect(struct host *host)
{
	const char *values[FIELD_COUNT];
	struct text text, line;
	double version;
	int r = host_read(host, HOST_ROOTFS, "etc/os-release", &text);
	if (r)
		r = host_read(host, HOST_ROOTFS, "usr/lib/os-release", &text);
	if (r)
		return r;
	for (size_t i = 0; i < FIELD_COUNT; i++)
		values[i] = "";
	while (text_line(&text, &line)) {
		const char *key = text_until(&line, '=');
		for (size_t i = 0; key && i < FIELD_COUNT; i++)
			if (!strcmp(key, keys[i]))
				values[i] = value_unquote(text_rest(&line));
	}
	host_sample(host, &info_family, values, (struct number){.type = NUMBER_U64, .u64 = 1});
	if (version_parse(values[VERSION_ID], &version))
		host_f64(host, &version_family, version, values[ID], values[ID_LIKE], values[NAME]);
	return 0;
}

const struct host_ops host_os = {.collect = os_collect};
