/* SPDX-License-Identifier: MIT */
/* What the user reads: messages on standard error, untrusted text made harmless, memory that must be there. */
#ifndef MSTAT_TOOL_REPORT_H
#define MSTAT_TOOL_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "snapshot/catalog.h"

/* Prints "mstat: MESSAGE" to standard error. Control characters in the message are escaped. */
__attribute__((format(printf, 1, 2))) void report(const char *format, ...);

/* Returns the pointer; ends the program with a message when it is NULL. What the inspector holds is bounded by the
 * reader's limits, and there is nothing it could do with half of it. */
void *need(void *pointer);
char *need_strdup(const char *text);
__attribute__((format(printf, 1, 2))) char *need_printf(const char *format, ...);

/* Makes room for one more item of an array whose capacity doubles. */
void *need_room(void *items, size_t count, size_t *capacity, size_t item_bytes);

/* A copy in which control characters (C0, DEL, C1), characters that change the direction of text and bytes that are not
 * UTF-8 are written as \n, \t, \xNN; what a terminal gets of a segment's text passes through here. */
char *text_escaped(const char *text, size_t len);
void text_print(FILE *out, const char *text);

/* The same with quotes around it, and with quotes and backslashes inside escaped, so that it can be told apart. */
char *text_quoted(const char *text, size_t len);

/* The same for text of several lines: line feeds and tabs stay. */
void text_print_lines(FILE *out, const char *text, size_t len);

/* Columns that an escaped text takes: code points. */
size_t text_width(const char *text);

/* JSON values. json_text() takes any bytes. A number that JSON has not (NaN, infinities, integers beyond 2^63 - 1)
 * becomes a string. */
json_t *json_text(const char *text);
json_t *json_number(struct number number);
json_t *json_strings(const char *const *texts, size_t count);

/* Prints the value to standard output and lets go of it. */
void json_print(json_t *value);

/* Whether standard output has a reader still; a pipe's reader that left ends the program quietly. */
bool output_closed(void);

/* Flushes standard output; the exit code, CODE_FAILED where writing failed for another reason than a reader that left.
 */
int output_finish(int code);

#endif
