/* SPDX-License-Identifier: MIT */
/* The web configuration at work: who may come in, and what is added to answers. The agent's timer looks whether the
 * file has changed; threads of libmicrohttpd take the configuration that there is by a reference. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <mstat/atomic.h>

#include "http_private.h"

static int64_t clock_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* ---- the configuration that counts ------------------------------------------------------------------------------ */

/* Takes the reference over. */
static void config_exchange(struct http_web *web, struct web_config *config)
{
	pthread_mutex_lock(&web->lock);
	struct web_config *old = web->config;
	web->config = config;
	pthread_mutex_unlock(&web->lock);
	web_config_put(old);
	if (config)
		web->tls = config->tls;
}

static bool texts_equal(const char *one, const char *other)
{
	return one && other ? !strcmp(one, other) : one == other;
}

/* Reads the file; what was read before stays if it is the same. */
static enum http_web_news config_read(struct http_web *web)
{
	struct web_stamps stamps = WEB_STAMPS_INIT;
	struct web_config *config = NULL;
	char *reason = NULL;
	const bool good = !web_config_load(web->path, &stamps, &config, &reason);
	const bool same = good ? web->config && stamps.digest == web->stamps.digest
			       : !web->config && texts_equal(reason, web->reason);
	web_stamps_fini(&web->stamps);
	web->stamps = stamps;
	if (same) {
		web_config_put(config);
		free(reason);
		return HTTP_WEB_SAME;
	}
	free(web->reason);
	web->reason = reason;
	web->told = good;
	config_exchange(web, config);
	return good ? HTTP_WEB_RELOADED : HTTP_WEB_BAD;
}

int http_web_init(struct http *http)
{
	struct http_web *web = &http->web;
	const char *path = http->options.web_config_file;
	if (!path || !*path)
		return 0;
	web->path = strdup(path);
	if (!web->path)
		return -ENOMEM;
	pthread_mutex_init(&web->lock, NULL);
	config_read(web);
	return 0;
}

void http_web_fini(struct http *http)
{
	struct http_web *web = &http->web;
	if (!web->path)
		return;
	web_config_put(web->config);
	web_stamps_fini(&web->stamps);
	pthread_mutex_destroy(&web->lock);
	free(web->reason);
	free(web->path);
}

enum http_web_news http_web_refresh(struct http *http, char **reason)
{
	struct http_web *web = &http->web;
	enum http_web_news news = HTTP_WEB_SAME;
	if (!web->path)
		return news;
	if (web_stamps_changed(&web->stamps))
		news = config_read(web);
	if (!web->told) {
		web->told = true;
		*reason = web->reason ? strdup(web->reason) : NULL;
		news = HTTP_WEB_BAD;
	}
	http_listeners_follow(http);
	return news;
}

struct web_config *http_web_get(struct http *http)
{
	struct http_web *web = &http->web;
	pthread_mutex_lock(&web->lock);
	struct web_config *config = web_config_get(web->config);
	pthread_mutex_unlock(&web->lock);
	return config;
}

/* ---- connections ------------------------------------------------------------------------------------------------ */

static gnutls_session_t session_of(struct MHD_Connection *connection)
{
	return (gnutls_session_t)MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session;
}

void http_web_connect(struct http_connection *own, struct MHD_Connection *connection)
{
	struct http *http = own->listener->http;
	own->web = http_web_get(http);
	if (own->web && own->web->tls) {
		own->peer = (struct tls_peer){.tls = own->web->tls, .refusals = &http->closes[HTTP_CLOSE_CERTIFICATE]};
		if (!tls_session_begin(session_of(connection), &own->peer))
			return;
	}
	shutdown(own->fd, SHUT_RDWR);
	mstat_add_relaxed(&http->closes[HTTP_CLOSE_WEB_CONFIG], 1);
}

void http_web_disconnect(struct http_connection *own, struct MHD_Connection *connection)
{
	tls_session_end(session_of(connection));
	web_config_put(own->web);
}

/* ---- requests --------------------------------------------------------------------------------------------------- */

enum http_canned http_web_admit(struct http *http, struct http_request *request, bool *waits)
{
	struct web_config *config = http_web_get(http);
	enum http_canned complaint = HTTP_FINE;
	/* TLS came while this connection was there, or goes: nothing is said in plain that was to be kept. */
	if (!config || (config->tls && !request->listener->tls))
		complaint = HTTP_CANNED_WEB_CONFIG;
	else if (!request->counted && !rate_limit_take(&config->limit, clock_ns()))
		complaint = HTTP_CANNED_LIMITED;
	else if (config->user_count)
		complaint = http_auth_admit(http, request, config, waits);
	request->counted = true; /* it comes here again after its password was checked */
	web_config_put(config);
	return complaint;
}

static bool headers_add(struct MHD_Response *response, const struct web_config *config)
{
	bool ok = true;
	for (size_t i = 0; i < config->header_count && ok; i++) {
		const struct web_header *header = &config->headers[i];
		if (!MHD_get_response_header(response, header->name) && *header->value)
			ok = MHD_add_response_header(response, header->name, header->value) == MHD_YES;
	}
	return ok;
}

void http_web_dress(struct http *http, struct http_answer *answer)
{
	struct web_config *config = http_web_get(http);
	if (config && config->header_count && http_answer_own(http, answer) && !headers_add(answer->response, config)) {
		http_answer_drop(answer);
		*answer = http_answer_canned(http, HTTP_CANNED_MEMORY);
	}
	web_config_put(config);
}
