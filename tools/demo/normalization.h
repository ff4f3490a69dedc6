/* SPDX-License-Identifier: MIT */
/* Normalisation: events at any time become a series of evenly spaced points. Steps without an event are gaps, which are
 * filled by the source's own strategy. */
#ifndef DEMO_NORMALIZATION_H
#define DEMO_NORMALIZATION_H

#include "event.h"

/* Makes the handles. Call once in the stream process; none of this is thread-safe. */
void normalization_init(void);

/* Adds an event to the series of its type. */
void normalization_add(const struct event *event);

#endif
