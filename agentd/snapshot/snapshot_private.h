/* SPDX-License-Identifier: MIT */
/* How a snapshot is made; for the builder. */
#ifndef AGENTD_SNAPSHOT_SNAPSHOT_PRIVATE_H
#define AGENTD_SNAPSHOT_SNAPSHOT_PRIVATE_H

#include "layout.h"
#include "store.h"
#include "value_set.h"

/* With one reference; takes over the values, and a reference of its own to the layout. NULL when out of memory: the
 * values stay the caller's. */
struct snapshot *snapshot_new(struct store *store, struct layout *layout, const struct value_set *values);

#endif
