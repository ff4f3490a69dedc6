/* SPDX-License-Identifier: MIT */
/* The HTTP server: routes. */
#include "http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <mstat/atomic.h>

#include "discovery.h"
#include "http_private.h"
#include "landing.h"

static const char *const path_labels[HTTP_PATH_COUNT] = {
#define HTTP_PATH(name, label) label,
#include "http.def"
#undef HTTP_PATH
};

static const char *const close_labels[HTTP_CLOSE_COUNT] = {
#define HTTP_CLOSE(name, label) label,
#include "http.def"
#undef HTTP_CLOSE
};

const char *http_path_label(enum http_path path)
{
	return path_labels[path];
}

const char *http_close_label(enum http_close reason)
{
	return close_labels[reason];
}

uint64_t http_responses(const struct http *http, enum http_path path, enum http_code code)
{
	return mstat_load_relaxed(&http->responses[path][code]);
}

/* ---- answers that are made at once ------------------------------------------------------------------------------ */

static struct http_answer answer_ready(struct http *http)
{
	char *body;
	size_t len;
	bool ok;
	if (readiness_render(http->options.readiness, &body, &len, &ok))
		return http_answer_canned(http, HTTP_CANNED_MEMORY);
	return http_answer_owned(http, ok ? HTTP_CODE_200 : HTTP_CODE_503, body, len, "application/json");
}

static struct http_answer answer_landing(struct http *http)
{
	const struct landing landing = {http->options.name, http->options.version, http->options.telemetry_path};
	char *body;
	size_t len;
	if (landing_render(&landing, &body, &len))
		return http_answer_canned(http, HTTP_CANNED_MEMORY);
	return http_answer_owned(http, HTTP_CODE_200, body, len, "text/html; charset=utf-8");
}

/* ---- answers that may have to wait ------------------------------------------------------------------------------ */

/* Where the client has reached us: what it called us, or else the address. */
static struct http_answer answer_discovery(struct http *http, const struct http_request *request)
{
	char place[128];
	char *body;
	size_t len;
	struct snapshot *snapshot = page_snapshot_get(http->options.pages, &request->question.collection);
	if (!snapshot)
		return http_answer_canned(http, HTTP_CANNED_FAILED);
	listen_place_print(&request->listener->bound, place, sizeof(place));
	const char *target = request->host && *request->host ? request->host : place;
	const int r = discovery_render(snapshot, target, http->service_prefix, &body, &len);
	snapshot_unref(snapshot);
	if (r)
		return http_answer_canned(http, HTTP_CANNED_MEMORY);
	return http_answer_owned(http, HTTP_CODE_200, body, len, "application/json");
}

struct http_answer http_work_answer(struct http *http, struct http_request *request)
{
	if (request->path == HTTP_PATH_DISCOVERY)
		return answer_discovery(http, request);
	const struct page *page = page_get(http->options.pages, &request->question);
	if (!page)
		return http_answer_canned(http, HTTP_CANNED_FAILED);
	if (request->path == HTTP_PATH_SERVICE && !filter_matched(request->filter)) {
		page_put(page);
		return http_answer_canned(http, HTTP_CANNED_NO_SERVICE);
	}
	return http_answer_page(page);
}

/* The answer if the page is there; else the request is on its way to the work, or refused. */
static struct http_answer answer_page(struct http *http, struct http_request *request)
{
	enum http_canned complaint = http_request_question(http, request);
	if (complaint != HTTP_FINE) {
		const struct http_answer made = request->answer;
		request->answer = (struct http_answer){.response = NULL};
		return made.response ? made : http_answer_canned(http, complaint);
	}
	const struct page *page =
		request->path == HTTP_PATH_DISCOVERY ? NULL : page_get_ready(http->options.pages, &request->question);
	if (page)
		return http_answer_page(page);
	complaint = http_work_submit(http, request);
	return complaint == HTTP_FINE ? (struct http_answer){.response = NULL} : http_answer_canned(http, complaint);
}

/* ---- requests --------------------------------------------------------------------------------------------------- */

