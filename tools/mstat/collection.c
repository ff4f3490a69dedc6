/* SPDX-License-Identifier: MIT */
/* What an agent would serve. See collection.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/segments.h"
#include "collection.h"
#include "inspection.h"
#include "report.h"
#include "snapshot/builder.h"

#define SERIES_MAX 4194304
#define SERVICES_MAX 65536
#define ENTRIES_MAX 65536

struct collection {
	struct segments *segments;
	struct catalog *catalog;
	struct builder *builder;
	char **directories;
	size_t directory_count;
	bool warned;
};

/* The collector takes an absent directory for one that comes later; a user who names one wants to know. */
static int directories_check(const struct arguments *arguments)
{
	for (size_t i = 0; i < arguments->directory_count; i++) {
		int fd = open(arguments->directories[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0) {
			int error = errno;
			report("cannot list the directory %s: %s", arguments->directories[i], strerror(error));
			return -error;
		}
		close(fd);
	}
	return 0;
}

static int collection_init(struct collection *collection, const struct arguments *arguments)
{
	char *message = NULL;
	collection->directory_count = directories_choose(arguments, &collection->directories);
	struct segments_options options = {
		.directories = collection->directories,
		.directory_count = collection->directory_count,
		.services_max = SERVICES_MAX,
		.limits = segment_limits_default,
		.entries_max = ENTRIES_MAX,
		.folding = false,
	};
	int error = segments_open(&options, &collection->segments, &message);
	if (error)
		report("cannot open the segments: %s", message ? message : strerror(-error));
	free(message);
	return error;
}

int collection_open(const struct arguments *arguments, struct collection **collection)
{
	int error = directories_check(arguments);
	if (error)
		return error;
	struct collection *made = need(calloc(1, sizeof(*made)));
	error = collection_init(made, arguments);
	if (error) {
		collection_close(made);
		return error;
	}
	made->catalog = need(catalog_new(SERIES_MAX));
	made->builder = need(builder_new(made->catalog));
	*collection = made;
	return 0;
}

void collection_close(struct collection *collection)
{
	if (!collection)
		return;
	builder_free(collection->builder);
	catalog_free(collection->catalog);
	if (collection->segments)
		segments_close(collection->segments);
	directories_free(collection->directories, collection->directory_count);
	free(collection);
}

void collection_report(int error)
{
	report("cannot read the segments: %s", strerror(-error));
}

struct snapshot *collection_take(struct collection *collection, int *error)
{
	/* Of the default directories one may be closed to this user; those that the user named were checked. */
	int failure = segments_sweep(collection->segments);
	if (failure && !collection->warned)
		report("a segment directory cannot be listed and is left out: %s", strerror(-failure));
	collection->warned |= failure != 0;
	builder_begin(collection->builder);
	failure = segments_collect(collection->segments, collection->builder);
	if (failure) {
		*error = failure;
		return NULL;
	}
	return need(builder_freeze(collection->builder));
}
