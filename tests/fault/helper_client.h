/* SPDX-License-Identifier: MIT */
/* What tests/fault/helper_client.c says in the file that it is given. */
#ifndef TESTS_HELPER_CLIENT_H
#define TESTS_HELPER_CLIENT_H

#include <stdint.h>

struct client_report {
	uint64_t counted; /* each after its update */
	uint64_t drops;   /* refusals of all reasons */
	uint64_t exposed; /* mstat_status.exposed */
	uint64_t ended;   /* 1: it came to its end */
};

#endif
