/* SPDX-License-Identifier: MIT */
/* The list `views:` of the configuration file, read from the events of libyaml. */
#ifndef AGENTD_COLLECT_VIEWS_FILE_H
#define AGENTD_COLLECT_VIEWS_FILE_H

#include <yaml.h>

#include "views.h"

/* Where the events come from. */
struct views_source {
	const char *path; /* for messages */
	const yaml_event_t *event;
	int (*next)(void *context); /* moves on to the next event: 0, or what views_read() returns then */
	void *context;
	char **error;
};

/* Reads the list that begins with the current event; its end is current then. 0, -ENOMEM, what next() failed with, or
 * -EINVAL with a malloc'ed message `FILE:LINE: ...` that names the remedy in *error. */
int views_read(const struct views_source *source, struct views **views);

#endif
