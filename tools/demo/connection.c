/* SPDX-License-Identifier: MIT */
/* What a connection does, as gauges and counters. */
#include "connection.h"

#include <stdlib.h>

#include "families.h"

struct connection {
	enum connection_state state;
	bool kept_alive; /* has served a request */
};

static void state_enter(enum connection_state state, bool kept_alive)
{
	mstat_inc(process_metrics.connections[state]);
	if (state == CONNECTION_CLOSED)
		return;
	mstat_gauge_inc(process_metrics.connections_active[state]);
	if (kept_alive)
		mstat_gauge_inc(process_metrics.connections_keepalive[state]);
}

static void state_leave(enum connection_state state, bool kept_alive)
{
	mstat_gauge_dec(process_metrics.connections_active[state]);
	if (kept_alive)
		mstat_gauge_dec(process_metrics.connections_keepalive[state]);
}

void connection_notify(void *context, struct MHD_Connection *mhd, void **state,
		       enum MHD_ConnectionNotificationCode code)
{
	struct connection *connection = *state;
	(void)context;
	(void)mhd;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		connection = calloc(1, sizeof(*connection));
		if (!connection)
			return; /* served all the same, without being counted */
		connection->state = CONNECTION_IDLE;
		mstat_gauge_inc(process_metrics.active_connections);
		state_enter(CONNECTION_IDLE, false);
		*state = connection;
		return;
	}
	if (!connection)
		return;
	state_leave(connection->state, connection->kept_alive);
	state_enter(CONNECTION_CLOSED, false);
	mstat_gauge_dec(process_metrics.active_connections);
	free(connection);
	*state = NULL;
}

static struct connection *connection_get(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return info ? info->socket_context : NULL;
}

static void connection_enter(struct MHD_Connection *mhd, enum connection_state state)
{
	struct connection *connection = connection_get(mhd);
	if (!connection)
		return;
	state_leave(connection->state, connection->kept_alive);
	connection->state = state;
	if (state == CONNECTION_IDLE)
		connection->kept_alive = true;
	state_enter(state, connection->kept_alive);
}

void connection_begin(struct MHD_Connection *mhd)
{
	connection_enter(mhd, CONNECTION_ACTIVE);
}

void connection_end(struct MHD_Connection *mhd)
{
	connection_enter(mhd, CONNECTION_IDLE);
}
