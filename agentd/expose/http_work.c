/* SPDX-License-Identifier: MIT */
/* The thread that makes pages. Threads of libmicrohttpd hand requests over and suspend their connections, so that they
 * never wait themselves; this one waits for collections. One is enough: collections come one after another anyway. */
#include "http_private.h"

#include <errno.h>

static void *work_run(void *context);

int http_work_init(struct http *http)
{
	struct http_work *work = &http->work;
	pthread_attr_t attributes;
	pthread_mutex_init(&work->lock, NULL);
	pthread_cond_init(&work->changed, NULL);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, HTTP_STACK_BYTES);
	const int r = pthread_create(&work->thread, &attributes, work_run, http);
	pthread_attr_destroy(&attributes);
	work->started = !r;
	return -r;
}

void http_work_fini(struct http *http)
{
	struct http_work *work = &http->work;
	if (work->started) {
		pthread_mutex_lock(&work->lock);
		work->stopping = true;
		pthread_cond_broadcast(&work->changed);
		pthread_mutex_unlock(&work->lock);
		pthread_join(work->thread, NULL);
	}
	pthread_cond_destroy(&work->changed);
	pthread_mutex_destroy(&work->lock);
}

enum http_canned http_work_submit(struct http *http, struct http_request *request)
{
	struct http_work *work = &http->work;
	enum http_canned complaint = HTTP_FINE;
	pthread_mutex_lock(&work->lock);
	if (request->listener->closing) {
		complaint = HTTP_CANNED_STOPPING;
	} else if (http->options.requests_max && work->waiting >= http->options.requests_max) {
		complaint = HTTP_CANNED_BUSY;
	} else {
		/* With the lock, so that it cannot be resumed before it is suspended. */
		MHD_suspend_connection(request->connection);
		request->next = NULL;
		if (work->last)
			work->last->next = request;
		else
			work->first = request;
		work->last = request;
		work->waiting++;
		request->listener->waiting++;
		pthread_cond_broadcast(&work->changed);
	}
	pthread_mutex_unlock(&work->lock);
	return complaint;
}

void http_work_drain(struct http *http, struct http_listener *listener)
{
	struct http_work *work = &http->work;
	pthread_mutex_lock(&work->lock);
	listener->closing = true;
	while (listener->waiting)
		pthread_cond_wait(&work->changed, &work->lock);
	pthread_mutex_unlock(&work->lock);
}

static struct http_request *work_take(struct http_work *work)
{
	while (!work->first && !work->stopping)
		pthread_cond_wait(&work->changed, &work->lock);
	struct http_request *request = work->first;
	if (!request)
		return NULL;
	work->first = request->next;
	if (!work->first)
		work->last = NULL;
	return request;
}

static void *work_run(void *context)
{
	struct http *http = context;
	struct http_work *work = &http->work;
	struct http_request *request;
	pthread_mutex_lock(&work->lock);
	while ((request = work_take(work))) {
		struct http_listener *listener = request->listener;
		pthread_mutex_unlock(&work->lock);
		request->answer = http_work_answer(http, request);
		request->answered = true;
		/* From here on the request belongs to its connection's thread again; libmicrohttpd's lock orders it. */
		MHD_resume_connection(request->connection);
		pthread_mutex_lock(&work->lock);
		work->waiting--;
		if (!--listener->waiting && listener->closing)
			pthread_cond_broadcast(&work->changed);
	}
	pthread_mutex_unlock(&work->lock);
	return NULL;
}
