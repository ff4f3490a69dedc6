/* SPDX-License-Identifier: MIT */
/* The load generator: a process of its own that asks the service at a given rate and counts the answers it receives.
 *
 * It has a number of lanes, a connection each, with one request at a time. Each request carries a key; if a connection
 * breaks before the whole answer is there, the lane connects anew and asks again with the same key, until it has an
 * answer. Answers are counted once, when they are complete.
 */
#ifndef DEMO_LOAD_H
#define DEMO_LOAD_H

#include <stdint.h>
#include <sys/socket.h>

struct load_options {
	struct sockaddr_storage address;
	socklen_t address_len;
	uint64_t run; /* part of the keys: ledger_run() */
	uint32_t lanes;
	double rate;       /* requests a second, over all lanes */
	uint64_t requests; /* how many in all; 0: until SIGTERM */
	uint64_t seed;
	const char *report_path; /* "": none */
};

/* Runs until all requests are answered or until SIGTERM (which must be blocked), then finishes what has been sent,
 * writes the report and prints the totals. Returns the process' exit code: 1 if an answer was given up. */
int load_run(const struct load_options *options);

#endif
