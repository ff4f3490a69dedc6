/* SPDX-License-Identifier: MIT */
/* From a request to a question: headers are checked, since libmicrohttpd lets pass what a proxy in front of it may
 * understand in another way, and then read once. */
#include "http_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TIMEOUT_S_MAX 3600.0
#define MARGIN_S 0.2
#define GAP_BYTES_MAX 4096
/* More parameters than this do not fit into libmicrohttpd's memory for a connection, and it would never answer. */
#define PARAMETERS_MAX 150u

/* What the headers say together. */
struct scan {
	struct http_request *request;
	unsigned lengths;
	unsigned codings;
	unsigned hosts;
	bool chunked;
	bool body; /* Content-Length is not 0, or one is announced by Expect */
	/* Where the last piece ended that libmicrohttpd has shown. It ends texts where a NUL is, and shows nothing of
	 * what follows: between two pieces nothing may lie that means anything. NULL where it is not known. */
	const char *shown_end;
	enum http_canned complaint;
};

/* RFC 9110, 5.6.2: what a header's name is made of. */
static bool token_valid(const char *text, size_t len)
{
	static const bool valid[256] = {
		['!'] = true,         ['#' ... '\''] = true, ['*'] = true,         ['+'] = true,
		['-'] = true,         ['.'] = true,          ['0' ... '9'] = true, ['A' ... 'Z'] = true,
		['^' ... 'z'] = true, ['|'] = true,          ['~'] = true,
	};
	for (size_t i = 0; i < len; i++)
		if (!valid[(unsigned char)text[i]])
			return false;
	return len;
}

/* No control character but the tab. */
static bool value_valid(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)text[i] < ' ' && text[i] != '\t') || text[i] == 127)
			return false;
	return true;
}

/* A name or an address, perhaps in brackets, and perhaps a port: it is shown to others at /sd. */
static bool host_valid(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const char c = text[i];
		const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!plain && !strchr("-._:[]", c))
			return false;
	}
	return true;
}

/* Whether only what separates headers lies between them: blanks, and ends of lines, which have become NULs. */
static bool gap_valid(const char *from, const char *to)
{
	if (to < from || to - from > GAP_BYTES_MAX)
		return false; /* the pieces were moved: a folded line */
	for (; from < to; from++)
		if (*from && !strchr(" \t\r\n", *from))
			return false;
	return true;
}

static bool length_valid(const char *text, size_t len)
{
	return len && len <= 18 && strspn(text, "0123456789") == len;
}

/* The deadline of a collection, from what the scraper is ready to wait; 0: it does not say. */
static int64_t timeout_parse(const char *text)
{
	char *end;
	const double timeout_s = strtod(text, &end);
	if (end == text || *end || !(timeout_s > 0 && timeout_s <= TIMEOUT_S_MAX))
		return 0;
	const double margin_s = timeout_s / 10 < MARGIN_S ? timeout_s / 10 : MARGIN_S;
	return (int64_t)((timeout_s - margin_s) * 1e9);
}

static bool name_is(const char *name, size_t len, const char *word, size_t word_len)
{
	return len == word_len && !strncasecmp(name, word, len);
}
#define NAME_IS(name, len, word) name_is((name), (len), (word), sizeof(word) - 1)

static void header_read(struct scan *scan, const char *name, size_t name_len, const char *value, size_t len)
{
	struct http_request *request = scan->request;
	const bool page = request->path == HTTP_PATH_METRICS || request->path == HTTP_PATH_SERVICE;
	if (NAME_IS(name, name_len, "Host")) {
		scan->hosts++;
		request->host = value;
		if (!host_valid(value, len))
			scan->complaint = HTTP_CANNED_BAD_HOST;
	} else if (page && NAME_IS(name, name_len, "Accept")) {
		negotiate_accept(&request->negotiation, value, len);
	} else if (page && NAME_IS(name, name_len, "Accept-Encoding")) {
		negotiate_accept_encoding(&request->negotiation, value, len);
	} else if (NAME_IS(name, name_len, "X-Prometheus-Scrape-Timeout-Seconds")) {
		request->deadline_ns = timeout_parse(value);
	} else if (NAME_IS(name, name_len, "Content-Length")) {
		scan->lengths++;
		scan->body = scan->body || strspn(value, "0") != len;
		if (!length_valid(value, len))
			scan->complaint = HTTP_CANNED_BAD_LENGTH;
	} else if (NAME_IS(name, name_len, "Expect")) {
		scan->body = true;
	} else if (NAME_IS(name, name_len, "Transfer-Encoding")) {
		scan->codings++;
		scan->chunked = NAME_IS(value, len, "chunked");
	}
}

