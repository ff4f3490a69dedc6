/* SPDX-License-Identifier: MIT */
/* The HTTP server: routes and responses. Sockets and daemons: http_listen.c. */
#include "http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <mstat/atomic.h>

#include "http_private.h"
#include "landing.h"

static const char health_body[] = "{\"status\":\"ok\"}\n";

static const char *const path_labels[HTTP_PATH_COUNT] = {
#define HTTP_PATH(name, label) label,
#include "http.def"
#undef HTTP_PATH
};

static const unsigned code_numbers[HTTP_CODE_COUNT] = {
#define HTTP_CODE(code) code,
#include "http.def"
#undef HTTP_CODE
};

const char *http_path_label(enum http_path path)
{
	return path_labels[path];
}

unsigned http_code_number(enum http_code code)
{
	return code_numbers[code];
}

uint64_t http_responses(const struct http *http, enum http_path path, enum http_code code)
{
	return mstat_load_relaxed(&http->responses[path][code]);
}

/* An answer under construction. */
struct answer {
	enum http_code code;
	struct MHD_Response *response; /* NULL: out of memory, the connection is closed */
	const char *content_type;
};

static struct answer answer_text(enum http_code code, const char *text)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_PERSISTENT);
	return (struct answer){code, response, "text/plain; charset=utf-8"};
}

/* `body` is malloc'ed; the answer takes it over. */
static struct answer answer_owned(enum http_code code, char *body, size_t len, const char *content_type)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(len, body, MHD_RESPMEM_MUST_FREE);
	if (!response)
		free(body);
	return (struct answer){code, response, content_type};
}

/* A page on its way out: the body is shared by all who were served it, none of them copies it. */
struct lent_page {
	const struct page *page;
	void (*put)(const struct page *page);
};

static void lent_page_free(void *context)
{
	struct lent_page *lent = context;
	lent->put(lent->page);
	free(lent);
}

static struct answer answer_page(struct http *http)
{
	struct lent_page *lent = malloc(sizeof(*lent));
	const struct page *page = lent ? http->options.page_get(http->options.page_context) : NULL;
	if (!page) {
		free(lent);
		return answer_text(HTTP_CODE_503, "The collection failed; /ready and the log say why.\n");
	}
	*lent = (struct lent_page){page, http->options.page_put};
	struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
		page->len, (void *)page->body, lent_page_free, lent);
	if (!response)
		lent_page_free(lent);
	return (struct answer){HTTP_CODE_200, response, page->content_type};
}

static struct answer answer_health(struct http *http)
{
	(void)http;
	struct answer answer = answer_text(HTTP_CODE_200, health_body);
	answer.content_type = "application/json";
	return answer;
}

static struct answer answer_ready(struct http *http)
{
	char *body;
	size_t len;
	bool ok;
	if (readiness_render(http->options.readiness, &body, &len, &ok))
		return answer_text(HTTP_CODE_500, "Out of memory.\n");
	return answer_owned(ok ? HTTP_CODE_200 : HTTP_CODE_503, body, len, "application/json");
}

static struct answer answer_landing(struct http *http)
{
	const struct landing landing = {http->options.name, http->options.version, http->options.telemetry_path};
	char *body;
	size_t len;
	if (landing_render(&landing, &body, &len))
		return answer_text(HTTP_CODE_500, "Out of memory.\n");
	return answer_owned(HTTP_CODE_200, body, len, "text/html; charset=utf-8");
}

static struct answer answer_not_found(struct http *http)
{
	(void)http;
	return answer_text(HTTP_CODE_404, "Not found. The landing page at / lists what there is.\n");
}

static struct answer (*const routes[HTTP_PATH_COUNT])(struct http *http) = {
	[HTTP_PATH_METRICS] = answer_page,    [HTTP_PATH_HEALTH] = answer_health,   [HTTP_PATH_READY] = answer_ready,
	[HTTP_PATH_LANDING] = answer_landing, [HTTP_PATH_OTHER] = answer_not_found,
};

static enum http_path path_find(const struct http *http, const char *url)
{
	if (!strcmp(url, http->options.telemetry_path))
		return HTTP_PATH_METRICS;
	if (!strcmp(url, "/health"))
		return HTTP_PATH_HEALTH;
	if (!strcmp(url, "/ready"))
		return HTTP_PATH_READY;
	return strcmp(url, "/") ? HTTP_PATH_OTHER : HTTP_PATH_LANDING;
}

static bool method_allowed(const char *method)
{
	return !strcmp(method, MHD_HTTP_METHOD_GET) || !strcmp(method, MHD_HTTP_METHOD_HEAD);
}

static enum MHD_Result answer_send(struct http *http, struct MHD_Connection *connection, enum http_path path,
				   const struct answer *answer)
{
	if (!answer->response)
		return MHD_NO;
	enum MHD_Result r =
		MHD_add_response_header(answer->response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->content_type);
	if (r == MHD_YES)
		r = MHD_add_response_header(answer->response, "X-Content-Type-Options", "nosniff");
	if (r == MHD_YES && answer->code == HTTP_CODE_405)
		r = MHD_add_response_header(answer->response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	if (r == MHD_YES)
		r = MHD_queue_response(connection, code_numbers[answer->code], answer->response);
	MHD_destroy_response(answer->response);
	if (r == MHD_YES)
		mstat_add_relaxed(&http->responses[path][answer->code], 1);
	return r;
}

enum MHD_Result http_handle(void *context, struct MHD_Connection *connection, const char *url, const char *method,
			    const char *version, const char *upload_data, size_t *upload_data_size,
			    void **request_context)
{
	(void)version;
	(void)upload_data;
	static int headers_seen;
	struct http *http = context;
	const enum http_path path = path_find(http, url);
	/* The first call comes with the headers. A refusal goes out at once, before any body is read; other answers
	 * wait for the second call, since libmicrohttpd closes the connection after an answer to the first. */
	if (!method_allowed(method)) {
		const struct answer answer = answer_text(HTTP_CODE_405, "Only GET and HEAD are answered here.\n");
		return answer_send(http, connection, path, &answer);
	}
	if (!*request_context) {
		*request_context = &headers_seen;
		return MHD_YES;
	}
	if (*upload_data_size) {
		*upload_data_size = 0; /* the body of a GET means nothing */
		return MHD_YES;
	}
	const struct answer answer = routes[path](http);
	return answer_send(http, connection, path, &answer);
}
