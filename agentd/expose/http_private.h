/* SPDX-License-Identifier: MIT */
/* What the two halves of the HTTP server share. */
#ifndef AGENTD_EXPOSE_HTTP_PRIVATE_H
#define AGENTD_EXPOSE_HTTP_PRIVATE_H

#include <microhttpd.h>

#include "http.h"
#include "listen.h"

/* One socket with its threads. */
struct http_listener {
	struct listen_place asked; /* its identity: the port may be 0 */
	struct listen_place bound;
	struct MHD_Daemon *daemon;
};

struct http {
	struct http_options options; /* texts owned */
	struct http_listener *listeners;
	size_t count;
	uint64_t responses[HTTP_PATH_COUNT][HTTP_CODE_COUNT];
};

enum MHD_Result http_handle(void *context, struct MHD_Connection *connection, const char *url, const char *method,
			    const char *version, const char *upload_data, size_t *upload_data_size,
			    void **request_context);

#endif
