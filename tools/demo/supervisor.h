/* SPDX-License-Identifier: MIT */
/* The parent: workers, stream process, load generator, killing, settling, stopping. */
#ifndef DEMO_SUPERVISOR_H
#define DEMO_SUPERVISOR_H

#include <sys/socket.h>

#include "ledger.h"
#include "options.h"

struct supervisor_options {
	const struct options *options;
	int listen_fd;
	struct sockaddr_storage address; /* that it listens on */
	socklen_t address_len;
	struct ledger *ledger;
	int event_fds[2]; /* of event_pipe_open(): open here as well, so that what waits in it outlives readers and
			     writers */
};

/* Slots of the ledger that these options need. */
uint32_t supervisor_slots(const struct options *options);

/* Runs the demo to its end. Single-threaded: it forks all the time. Returns the process' exit code. */
int supervisor_run(const struct supervisor_options *options);

#endif
