/* SPDX-License-Identifier: MIT */
/* Responses: canned ones are made once in the life of the server, pages once in the life of a page. */
#include "http_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <mstat/atomic.h>

static const struct {
	enum http_code code;
	bool closes;
	const char *text;
} canned_answers[HTTP_CANNED_COUNT] = {
#define HTTP_CANNED(name, code, closes, text) {HTTP_CODE_##code, closes, text},
#include "http.def"
#undef HTTP_CANNED
};

static const unsigned code_numbers[HTTP_CODE_COUNT] = {
#define HTTP_CODE(code) code,
#include "http.def"
#undef HTTP_CODE
};

unsigned http_code_number(enum http_code code)
{
	return code_numbers[code];
}

static bool header_add(struct MHD_Response *response, const char *name, const char *value)
{
	return MHD_add_response_header(response, name, value) == MHD_YES;
}

static bool response_describe(struct MHD_Response *response, const char *content_type)
{
	return header_add(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type) &&
	       header_add(response, "X-Content-Type-Options", "nosniff");
}

/* Takes a malloc'ed body over, also on failure. */
static struct MHD_Response *response_new(const char *body, size_t len, enum MHD_ResponseMemoryMode mode,
					 const char *content_type)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(len, (void *)body, mode);
	if (response && response_describe(response, content_type))
		return response;
	if (response)
		MHD_destroy_response(response);
	else if (mode == MHD_RESPMEM_MUST_FREE)
		free((char *)body);
	return NULL;
}

/* ---- canned ----------------------------------------------------------------------------------------------------- */

static struct MHD_Response *canned_new(enum http_canned canned)
{
	const char *text = canned_answers[canned].text;
	struct MHD_Response *response =
		response_new(text, strlen(text), MHD_RESPMEM_PERSISTENT,
			     canned == HTTP_CANNED_HEALTH ? "application/json" : "text/plain; charset=utf-8");
	bool ok = response;
	if (ok && canned_answers[canned].closes)
		ok = header_add(response, MHD_HTTP_HEADER_CONNECTION, "close");
	if (ok && canned == HTTP_CANNED_METHOD)
		ok = header_add(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	if (ok && canned == HTTP_CANNED_UNAUTHORIZED)
		ok = header_add(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
				"Basic realm=\"mstatd\", charset=\"UTF-8\"");
	if (ok || !response)
		return response;
	MHD_destroy_response(response);
	return NULL;
}

int http_canned_init(struct http *http)
{
	for (int i = 0; i < HTTP_CANNED_COUNT; i++) {
		http->canned[i] = canned_new((enum http_canned)i);
		if (!http->canned[i])
			return -ENOMEM;
	}
	return 0;
}

void http_canned_fini(struct http *http)
{
	for (int i = 0; i < HTTP_CANNED_COUNT; i++)
		if (http->canned[i])
			MHD_destroy_response(http->canned[i]);
}

struct http_answer http_answer_canned(const struct http *http, enum http_canned canned)
{
	return (struct http_answer){
		.code = canned_answers[canned].code, .response = http->canned[canned], .shared = true};
}

/* ---- others ----------------------------------------------------------------------------------------------------- */

struct http_answer http_answer_owned(const struct http *http, enum http_code code, char *body, size_t len,
				     const char *content_type)
{
	struct MHD_Response *response = response_new(body, len, MHD_RESPMEM_MUST_FREE, content_type);
	if (!response)
		return http_answer_canned(http, HTTP_CANNED_MEMORY);
	return (struct http_answer){.code = code, .response = response};
}

static bool page_describe(struct MHD_Response *response, const struct page *page)
{
	const bool plain = page->encoding == ENCODING_IDENTITY;
	return header_add(response, MHD_HTTP_HEADER_VARY, "Accept, Accept-Encoding") &&
	       (plain || header_add(response, MHD_HTTP_HEADER_CONTENT_ENCODING, encoding_token(page->encoding)));
}

void *http_carrier_new(const struct page *page)
{
	struct MHD_Response *response = response_new(page->body, page->len, MHD_RESPMEM_MUST_FREE, page->content_type);
	if (!response)
		return NULL;
	if (page_describe(response, page))
		return response;
	MHD_destroy_response(response);
	return NULL;
}

void http_carrier_free(void *carrier)
{
	MHD_destroy_response(carrier);
}

struct http_answer http_answer_page(const struct page *page)
{
	return (struct http_answer){
		.code = HTTP_CODE_200, .response = page->carrier, .page = page, .shared = true, .bytes = page->len};
}

/* Gives back what the answer has of its own. libmicrohttpd counts references to responses: one that it was handed
 * lives until it has been sent. */
void http_answer_drop(struct http_answer *answer)
{
	if (answer->response && !answer->shared)
		MHD_destroy_response(answer->response);
	page_put(answer->page);
	*answer = (struct http_answer){.response = NULL};
}

static void page_release(void *page)
{
	page_put(page);
}

/* A response over a page's body, which holds the page. Takes the reference over, also on failure. */
static struct MHD_Response *page_response_new(const struct page *page)
{
	struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
		page->len, (void *)page->body, page_release, (void *)page);
	if (!response) {
		page_put(page);
		return NULL;
	}
	if (response_describe(response, page->content_type) && page_describe(response, page))
		return response;
	MHD_destroy_response(response);
	return NULL;
}

static struct MHD_Response *canned_again(const struct http *http, const struct MHD_Response *response)
{
	int i = 0;
	while (i < HTTP_CANNED_COUNT && http->canned[i] != response)
		i++;
	return i < HTTP_CANNED_COUNT ? canned_new((enum http_canned)i) : NULL;
}

bool http_answer_own(const struct http *http, struct http_answer *answer)
{
	if (!answer->shared)
		return true;
	struct MHD_Response *own =
		answer->page ? page_response_new(answer->page) : canned_again(http, answer->response);
	if (own)
		*answer = (struct http_answer){.code = answer->code, .response = own, .bytes = answer->bytes};
	else
		*answer = http_answer_canned(http, HTTP_CANNED_MEMORY);
	return own;
}

enum MHD_Result http_answer_send(struct http *http, struct http_request *request, struct http_answer answer)
{
	if (http->web.path)
		http_web_dress(http, &answer);
	const enum MHD_Result r = MHD_queue_response(request->connection, code_numbers[answer.code], answer.response);
	if (r == MHD_YES)
		mstat_add_relaxed(&http->responses[request->path][answer.code], 1);
	http_answer_drop(&answer);
	return r;
}
