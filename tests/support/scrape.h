/* SPDX-License-Identifier: MIT */
/* An HTTP client for one answer at a time, and questions to a page of text format 0.0.4. */
#ifndef TESTS_SCRAPE_H
#define TESTS_SCRAPE_H

#include <stdbool.h>
#include <stdint.h>

/* A connection to 127.0.0.1, or -1 if nobody listens. */
int http_connect(uint16_t port);

/* Sends `method` `path` and returns the whole answer, head and body, malloc'ed; NULL if nobody listens. */
char *http_ask(uint16_t port, const char *method, const char *path);
/* The same with an Accept header. */
char *http_ask_accept(uint16_t port, const char *method, const char *path, const char *accept);

/* Where the body of an answer begins. */
const char *http_body(const char *answer);

/* The body of /metrics, malloc'ed; the test fails if there is none. It may be as old as pages are shared (100 ms). */
char *page_now(uint16_t port);

/* The same, collected after the call. */
char *page_fresh(uint16_t port);

/* The value of a series as it stands on the page, "NAME" or "NAME{LABELS}", in a static buffer; NULL if it is not
 * there. */
const char *page_value(const char *page, const char *series);

/* Fails, with what there is of the series' family, unless the series has the value; NULL means that it is not there. */
void assert_page(const char *page, const char *series, const char *value);
void assert_page_lacks(const char *page, const char *text);

/* Scrapes until the series has the value: waits for an event that must come, fails when it does not. */
void page_await(uint16_t port, const char *series, const char *value);

#endif
