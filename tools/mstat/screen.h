/* SPDX-License-Identifier: MIT */
/* The terminal's screen, for drawing the same page again and again. */
#ifndef MSTAT_TOOL_SCREEN_H
#define MSTAT_TOOL_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct screen {
	bool terminal; /* standard output is one */
	size_t rows;
	size_t columns;
};

/* Catches the signals that ask to stop (SIGINT, SIGTERM, SIGHUP) and, on a terminal, switches to its other screen, so
 * that screen_close() can give the user's text back. One screen a process. */
void screen_open(struct screen *screen);
void screen_close(struct screen *screen);

/* Begins a page: asks for the window's size, then moves to the top. */
void screen_begin(struct screen *screen);

/* Prints one line of escaped text, cut to the window on a terminal. */
void screen_line(const struct screen *screen, const char *text);

/* Ends a page: clears what an earlier page left below. */
void screen_end(const struct screen *screen);

/* Sleeps until CLOCK_MONOTONIC says until_ns. Returns false when asked to stop or when nobody reads any more; *resized
 * says whether the window changed (the sleep ends early then). */
bool screen_wait(int64_t until_ns, bool *resized);

#endif
