/* SPDX-License-Identifier: MIT */
/* Counts of NFS procedures as /proc/net/rpc/nfs and nfsd give them: "proc3 22 COUNT...", a count for each procedure in
 * the order of its number. */
#ifndef AGENTD_COLLECT_HOST_RPC_H
#define AGENTD_COLLECT_HOST_RPC_H

#include "host.h"

/* The procedures of one version; a name of NULL is one that is not told. */
struct rpc_version {
	const char *key;   /* the line's first word */
	const char *proto; /* the label's value */
	const char *const *methods;
	size_t method_count;
};

extern const struct rpc_version rpc_version_2, rpc_version_3;

/* Samples {proto, method} of the rest of such a line, from procedure `first` on. Procedures that the kernel does not
 * count are 0. */
void rpc_version_sample(struct host *host, const struct host_family *family, const struct rpc_version *version,
			size_t first, struct text *line);

/* Up to `count` numbers of a line; those that are not there are 0. */
void rpc_numbers_read(struct text *line, uint64_t *numbers, size_t count);

#endif
