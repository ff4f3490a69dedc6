/* SPDX-License-Identifier: MIT */
/* Watches on directories that may not exist yet, by inotify. */
#ifndef AGENTD_WATCH_H
#define AGENTD_WATCH_H

#include <stddef.h>
#include <systemd/sd-event.h>

struct watch;

/* `changed` is called in the loop when names came or went in one of the directories (paths are kept, not copied).
 * NULL when out of memory. Nothing is watched before watch_refresh(). */
struct watch *watch_new(sd_event *event, char *const *directories, size_t count, void (*changed)(void *context),
			void *context);
void watch_free(struct watch *watch);

/* Watches what appeared since: a directory, or its parent while it is absent. To be called now and then: it also makes
 * up for a lack of inotify watches. */
void watch_refresh(struct watch *watch);

#endif
