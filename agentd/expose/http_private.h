/* SPDX-License-Identifier: MIT */
/* What the files of the HTTP server share.
 *
 *   http.c              routes
 *   http_request.c      from the bytes of a request to a question
 *   http_answer.c       responses
 *   http_work.c         the thread that makes pages
 *   http_connections.c  limits and deadlines
 *   http_listen.c       sockets and libmicrohttpd's daemons
 *   http_web.c          the web configuration: who may come in
 *   http_auth.c         the thread that checks passwords
 */
#ifndef AGENTD_EXPOSE_HTTP_PRIVATE_H
#define AGENTD_EXPOSE_HTTP_PRIVATE_H

#include <microhttpd.h>
#include <pthread.h>

#include "filter.h"
#include "http.h"
#include "listen.h"
#include "negotiate.h"
#include "tls.h"
#include "web_config.h"

/* Only touched pages of a stack cost memory; a collection runs on it. */
#define HTTP_STACK_BYTES ((size_t)256 * 1024)

enum http_canned {
#define HTTP_CANNED(name, code, closes, text) HTTP_CANNED_##name,
#include "http.def"
#undef HTTP_CANNED
	HTTP_CANNED_COUNT
};
#define HTTP_FINE HTTP_CANNED_COUNT /* where a complaint may stand: there is none */

/* One socket with its thread. */
struct http_listener {
	struct listen_place asked; /* its identity: the port may be 0 */
	struct listen_place bound;
	struct MHD_Daemon *daemon;
	struct http *http;
	unsigned waiting; /* requests that the work has; under its lock */
	bool closing;     /* under the work's lock */
	bool loopback;
	bool tls;   /* what `daemon` speaks */
	int socket; /* -1: `daemon` has it; else there is no daemon, for it could not be started again */
};

/* An answer on its way. */
struct http_answer {
	enum http_code code;
	struct MHD_Response *response; /* NULL: none */
	const struct page *page;       /* whose carrier the response is, with a reference; or NULL */
	bool shared;                   /* the response belongs to the page or to the server */
	uint64_t bytes;                /* of a page */
};

/* One request; part of its connection, so that a request allocates nothing. */
struct http_request {
	struct MHD_Connection *connection;
	struct http_listener *listener;
	enum http_path path;
	const char *url;     /* decoded, without parameters */
	const char *uri_end; /* of the bytes that it was made of */
	bool uri_bad;
	/* From the headers. */
	struct negotiation negotiation;
	const char *host; /* NULL: none, or not one */
	int64_t deadline_ns;
	/* For the work. */
	struct http_request *next;
	struct page_question question;
	struct page_collectors collectors;
	struct filter *filter;
	struct http_answer answer;
	bool answered;
	/* For the guard. */
	bool counted; /* by the rate limit */
	bool admitted;
	struct http_check *check; /* of its password; NULL: none */
};

enum http_phase {
	HTTP_READING,   /* waits for (the rest of) a request */
	HTTP_WORKING,   /* has a request that is being worked on */
	HTTP_ANSWERING, /* an answer is on its way out */
	HTTP_CLOSING,   /* shut down by us */
};

struct http_connection {
	struct http_connection *previous; /* older */
	struct http_connection *next;     /* younger */
	struct http_listener *listener;
	int fd;
	uint8_t client[16]; /* IPv4 as mapped, the first 8 bytes of IPv6 */
	bool surplus;       /* came beyond the limit */
	/* Written by the connection's thread, read by the timer; relaxed. */
	uint8_t phase;
	bool served; /* has had an answer */
	int64_t since_ns;
	uint64_t answer_bytes;
	struct http_request request;
	struct web_config *web; /* of the TLS session, with a reference; or NULL */
	struct tls_peer peer;
};

struct http_connections {
	pthread_mutex_t lock;
	struct http_connection *oldest;
	struct http_connection *youngest;
	unsigned count;
	unsigned max;
};

struct http_work {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct http_request *first;
	struct http_request *last;
	unsigned waiting;
	bool started;
	bool stopping;
	pthread_t thread;
};

/* The web configuration. */
struct http_web {
	char *path; /* NULL: there is none, and nothing else here counts */
	pthread_mutex_t lock;
	struct web_config *config; /* NULL: the file is bad. Under the lock. */
	/* Of the thread that listens: */
	bool tls; /* whether places speak TLS: as the last good configuration had it */
	struct web_stamps stamps;
	char *reason; /* why the file is bad */
	bool told;
};

/* A password that is being checked. */
struct http_check {
	struct auth_credentials credentials;
	char hash[AUTH_HASH_BYTES];
	struct auth_key key;
	enum auth_outcome outcome;
	struct http_check *next;
	struct http_request *request;
};

/* Guarded by the work's lock, since places wait for both before they close. */
struct http_auth {
	struct auth_cache *cache;
	pthread_cond_t changed;
	struct http_check *first;
	struct http_check *last;
	unsigned waiting;
	bool started;
	bool stopping;
	pthread_t thread;
};

