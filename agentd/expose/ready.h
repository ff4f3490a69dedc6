/* SPDX-License-Identifier: MIT */
/* Readiness: named checks, reported by whoever does the work, shown at /ready. Thread-safe. */
#ifndef AGENTD_EXPOSE_READY_H
#define AGENTD_EXPOSE_READY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ready_check {
#define READY_CHECK(name, word, age_max_ns) READY_##name,
#include "ready.def"
#undef READY_CHECK
	READY_CHECK_COUNT
};

struct readiness;

/* All checks fail until they are reported. NULL when out of memory. */
struct readiness *readiness_new(void);
void readiness_free(struct readiness *readiness);

/* The result of a check made just now: `reason` is NULL if it passed (it is copied, cut at 127 bytes), `response_ns`
 * how long the checked work took. */
void readiness_report(struct readiness *readiness, enum ready_check check, const char *reason, int64_t response_ns);

/* Renders {"status": ..., "timestamp": ..., "checks": {...}} to malloc'ed *body; *ok tells whether all pass. 0 or
 * -ENOMEM. */
int readiness_render(struct readiness *readiness, char **body, size_t *len, bool *ok);

#endif
