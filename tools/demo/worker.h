/* SPDX-License-Identifier: MIT */
/* A worker process: libmicrohttpd on the inherited listening socket, requests to the API, counts to the ledger. */
#ifndef DEMO_WORKER_H
#define DEMO_WORKER_H

#include <stdint.h>

#include "ledger.h"

struct worker_options {
	int listen_fd;
	uint32_t threads;
	uint32_t first_slot; /* the worker owns slots first_slot .. first_slot + threads - 1 of the ledger */
	struct ledger *ledger;
	int event_fd; /* where it tells the stream process of its requests */
};

/* Serves until SIGTERM (which must be blocked), finishes the requests that are being answered (5 seconds at most) and
 * returns the process' exit code. Runs in a process of its own. */
int worker_run(const struct worker_options *options);

#endif
