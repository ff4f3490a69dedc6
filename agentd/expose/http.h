/* SPDX-License-Identifier: MIT */
/* The HTTP server, by libmicrohttpd: /metrics, /metrics/service/NAME, /sd, /health, /ready and the landing page.
 *
 * GET and HEAD only. Each place that is listened on has a thread of its own, which never waits: a page that must be
 * collected or rendered first is made by one more thread, and its connection is suspended meanwhile. So /health is
 * answered whatever a collection does; and at the connection limit, too, since some connections more than the limit are
 * taken, on which everything else is 503.
 *
 *   /metrics               format by Accept, gzip and zstd by Accept-Encoding, and these parameters:
 *     collect[]=NAME       only these collectors run; may be repeated. An unknown or disabled one is 400.
 *     exclude[]=NAME       all but these; not together with collect[]
 *     name[]=FAMILY        only these families
 *   /metrics/service/NAME  the same, only series with the label service="NAME"; 404 if there are none
 *   /sd                    Prometheus' HTTP service discovery: each service a target
 *
 * With a web configuration (web_config.h) all paths are guarded, /health as well: TLS, a limit of requests (429), names
 * and passwords (401). While its file is bad, everything is 500, and new connections by TLS are closed.
 *
 * X-Prometheus-Scrape-Timeout-Seconds, less a fifth of a second (a tenth of it if that is less), is the deadline of the
 * collection that a request causes.
 */
#ifndef AGENTD_EXPOSE_HTTP_H
#define AGENTD_EXPOSE_HTTP_H

#include <stdbool.h>
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

enum http_close {
#define HTTP_CLOSE(name, label) HTTP_CLOSE_##name,
#include "http.def"
#undef HTTP_CLOSE
	HTTP_CLOSE_COUNT
};

struct http_options {
	const char *name; /* of the program, for the landing page */
	const char *version;
	const char *telemetry_path;
	const char *web_config_file;         /* NULL or "": plain, and open to all */
	unsigned connections_max;            /* of all places; less where RLIMIT_NOFILE is low */
	unsigned connections_per_client_max; /* of one IPv4 address or IPv6 /64, of all places; not on loopback */
	unsigned requests_max;               /* that wait for a page; 0: no limit */
	unsigned timeout_s;                  /* of a connection on which nothing moves */
	int64_t request_timeout_ns; /* from the beginning of a connection, or from the last answer and timeout_s more,
				     * to the end of a request's headers */
	bool created;               /* whether OpenMetrics texts have `_created` samples */
	struct readiness *readiness;
	struct page_cache *pages; /* made with http_carrier_new() and http_carrier_free() */
	/* Adds what has this name to *collectors (a group may be several); false if nothing that runs has it.
	 * Thread-safe. */
	bool (*collector_find)(void *context, const char *name, struct page_collectors *collectors);
	void *context;
	/* Listening sockets that are there already: listened on whatever http_listen() is asked for. Kept, not copied;
	 * each belongs to the server once it listens. */
	const int *sockets;
	size_t socket_count;
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

/* Looks whether the web configuration has changed, and applies it: new connections and requests use it, places change
 * between plain and TLS (which ends their connections). One thread at a time, the one that listens; called by the
 * agent's timer, every second or so. *reason is a malloc'ed message (or NULL) if the file is bad, which is told once.
 * Costs a system call a file. */
enum http_web_news { HTTP_WEB_SAME, HTTP_WEB_RELOADED, HTTP_WEB_BAD };
enum http_web_news http_web_refresh(struct http *http, char **reason);

/* Closes connections beyond their deadlines; called by the agent's timer, every second or so. NULL is fine. */
void http_expire(struct http *http);

/* Places that are listened on, as ADDRESS:PORT, with the real port where 0 was asked for. */
size_t http_place_count(const struct http *http);
void http_place_print(const struct http *http, size_t index, char *out, size_t size);

/* What a page cache's bodies are sent by: see page.h. */
void *http_carrier_new(const struct page *page);
void http_carrier_free(void *carrier);

/* Responses since the start, by path and code; connections closed by the server, by reason; connections now.
 * Thread-safe. Of requests that libmicrohttpd refuses itself (not HTTP, headers too long) none is counted. */
uint64_t http_responses(const struct http *http, enum http_path path, enum http_code code);
uint64_t http_closes(const struct http *http, enum http_close reason);
uint64_t http_connections(const struct http *http);
const char *http_path_label(enum http_path path);
const char *http_close_label(enum http_close reason);
unsigned http_code_number(enum http_code code);

#endif