static enum MHD_Result header_take(void *context, enum MHD_ValueKind kind, const char *name, size_t name_len,
				   const char *value, size_t value_len)
{
	struct scan *scan = context;
	(void)kind;
	if (!value)
		value = "";
	const bool whole = !scan->shown_end || gap_valid(scan->shown_end, name);
	if (scan->shown_end)
		scan->shown_end = value_len ? value + value_len : name + name_len;
	if (whole && token_valid(name, name_len) && value_valid(value, value_len))
		header_read(scan, name, name_len, value, value_len);
	else
		scan->complaint = HTTP_CANNED_BAD_HEADER;
	return scan->complaint == HTTP_FINE ? MHD_YES : MHD_NO;
}

static bool method_allowed(const char *method)
{
	return !strcmp(method, MHD_HTTP_METHOD_GET) || !strcmp(method, MHD_HTTP_METHOD_HEAD);
}

/* Whether one blank each lies between method, target and version. */
static bool line_whole(const struct http_request *request, const char *method, const char *version)
{
	return request->url == method + strlen(method) + 1 && version == request->uri_end + 1;
}

/* The request begins with its method. */
static const char *headers_end(struct MHD_Connection *connection, const char *method)
{
	return method + MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)->header_size;
}

enum http_canned http_request_read(struct http_request *request, const char *method, const char *version)
{
	struct scan scan = {.request = request, .complaint = HTTP_FINE};
	const bool pieces_known = request->listener->http->pieces_known;
	const bool old = !strcmp(version, "HTTP/1.0");
	request->negotiation = (struct negotiation)NEGOTIATION_INIT;
	request->host = NULL;
	request->deadline_ns = 0;
	if (!old && strcmp(version, "HTTP/1.1"))
		return HTTP_CANNED_BAD_VERSION;
	if (*request->url != '/' || request->uri_bad || (pieces_known && !line_whole(request, method, version)))
		return HTTP_CANNED_BAD_TARGET;
	if (pieces_known)
		scan.shown_end = version + strlen(version);
	MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, header_take, &scan);
	if (scan.complaint != HTTP_FINE)
		return scan.complaint;
	if (pieces_known && !gap_valid(scan.shown_end, headers_end(request->connection, method)))
		return HTTP_CANNED_BAD_HEADER;
	if (scan.hosts > 1 || (!old && !scan.hosts))
		return HTTP_CANNED_BAD_HOST;
	if (scan.lengths > 1)
		return HTTP_CANNED_BAD_LENGTH;
	if (scan.codings && (old || scan.codings > 1 || scan.lengths || !scan.chunked))
		return HTTP_CANNED_BAD_CODING;
	if (!method_allowed(method))
		return HTTP_CANNED_METHOD;
	return scan.body || scan.codings ? HTTP_CANNED_BODY : HTTP_FINE;
}

bool http_request_pieces_known(void)
{
	return !strcmp(MHD_get_version(), "0.9.75");
}

/* No blank, no control character, and none that decoding would make the end of the text. */
static bool uri_valid(const char *uri)
{
	for (const char *at = uri; *at; at++)
		if ((unsigned char)*at <= ' ' || *at == 127)
			return false;
	return !strstr(uri, "%00");
}

