/* SPDX-License-Identifier: MIT */
/* Checkpoints of the state backends: one backend after the other is saved to the simulated volume, three times what
 * changed since, then everything. */
#ifndef DEMO_CHECKPOINT_H
#define DEMO_CHECKPOINT_H

#include <stdint.h>

/* Makes the handles. Call once in the stream process; none of this is thread-safe. */
void checkpoint_init(void);

/* Makes a checkpoint if one is due. */
void checkpoint_tick(int64_t now_ns, uint64_t *random);

#endif
