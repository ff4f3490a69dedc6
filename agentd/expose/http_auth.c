/* SPDX-License-Identifier: MIT */
/* The thread that checks passwords, one after another: bcrypt is slow on purpose, and nothing else may wait for it.
 * Connections are suspended meanwhile. What has been checked before is known at once.
 *
 * A check holds its credentials until the request is over: when the configuration has changed meanwhile, they are
 * checked once more against the new one. */
#include "http_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Requests with passwords not seen before. More of them is a flood of guesses. */
#define CHECKS_MAX 64u

static void *auth_run(void *context);

int http_auth_init(struct http *http)
{
	struct http_auth *auth = &http->auth;
	pthread_attr_t attributes;
	auth->cache = auth_cache_new();
	if (!auth->cache)
		return -ENOMEM;
	pthread_cond_init(&auth->changed, NULL);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, HTTP_STACK_BYTES);
	const int r = pthread_create(&auth->thread, &attributes, auth_run, http);
	pthread_attr_destroy(&attributes);
	auth->started = !r;
	return -r;
}

void http_auth_fini(struct http *http)
{
	struct http_auth *auth = &http->auth;
	if (!auth->cache)
		return;
	if (auth->started) {
		pthread_mutex_lock(&http->work.lock);
		auth->stopping = true;
		pthread_cond_signal(&auth->changed);
		pthread_mutex_unlock(&http->work.lock);
		pthread_join(auth->thread, NULL);
	}
	pthread_cond_destroy(&auth->changed);
	auth_cache_free(auth->cache);
}

void http_check_free(struct http_check *check)
{
	if (!check)
		return;
	explicit_bzero(check, sizeof(*check));
	free(check);
}

/* ---- the thread ------------------------------------------------------------------------------------------------- */

static struct http_check *check_take(struct http *http)
{
	struct http_auth *auth = &http->auth;
	while (!auth->first && !auth->stopping)
		pthread_cond_wait(&auth->changed, &http->work.lock);
	struct http_check *check = auth->first;
	if (!check)
		return NULL;
	auth->first = check->next;
	if (!auth->first)
		auth->last = NULL;
	return check;
}

/* Somebody may have asked the same meanwhile. */
static void check_decide(struct http *http, struct http_check *check)
{
	struct auth_cache *cache = http->auth.cache;
	check->outcome = auth_cache_find(cache, &check->key);
	if (check->outcome != AUTH_UNDECIDED)
		return;
	const bool good = auth_verify(check->hash, auth_password(&check->credentials));
	check->outcome = good ? AUTH_GRANTED : AUTH_DENIED;
	auth_cache_add(cache, &check->key, good);
}

static void *auth_run(void *context)
{
	struct http *http = context;
	struct http_work *work = &http->work;
	struct http_check *check;
	pthread_mutex_lock(&work->lock);
	while ((check = check_take(http))) {
		struct http_listener *listener = check->request->listener;
		const bool closing = listener->closing;
		pthread_mutex_unlock(&work->lock);
		if (!closing) /* else nobody waits for the answer, but the place does for us */
			check_decide(http, check);
		/* From here on the check belongs to its connection's thread again; libmicrohttpd's lock orders it. */
		MHD_resume_connection(check->request->connection);
		pthread_mutex_lock(&work->lock);
		http->auth.waiting--;
		if (!--listener->waiting && listener->closing)
			pthread_cond_broadcast(&work->changed);
	}
	pthread_mutex_unlock(&work->lock);
	return NULL;
}

static enum http_canned check_submit(struct http *http, struct http_check *check)
{
	struct http_auth *auth = &http->auth;
	struct http_request *request = check->request;
	enum http_canned complaint = HTTP_FINE;
	pthread_mutex_lock(&http->work.lock);
	if (request->listener->closing) {
		complaint = HTTP_CANNED_STOPPING;
	} else if (auth->waiting >= CHECKS_MAX) {
		complaint = HTTP_CANNED_CHECKS;
	} else {
		/* With the lock, so that it cannot be resumed before it is suspended. */
		MHD_suspend_connection(request->connection);
		if (auth->last)
			auth->last->next = check;
		else
			auth->first = check;
		auth->last = check;
		auth->waiting++;
		request->listener->waiting++;
		pthread_cond_signal(&auth->changed);
	}
	pthread_mutex_unlock(&http->work.lock);
	return complaint;
}

/* ---- requests --------------------------------------------------------------------------------------------------- */

/* Takes the credentials out of the request: they are wiped where they came. */
static bool credentials_take(struct http_request *request, struct auth_credentials *credentials)
{
	const char *value = NULL;
	size_t len = 0;
	if (MHD_lookup_connection_value_n(request->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION,
					  strlen(MHD_HTTP_HEADER_AUTHORIZATION), &value, &len) != MHD_YES ||
	    !value)
		return false;
	const bool good = auth_credentials_parse(value, len, credentials);
	/* They lie in memory of the connection, which outlives the request. */
	explicit_bzero((char *)value, len);
	return good;
}

/* What is known of a check's credentials under a configuration. */
static enum auth_outcome outcome_find(struct http *http, const struct web_config *config, struct http_check *check)
{
	const char *name = auth_user(&check->credentials);
	const struct web_user *user = web_config_user(config, name);
	const char *hash = user ? user->hash : config->decoy_hash;
	struct auth_key key;
	enum auth_outcome outcome = AUTH_DENIED;
	if (auth_key_make(http->auth.cache, name, hash, auth_password(&check->credentials), &key))
		return AUTH_DENIED;
	if (check->outcome != AUTH_UNDECIDED && auth_key_equal(&key, &check->key)) {
		outcome = check->outcome;
	} else {
		outcome = auth_cache_find(http->auth.cache, &key);
		check->key = key;
		check->outcome = AUTH_UNDECIDED;
		memcpy(check->hash, hash, sizeof(check->hash));
	}
	/* Whoever is unknown is denied, but only after the same work. */
	return outcome == AUTH_GRANTED && !user ? AUTH_DENIED : outcome;
}

static enum http_canned check_begin(struct http *http, struct http_request *request, const struct http_check *check)
{
	if (!request->check)
		request->check = malloc(sizeof(*request->check));
	if (!request->check)
		return HTTP_CANNED_MEMORY;
	if (request->check != check)
		*request->check = *check;
	request->check->request = request;
	request->check->next = NULL;
	return check_submit(http, request->check);
}

enum http_canned http_auth_admit(struct http *http, struct http_request *request, const struct web_config *config,
				 bool *waits)
{
	struct http_check fresh = {.outcome = AUTH_UNDECIDED};
	struct http_check *check = request->check ? request->check : &fresh;
	enum http_canned complaint = HTTP_CANNED_UNAUTHORIZED;
	if (check == &fresh && !credentials_take(request, &fresh.credentials))
		goto out;
	switch (outcome_find(http, config, check)) {
	case AUTH_GRANTED:
		complaint = HTTP_FINE;
		break;
	case AUTH_UNDECIDED:
		complaint = check_begin(http, request, check);
		*waits = complaint == HTTP_FINE;
		break;
	default:
		break;
	}
out:
	explicit_bzero(&fresh, sizeof(fresh));
	return complaint;
}
