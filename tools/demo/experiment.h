/* SPDX-License-Identifier: MIT */
/* A/B tests: users are assigned to variants by a hash, convert with a chance of the variant's own, and a two-sided
 * z-test of the two proportions says how confident one may be that they differ. A test that is decided rests, and
 * begins anew. */
#ifndef DEMO_EXPERIMENT_H
#define DEMO_EXPERIMENT_H

#include <stdint.h>

/* Makes the handles. Call once in the stream process; none of this is thread-safe. */
void experiment_init(void);

/* A user did something: every active test assigns him, and sees whether he converts. */
void experiment_visit(uint32_t user, int64_t now_ns, uint64_t *random);

#endif
