/* SPDX-License-Identifier: MIT */
/* Parameter optimisers: each proposes a value near the best one it knows, measures a score with noise, and keeps what
 * is better. What is best moves slowly, so there is always something to find. */
#ifndef DEMO_PARAMETER_H
#define DEMO_PARAMETER_H

#include <stdint.h>

/* Makes the handles. Call once in the stream process; none of this is thread-safe. */
void parameter_init(void);

/* Every optimiser makes one iteration. */
void parameter_iterate(int64_t now_ns, uint64_t *random);

#endif