void *http_request_uri(void *context, const char *uri, struct MHD_Connection *connection)
{
	static const char refusal[] = "HTTP/1.1 414 URI Too Long\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
	(void)context;
	struct http_connection *own = http_connection_of(connection);
	unsigned parameters = 0;
	if (!own)
		return NULL;
	for (const char *at = uri; (at = strchr(at, '&')); at++)
		parameters++;
	own->request.uri_end = uri + strlen(uri);
	own->request.uri_bad = !uri_valid(uri);
	if (parameters > PARAMETERS_MAX) {
		if (!own->listener->tls)
			(void)send(own->fd, refusal, sizeof(refusal) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		shutdown(own->fd, SHUT_RDWR);
	}
	return NULL;
}

/* ---- parameters ------------------------------------------------------------------------------------------------- */

struct parameters {
	const struct http *http;
	struct http_request *request;
	bool include; /* collect[] was there */
	bool exclude;
	enum http_canned complaint;
};

static void complain_of_collector(struct parameters *parameters, const char *key, const char *name)
{
	char *text;
	const int len =
		asprintf(&text, "%s=%.200s: no collector that runs here has this name; see --help.\n", key, name);
	parameters->complaint = HTTP_CANNED_MEMORY;
	if (len < 0)
		return;
	parameters->request->answer =
		http_answer_owned(parameters->http, HTTP_CODE_400, text, (size_t)len, "text/plain; charset=utf-8");
}

static void name_add(struct parameters *parameters, const char *name)
{
	struct http_request *request = parameters->request;
	if (!request->filter)
		request->filter = filter_new();
	const int r = request->filter ? filter_add_name(request->filter, name) : -ENOMEM;
	if (r)
		parameters->complaint = r == -ENOMEM ? HTTP_CANNED_MEMORY : HTTP_CANNED_BAD_NAMES;
}

static enum MHD_Result parameter_take(void *context, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct parameters *parameters = context;
	const struct http_options *options = &parameters->http->options;
	(void)kind;
	if (!value)
		value = "";
	if (!strcmp(key, "name[]")) {
		name_add(parameters, value);
	} else if (!strcmp(key, "collect[]") || !strcmp(key, "exclude[]")) {
		parameters->include = parameters->include || *key == 'c';
		parameters->exclude = parameters->exclude || *key == 'e';
		if (!options->collector_find(options->context, value, &parameters->request->collectors))
			complain_of_collector(parameters, key, value);
	}
	return parameters->complaint == HTTP_FINE ? MHD_YES : MHD_NO;
}

static void collectors_invert(struct page_collectors *collectors)
{
	for (size_t i = 0; i < sizeof(collectors->bits) / sizeof(*collectors->bits); i++)
		collectors->bits[i] = ~collectors->bits[i];
}

enum http_canned http_request_question(const struct http *http, struct http_request *request)
{
	struct parameters parameters = {.http = http, .request = request, .complaint = HTTP_FINE};
	const struct negotiation *negotiation = &request->negotiation;
	request->collectors = (struct page_collectors){0};
	MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, parameter_take, &parameters);
	if (parameters.complaint != HTTP_FINE)
		return parameters.complaint;
	if (parameters.include && parameters.exclude)
		return HTTP_CANNED_BAD_CHOICE;
	if (parameters.exclude)
		collectors_invert(&request->collectors);
	if (request->path == HTTP_PATH_SERVICE) {
		if (!request->filter)
			request->filter = filter_new();
		if (!request->filter ||
		    filter_set_service(request->filter, request->url + strlen(http->service_prefix)))
			return HTTP_CANNED_MEMORY;
	}
	request->question = (struct page_question){
		.format = negotiation->format,
		.escaping = negotiation->escaping,
		.created = http->options.created,
		.encoding = negotiated_encoding(negotiation),
		.collection = {.collectors = parameters.include || parameters.exclude ? &request->collectors : NULL,
			       .deadline_ns = request->deadline_ns},
		.filter = request->filter ? filter_format(request->filter) : NULL,
	};
	return HTTP_FINE;
}
