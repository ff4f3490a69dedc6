/* SPDX-License-Identifier: MIT */
/* The http_connections families: each connection of a worker is active (serves a request) or idle (waits for one). */
#ifndef DEMO_CONNECTION_H
#define DEMO_CONNECTION_H

#include <microhttpd.h>

/* For MHD_OPTION_NOTIFY_CONNECTION. */
void connection_notify(void *context, struct MHD_Connection *connection, void **state,
		       enum MHD_ConnectionNotificationCode code);

/* A request of this connection begins, ends. Called by the thread that owns the connection. */
void connection_begin(struct MHD_Connection *connection);
void connection_end(struct MHD_Connection *connection);

#endif
