/* SPDX-License-Identifier: MIT */
/* Windows and watermarks: events fall into windows of event time; a window ends when the watermark has passed its end,
 * and an event whose windows have all ended is late.
 *
 * The watermark of a source is its latest event less what it may be late; that of the stream is the latest of its
 * sources (the least would stand still with an idle source).
 */
#ifndef DEMO_WINDOW_H
#define DEMO_WINDOW_H

#include "event.h"

/* Makes the handles. Call once in the stream process; none of this is thread-safe. */
void window_init(void);

/* Adds an event to its windows; false: it is too late for all of them. */
bool window_add(const struct event *event, enum pipeline pipeline);

/* Ends windows that the watermark has passed. */
void window_tick(int64_t now_ns);

#endif
