/* SPDX-License-Identifier: MIT */
/* What the load generator asks for: a mix of good requests, and now and then a burst of bad ones. */
#ifndef DEMO_LOAD_MIX_H
#define DEMO_LOAD_MIX_H

#include <stdint.h>

#include "labels.h"

#define MIX_TARGET_BYTES_MAX 128u
#define MIX_BODY_BYTES_MAX 512u

struct mix_request {
	enum method method;     /* as the service will count it */
	enum endpoint endpoint; /* likewise */
	const char *verb;       /* as it is sent */
	char target[MIX_TARGET_BYTES_MAX];
	char body[MIX_BODY_BYTES_MAX]; /* "": none */
};

/* Makes request number `ticket`. The same state of *random and the same ticket make the same request. */
void mix_request(uint64_t ticket, uint64_t *random, struct mix_request *request);

#endif
