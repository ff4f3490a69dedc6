/* SPDX-License-Identifier: MIT */
/* What an agent would serve, without an agent: the agent's own collector, builder and snapshot, reading only. */
#ifndef MSTAT_TOOL_COLLECTION_H
#define MSTAT_TOOL_COLLECTION_H

#include "command.h"
#include "snapshot/snapshot.h"

struct collection;

/* Prepares for the directories of the command line. Returns 0, or -errno after reporting. */
int collection_open(const struct arguments *arguments, struct collection **collection);
void collection_close(struct collection *collection);

/* Reads all segments and merges them. A snapshot with a reference for the caller, or NULL with *error (-errno), not
 * reported yet. The snapshot must be let go of before the collection is closed. */
struct snapshot *collection_take(struct collection *collection, int *error);
void collection_report(int error);

#endif
