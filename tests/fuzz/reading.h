/* SPDX-License-Identifier: MIT */
/* A reader over bytes in memory, for the targets of the segment reader, and what must be true of whatever it accepts.
 *
 * A memfd of constant size stands for the file: fstat(2) and locks are asked of it, its bytes come from the input.
 */
#ifndef TESTS_FUZZ_READING_H
#define TESTS_FUZZ_READING_H

#include "segment/reader.h"

#define READING_BYTES_MAX 65536u /* what the file seems to have */

struct segment_image;

/* The descriptor; another one holds the lock of a living writer on it. */
int reading_fd(void);

/* Small ones, so that budgets are met too. */
extern const struct segment_limits reading_limits;

/* A new segment that reads by `read_at`. */
struct segment *reading_new(ssize_t (*read_at)(int fd, void *buffer, size_t len, off_t offset));

/* Aborts where the segment breaks a promise of reader.h. */
void reading_check(struct segment *segment);

/* Aborts where a value is not what the image says, which must not have changed since. */
void reading_check_values(struct segment *segment, const uint8_t *image, size_t len);

#endif
