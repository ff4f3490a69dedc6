/* SPDX-License-Identifier: MIT */
/* Bandits: epsilon-greedy choice between arms whose mean rewards must be learned. One pull out of ten explores. Regret
 * is what the best arm would have given more, known here because the means are. */
#ifndef DEMO_BANDIT_H
#define DEMO_BANDIT_H

#include <stdint.h>

/* Makes the handles. Call once in the stream process; none of this is thread-safe. */
void bandit_init(void);

/* Every bandit pulls an arm. */
void bandit_pull(uint64_t *random);

#endif
