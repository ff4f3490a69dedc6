/* SPDX-License-Identifier: MIT */
/* A load of HTTP requests: one thread, many connections that are kept, on each of them one request at a time. */
#ifndef BENCH_HTTP_LOAD_H
#define BENCH_HTTP_LOAD_H

#include <stdint.h>

struct http_load {
	uint16_t port; /* on 127.0.0.1 */
	const char *path;
	const char *headers; /* lines that end with CR LF; may be "" */
	unsigned connections;
	int64_t duration_ns;
};

struct http_load_result {
	uint64_t requests;
	double requests_per_second;
	double median_us; /* from the request's write to the last byte of its answer */
	double p99_us;
	uint64_t body_bytes; /* of the last answer */
};

/* Ends the program if a connection fails or an answer is not 200 with a Content-Length. */
struct http_load_result http_load_run(const struct http_load *load);

/* Waits until somebody listens; ends the program after 10 s. */
void http_load_await(uint16_t port);

#endif
