/* SPDX-License-Identifier: MIT */
/* Prometheus' HTTP service discovery. */
#include "discovery.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"

#define BATCH_SAMPLES 64u

/* A service as it stands in a sample's text. */
struct service {
	const char *text;
	size_t len;
};

struct services {
	struct service *items;
	size_t count;
	size_t capacity;
};

static int service_compare(const void *a, const void *b)
{
	const struct service *one = a, *other = b;
	const int r = memcmp(one->text, other->text, one->len < other->len ? one->len : other->len);
	return r ? r : (one->len > other->len) - (one->len < other->len);
}

/* Sorts, and keeps one of each. */
static void services_unite(struct services *services)
{
	size_t kept = 0;
	if (services->count)
		qsort(services->items, services->count, sizeof(*services->items), service_compare);
	for (size_t i = 0; i < services->count; i++)
		if (!kept || service_compare(&services->items[kept - 1], &services->items[i]))
			services->items[kept++] = services->items[i];
	services->count = kept;
}

static int services_add(struct services *services, struct service service)
{
	/* Most samples are of the service of the one before. */
	if (services->count && !service_compare(&services->items[services->count - 1], &service))
		return 0;
	if (services->count == services->capacity) {
		services_unite(services); /* or the list would grow with the samples */
		if (services->count * 2 >= services->capacity) {
			const size_t capacity = services->capacity ? services->capacity * 2 : 256;
			struct service *items = reallocarray(services->items, capacity, sizeof(*items));
			if (!items)
				return -ENOMEM;
			services->items = items;
			services->capacity = capacity;
		}
	}
	services->items[services->count++] = service;
	return 0;
}

static int services_find(const struct snapshot *snapshot, struct services *services)
{
	const size_t count = snapshot_sample_count(snapshot);
	for (size_t first = 0; first < count; first += BATCH_SAMPLES) {
		struct snapshot_sample samples[BATCH_SAMPLES];
		const size_t n = count - first < BATCH_SAMPLES ? count - first : BATCH_SAMPLES;
		snapshot_samples(snapshot, first, n, samples);
		for (size_t i = 0; i < n; i++) {
			struct service service;
			service.text = filter_sample_service(&samples[i], &service.len);
			if (service.text && services_add(services, service))
				return -ENOMEM;
		}
	}
	services_unite(services);
	return 0;
}

static char *service_unescape(const struct service *service)
{
	char *name = malloc(service->len + 1), *out = name;
	for (size_t i = 0; name && i < service->len; i++) {
		char c = service->text[i];
		if (c == '\\' && i + 1 < service->len) {
			c = service->text[++i];
			c = c == 'n' ? '\n' : c;
		}
		*out++ = c;
	}
	if (name)
		*out = '\0';
	return name;
}

/* Everything but what RFC 3986 leaves unreserved becomes %XX. */
static char *path_of(const char *prefix, const char *name)
{
	static const char digits[] = "0123456789ABCDEF";
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	char *path = malloc(strlen(prefix) + 3 * strlen(name) + 1);
	if (!path)
		return NULL;
	char *out = stpcpy(path, prefix);
	for (const unsigned char *at = (const unsigned char *)name; *at; at++) {
		if (strchr(plain, *at)) {
			*out++ = (char)*at;
			continue;
		}
		*out++ = '%';
		*out++ = digits[*at >> 4];
		*out++ = digits[*at & 15];
	}
	*out = '\0';
	return path;
}

/* NULL when out of memory. */
static json_t *group_json(const struct service *service, const char *target, const char *prefix)
{
	char *name = service_unescape(service);
	char *path = name ? path_of(prefix, name) : NULL;
	json_t *group = path ? json_pack("{s:[s], s:{s:s, s:s}}", "targets", target, "labels", "__metrics_path__", path,
					 "service", name)
			     : NULL;
	free(path);
	free(name);
	return group;
}

int discovery_render(const struct snapshot *snapshot, const char *target, const char *prefix, char **body, size_t *len)
{
	struct services services = {.count = 0};
	json_t *list = json_array();
	int r = services_find(snapshot, &services);
	for (size_t i = 0; !r && i < services.count; i++)
		r = json_array_append_new(list, group_json(&services.items[i], target, prefix));
	char *text = r ? NULL : json_dumps(list, JSON_COMPACT);
	json_decref(list);
	free(services.items);
	if (!text)
		return -ENOMEM;
	*body = text;
	*len = strlen(text);
	return 0;
}