struct http {
	struct http_options options; /* texts owned */
	char *service_prefix;        /* of the paths of services */
	struct http_listener **listeners;
	size_t count;
	struct http_connections connections;
	struct http_work work;
	struct http_web web;
	struct http_auth auth;
	bool pieces_known; /* see http_request_pieces_known() */
	struct MHD_Response *canned[HTTP_CANNED_COUNT];
	uint64_t responses[HTTP_PATH_COUNT][HTTP_CODE_COUNT];
	uint64_t closes[HTTP_CLOSE_COUNT];
};

/* ---- http.c */

enum MHD_Result http_handle(void *listener, struct MHD_Connection *connection, const char *url, const char *method,
			    const char *version, const char *upload_data, size_t *upload_data_size,
			    void **request_context);
/* The end of a request, whatever became of it. */
void http_complete(void *listener, struct MHD_Connection *connection, void **request_context,
		   enum MHD_RequestTerminationCode code);

/* ---- http_request.c */

/* libmicrohttpd's callback, before anything of a request is taken apart. */
void *http_request_uri(void *listener, const char *uri, struct MHD_Connection *connection);

/* Whether this libmicrohttpd shows the pieces of a request where they came, in one buffer: then what it passes over in
 * silence can be seen. Later versions refuse a NUL themselves. */
bool http_request_pieces_known(void);

/* Reads the request line and the headers: HTTP_FINE, or what there is to complain of. */
enum http_canned http_request_read(struct http_request *request, const char *method, const char *version);

/* Makes the question of a page from headers and parameters. HTTP_FINE; or the answer is in *complaint, or made. */
enum http_canned http_request_question(const struct http *http, struct http_request *request);

/* ---- http_answer.c */

int http_canned_init(struct http *http);
void http_canned_fini(struct http *http);
struct http_answer http_answer_canned(const struct http *http, enum http_canned canned);
/* `body` is malloc'ed; the answer takes it over. */
struct http_answer http_answer_owned(const struct http *http, enum http_code code, char *body, size_t len,
				     const char *content_type);
/* Takes the reference to the page over. */
struct http_answer http_answer_page(const struct page *page);
/* Hands it to libmicrohttpd and counts it. */
enum MHD_Result http_answer_send(struct http *http, struct http_request *request, struct http_answer answer);
void http_answer_drop(struct http_answer *answer);
/* Gives an answer a response of its own, which can be added to. False when out of memory: it says so then. */
bool http_answer_own(const struct http *http, struct http_answer *answer);

/* ---- http_work.c */

int http_work_init(struct http *http);
void http_work_fini(struct http *http);
/* Has the request answered by the work's thread: suspends its connection until then. HTTP_FINE, or why not. */
enum http_canned http_work_submit(struct http *http, struct http_request *request);
/* Takes no more requests of this listener and waits until all it had are answered. */
void http_work_drain(struct http *http, struct http_listener *listener);
/* What the thread does: on http.c's side. */
struct http_answer http_work_answer(struct http *http, struct http_request *request);

/* ---- http_listen.c */

/* Has each place speak TLS or not, as the web configuration wants it. */
void http_listeners_follow(struct http *http);

/* ---- http_web.c */

int http_web_init(struct http *http);
void http_web_fini(struct http *http);
/* The configuration with a reference; NULL: the file is bad. Only where there is a file. */
struct web_config *http_web_get(struct http *http);
/* Begins and ends what TLS needs of a connection. */
void http_web_connect(struct http_connection *own, struct MHD_Connection *connection);
void http_web_disconnect(struct http_connection *own, struct MHD_Connection *connection);
/* Whether a request may be answered: HTTP_FINE, or the complaint; *waits: its connection is suspended until that is
 * known. */
enum http_canned http_web_admit(struct http *http, struct http_request *request, bool *waits);
/* Adds the configured headers to an answer. */
void http_web_dress(struct http *http, struct http_answer *answer);

/* ---- http_auth.c */

int http_auth_init(struct http *http);
void http_auth_fini(struct http *http); /* before http_work_fini() */
enum http_canned http_auth_admit(struct http *http, struct http_request *request, const struct web_config *config,
				 bool *waits);
void http_check_free(struct http_check *check); /* wipes */

/* ---- http_connections.c */

void http_connections_init(struct http *http);
void http_connections_fini(struct http *http);
struct http_connection *http_connection_of(struct MHD_Connection *connection); /* NULL: there was no memory for it */
/* libmicrohttpd's callbacks. */
enum MHD_Result http_connection_accept(void *listener, const struct sockaddr *address, socklen_t address_len);
void http_connection_notify(void *listener, struct MHD_Connection *connection, void **socket_context,
			    enum MHD_ConnectionNotificationCode code);
void http_connection_phase(struct http_connection *connection, enum http_phase phase, uint64_t answer_bytes);
/* The most that libmicrohttpd must be able to take. */
unsigned http_connections_hard_max(const struct http *http);

#endif