static enum http_path path_find(const struct http *http, const char *url)
{
	if (!strcmp(url, http->options.telemetry_path))
		return HTTP_PATH_METRICS;
	if (!strcmp(url, "/health"))
		return HTTP_PATH_HEALTH;
	const size_t prefix_len = strlen(http->service_prefix);
	if (!strncmp(url, http->service_prefix, prefix_len) && url[prefix_len])
		return HTTP_PATH_SERVICE;
	if (!strcmp(url, "/sd"))
		return HTTP_PATH_DISCOVERY;
	if (!strcmp(url, "/ready"))
		return HTTP_PATH_READY;
	return strcmp(url, "/") ? HTTP_PATH_OTHER : HTTP_PATH_LANDING;
}

static struct http_answer answer_make(struct http *http, struct http_request *request)
{
	switch (request->path) {
	case HTTP_PATH_METRICS:
	case HTTP_PATH_SERVICE:
	case HTTP_PATH_DISCOVERY:
		return answer_page(http, request);
	case HTTP_PATH_HEALTH:
		return http_answer_canned(http, HTTP_CANNED_HEALTH);
	case HTTP_PATH_READY:
		return answer_ready(http);
	case HTTP_PATH_LANDING:
		return answer_landing(http);
	default:
		return http_answer_canned(http, HTTP_CANNED_NOT_FOUND);
	}
}

/* No response: the request waits. */
static struct http_answer answer_admitted(struct http *http, struct http_request *request)
{
	bool waits = false;
	if (http->web.path && !request->admitted) {
		const enum http_canned complaint = http_web_admit(http, request, &waits);
		if (waits)
			return (struct http_answer){.response = NULL};
		if (complaint != HTTP_FINE)
			return http_answer_canned(http, complaint);
		request->admitted = true;
	}
	return answer_make(http, request);
}

static enum MHD_Result answer_begin(struct http_connection *connection, struct http_answer answer)
{
	http_connection_phase(connection, HTTP_ANSWERING, answer.bytes);
	return http_answer_send(connection->listener->http, &connection->request, answer);
}

/* The first call for a request comes with its headers. A refusal goes out at once, and libmicrohttpd closes the
 * connection after it; other answers wait for the next call. */
static enum MHD_Result request_begin(struct http_connection *connection, const char *method, const char *version)
{
	struct http *http = connection->listener->http;
	struct http_request *request = &connection->request;
	request->path = path_find(http, request->url);
	enum http_canned complaint = http_request_read(request, method, version);
	if (complaint == HTTP_FINE && connection->surplus && request->path != HTTP_PATH_HEALTH) {
		complaint = HTTP_CANNED_FULL;
		mstat_add_relaxed(&http->closes[HTTP_CLOSE_LIMIT], 1);
	}
	if (complaint == HTTP_FINE)
		return MHD_YES;
	return answer_begin(connection, http_answer_canned(http, complaint));
}

enum MHD_Result http_handle(void *context, struct MHD_Connection *connection, const char *url, const char *method,
			    const char *version, const char *upload_data, size_t *upload_data_size,
			    void **request_context)
{
	(void)upload_data;
	struct http_listener *listener = context;
	struct http_connection *own = http_connection_of(connection);
	if (!own)
		return MHD_NO;
	struct http_request *request = &own->request;
	if (!*request_context) {
		*request_context = own;
		request->connection = connection;
		request->listener = listener;
		request->url = url;
		return request_begin(own, method, version);
	}
	if (*upload_data_size) {
		*upload_data_size = 0; /* there should be none */
		return MHD_YES;
	}
	struct http_answer answer;
	if (request->answered) {
		answer = request->answer;
		request->answer = (struct http_answer){.response = NULL};
	} else {
		http_connection_phase(own, HTTP_WORKING, 0);
		answer = answer_admitted(listener->http, request);
	}
	return answer.response ? answer_begin(own, answer) : MHD_YES;
}

void http_complete(void *context, struct MHD_Connection *connection, void **request_context,
		   enum MHD_RequestTerminationCode code)
{
	(void)context;
	(void)connection;
	(void)code;
	struct http_connection *own = *request_context;
	if (!own)
		return;
	/* What is left when the client went away before its answer was there. */
	http_answer_drop(&own->request.answer);
	filter_free(own->request.filter);
	own->request.filter = NULL;
	own->request.answered = false;
	http_check_free(own->request.check);
	own->request.check = NULL;
	own->request.counted = own->request.admitted = false;
	mstat_store_relaxed(&own->served, true);
	http_connection_phase(own, HTTP_READING, 0);
}
