/* SPDX-License-Identifier: MIT */
/* The HTTP server: /metrics, /health, /ready and the landing page, by libmicrohttpd.
 *
 * GET and HEAD only. Each place that is listened on has threads of its own, which also collect and render when a page
 * is due.
 */
#ifndef AGENTD_EXPOSE_HTTP_H
#define AGENTD_EXPOSE_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "page.h"
#include "ready.h"

enum http_path {
#define HTTP_PATH(name, label) HTTP_PATH_##name,
#include "http.def"
#undef HTTP_PATH
	HTTP_PATH_COUNT
};

enum http_code {
#define HTTP_CODE(code) HTTP_CODE_##code,
#include "http.def"
#undef HTTP_CODE
	HTTP_CODE_COUNT
};

struct http_options {
	const char *name; /* of the program, for the landing page */
	const char *version;
	const char *telemetry_path;
	unsigned connections_max;            /* of one place */
	unsigned connections_per_client_max; /* not on loopback */
	unsigned timeout_s;
	struct readiness *readiness;
	/* Gives a page with a reference, or NULL (503). Called by any thread of the server. */
	const struct page *(*page_get)(void *context);
	void (*page_put)(const struct page *page);
	void *page_context;
};

struct http;

/* A server that listens nowhere yet. Texts of the options are copied. NULL when out of memory. */
struct http *http_new(const struct http_options *options);
/* Stops listening, waits for the threads. */
void http_free(struct http *http);

/* Listens on these addresses (HOST:PORT, already valid) and on no other: places in use already stay as they are, new
 * ones are opened first, then the others are closed; connections to those end. On failure everything is as it was,
 * *error is a malloc'ed message (or NULL) and the result -errno. One thread at a time; may block in the resolver. */
int http_listen(struct http *http, char *const *addresses, size_t count, char **error);

/* Places that are listened on, as ADDRESS:PORT, with the real port where 0 was asked for. */
size_t http_place_count(const struct http *http);
void http_place_print(const struct http *http, size_t index, char *out, size_t size);

/* Responses since the start, by path and code. Thread-safe. */
uint64_t http_responses(const struct http *http, enum http_path path, enum http_code code);
const char *http_path_label(enum http_path path);
unsigned http_code_number(enum http_code code);

#endif
