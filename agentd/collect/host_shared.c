/* SPDX-License-Identifier: MIT */
/* A copy of the options that outlives the configuration. */
#include "host_shared.h"

#include <stdlib.h>
#include <string.h>

#include <mstat/atomic.h>

/* One kind of copy and free per option TYPE; false when out of memory. */
static bool text_copy(const char **field)
{
	*field = strdup(*field ? *field : "");
	return *field;
}

static void text_free(const char **field)
{
	free((char *)(uintptr_t)*field);
}

static void texts_free(char *const **field)
{
	char **texts = (char **)(uintptr_t)*field;
	for (size_t i = 0; texts && texts[i]; i++)
		free(texts[i]);
	free(texts);
}

static bool texts_copy(char *const **field)
{
	char *const *from = *field;
	size_t count = 0;
	while (from && from[count])
		count++;
	char **copy = calloc(count + 1, sizeof(*copy));
	*field = copy;
	for (size_t i = 0; copy && i < count; i++) {
		copy[i] = strdup(from[i]);
		if (!copy[i])
			return false;
	}
	return copy;
}

static bool plain_copy(const void *field)
{
	return field;
}

static void plain_free(const void *field)
{
	(void)field;
}

#define COPY_TEXT text_copy
#define COPY_PATTERN text_copy
#define COPY_TEXTS texts_copy
#define COPY_SWITCH plain_copy
#define COPY_COUNT plain_copy
#define COPY_DURATION plain_copy
#define FREE_TEXT text_free
#define FREE_PATTERN text_free
#define FREE_TEXTS texts_free
#define FREE_SWITCH plain_free
#define FREE_COUNT plain_free
#define FREE_DURATION plain_free

struct host_shared *host_shared_new(const struct host_options *options)
{
	struct host_shared *shared = calloc(1, sizeof(*shared));
	bool complete = true;
	if (!shared)
		return NULL;
	shared->options = *options;
	shared->references = 1;
	for (size_t i = 0; i < HOST_ROOT_COUNT; i++)
		complete &= text_copy(&shared->options.paths[i]);
#define COLLECTOR_OPTION(option, field, type, ...) complete &= COPY_##type(&shared->options.field);
#include "collector_options.def"
	if (complete)
		return shared;
	host_shared_unref(shared);
	return NULL;
}

void host_shared_ref(struct host_shared *shared)
{
	mstat_add_relaxed(&shared->references, 1);
}

void host_shared_unref(struct host_shared *shared)
{
	/* The release pairs with the acquire of whoever takes the last reference away. */
	if (!shared || mstat_sub_release(&shared->references, 1) != 1)
		return;
	mstat_load_acquire(&shared->references); /* pairs with the releases of all earlier holders */
	for (size_t i = 0; i < HOST_ROOT_COUNT; i++)
		text_free(&shared->options.paths[i]);
#define COLLECTOR_OPTION(option, field, type, ...) FREE_##type(&shared->options.field);
#include "collector_options.def"
	free(shared);
}
