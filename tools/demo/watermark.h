/* SPDX-License-Identifier: MIT */
/* Watermarks: the time up to which all events of a source are believed to have come. */
#ifndef DEMO_WATERMARK_H
#define DEMO_WATERMARK_H

#include <stdint.h>

#include "labels.h"

/* Makes the handles. Call once in the stream process; none of this is thread-safe. */
void watermark_init(void);

/* An event of this time came from a source. */
void watermark_advance(enum pipeline pipeline, enum event_type source, int64_t time_ns);

/* The watermark of the stream. */
int64_t watermark_ns(void);

/* Sets the gauges. */
void watermark_show(int64_t now_ns);

#endif
