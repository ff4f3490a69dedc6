/* SPDX-License-Identifier: MIT */
/* The families of the state backends, and what one attempt or operation changes in them. */
#ifndef DEMO_STATE_METRICS_H
#define DEMO_STATE_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "labels.h"

void state_metrics_init(void);

/* What a backend saw. */
void state_metrics_attempt(enum backend backend, enum state_operation operation, enum state_error error, bool hit,
			   int64_t ns);

/* What a caller saw. */
void state_metrics_operation(enum backend backend, enum state_operation operation, int attempts, int64_t ns);

void state_metrics_size(enum backend backend, enum state_namespace space, uint64_t bytes, uint64_t entries);
void state_metrics_total(enum backend backend, uint64_t bytes);

#endif
