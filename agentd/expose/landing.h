/* SPDX-License-Identifier: MIT */
/* The landing page at /. */
#ifndef AGENTD_EXPOSE_LANDING_H
#define AGENTD_EXPOSE_LANDING_H

#include <stddef.h>

struct landing {
	const char *name;
	const char *version;
	const char *telemetry_path;
};

/* Renders HTML to malloc'ed *body; everything in `landing` is escaped. 0 or -ENOMEM. */
int landing_render(const struct landing *landing, char **body, size_t *len);

#endif
