/* SPDX-License-Identifier: MIT */
/* Mutations that know what a segment is: blind bytes die in the checks of its header.
 *
 * Most of them change one field of a record, entry, slot or the header, often to the offset of some record, and repair
 * what must fit together (magic, sizes, regions inside the file, the checks of exemplars). The rest are the engine's
 * own changes of bytes, some of which are left unrepaired, so that the checks themselves are tried too.
 */
#ifndef TESTS_FUZZ_SEGMENT_MUTATE_H
#define TESTS_FUZZ_SEGMENT_MUTATE_H

#include <stddef.h>
#include <stdint.h>

/* Mutates the image in data[0, size); its size changes only where the engine is let at the bytes. Returns the new
 * size. */
size_t segment_mutate(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

#endif
