/* SPDX-License-Identifier: MIT */
/* The value of a counter, as a reader of the segment sees it: the sum of its cell over all rows.
 *
 * libmstat has no call that reads a value (a program that counts need not know how far it has counted), so the demo
 * looks where every other reader looks, in the file.
 */
#ifndef DEMO_SEGMENT_VALUE_H
#define DEMO_SEGMENT_VALUE_H

#include <stdint.h>

/* Opens this process tree's segment for reading. Returns 0, -ENOTSUP if values are in private memory, -EINVAL if the
 * file is not what segment.h describes, or -errno. */
int segment_value_open(void);
void segment_value_close(void);

/* Reads the value of series number `series` (families.h) in units. Returns 0 or -errno (-ENOTSUP: not open). */
int segment_value_read(uint32_t series, uint64_t *units);

#endif
