/* SPDX-License-Identifier: MIT */
/* Watches on directories that may not exist yet. */
#include "watch.h"

#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#define DIRECTORY_EVENTS                                                                                               \
	(IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)
#define PARENT_EVENTS (IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)
/* The watch is about a directory that no longer has its name. */
#define GONE_EVENTS (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED)

struct watched {
	struct watch *watch;
	const char *path;
	sd_event_source *self;
	sd_event_source *parent;
};

struct watch {
	sd_event *event;
	void (*changed)(void *context);
	void *context;
	size_t count;
	struct watched watched[];
};

static int on_parent(sd_event_source *source, const struct inotify_event *event, void *context)
{
	(void)source;
	struct watched *watched = context;
	if (event->mask & GONE_EVENTS)
		watched->parent = sd_event_source_disable_unref(watched->parent);
	watch_refresh(watched->watch);
	if (watched->self)
		watched->watch->changed(watched->watch->context);
	return 0;
}

static int on_self(sd_event_source *source, const struct inotify_event *event, void *context)
{
	(void)source;
	struct watched *watched = context;
	if (event->mask & GONE_EVENTS) {
		watched->self = sd_event_source_disable_unref(watched->self);
		watch_refresh(watched->watch);
	}
	watched->watch->changed(watched->watch->context);
	return 0;
}

struct watch *watch_new(sd_event *event, char *const *directories, size_t count, void (*changed)(void *context),
			void *context)
{
	struct watch *watch = calloc(1, sizeof(*watch) + count * sizeof(watch->watched[0]));
	if (!watch)
		return NULL;
	watch->event = sd_event_ref(event);
	watch->changed = changed;
	watch->context = context;
	watch->count = count;
	for (size_t i = 0; i < count; i++)
		watch->watched[i] = (struct watched){.watch = watch, .path = directories[i]};
	return watch;
}

void watch_free(struct watch *watch)
{
	if (!watch)
		return;
	for (size_t i = 0; i < watch->count; i++) {
		sd_event_source_disable_unref(watch->watched[i].self);
		sd_event_source_disable_unref(watch->watched[i].parent);
	}
	sd_event_unref(watch->event);
	free(watch);
}

static void watched_refresh(struct watched *watched)
{
	if (watched->self)
		return;
	sd_event *event = watched->watch->event;
	if (sd_event_add_inotify(event, &watched->self, watched->path, DIRECTORY_EVENTS, on_self, watched) >= 0) {
		watched->parent = sd_event_source_disable_unref(watched->parent);
		return;
	}
	watched->self = NULL;
	char parent[PATH_MAX];
	const int len = snprintf(parent, sizeof(parent), "%s", watched->path);
	if (watched->parent || len < 0 || len >= (int)sizeof(parent))
		return;
	if (sd_event_add_inotify(event, &watched->parent, dirname(parent), PARENT_EVENTS, on_parent, watched) < 0)
		watched->parent = NULL;
}

void watch_refresh(struct watch *watch)
{
	for (size_t i = 0; i < watch->count; i++)
		watched_refresh(&watch->watched[i]);
}
