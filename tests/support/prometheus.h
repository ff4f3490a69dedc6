/* SPDX-License-Identifier: MIT */
/* A real Prometheus for tests: started on a free port, scraping one agent every half second, asked by its API. */
#ifndef TESTS_PROMETHEUS_H
#define TESTS_PROMETHEUS_H

#include <jansson.h>

#include "daemon.h"

/* Says why a test is skipped, and returns true, where Prometheus is not installed. */
bool prometheus_missing(void);

/* Starts it and waits until it is ready. `features` is what --enable-feature takes, or NULL. */
void prometheus_start(struct daemon *prometheus, const struct scratch *scratch, uint16_t target, const char *features);
/* The same with more of the job's configuration, each line indented by two blanks: scheme, tls_config, basic_auth. Does
 * not ask whether it can scrape. */
void prometheus_start_job(struct daemon *prometheus, const struct scratch *scratch, uint16_t target,
			  const char *features, const char *job);

/* Waits until it has scraped something after a moment (seconds since the epoch). */
void prometheus_await(const struct daemon *prometheus, double moment);
double now_s(void);

/* "data" of an API answer; a new reference. Fails the test where there is none. `expression` is percent-encoded. */
json_t *prometheus_ask(const struct daemon *prometheus, const char *api, const char *expression, const char *more);

/* The only result of an instant query as a number, or as text; fails where there is not exactly one. */
double prometheus_number(const struct daemon *prometheus, const char *expression);
void prometheus_expect(const struct daemon *prometheus, const char *expression, const char *value);

#endif
