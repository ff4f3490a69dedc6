/* SPDX-License-Identifier: MIT */
/* The segment reader: the input is a segment file.
 *
 * It is read three times by one object: as new, again as a steady scrape does, and with its strings copied anew. It
 * never changes meanwhile, so the verdict may not change either; counters are added up once more from the bytes.
 */
#include "fuzz.h"
#include "reading.h"
#include "segment_mutate.h"

static const uint8_t *input;
static size_t input_len;

static ssize_t input_read(int fd, void *buffer, size_t len, off_t offset)
{
	(void)fd;
	if ((uint64_t)offset >= input_len)
		return 0;
	size_t left = input_len - (size_t)offset;
	size_t taken = len < left ? len : left;
	memcpy(buffer, input + offset, taken);
	return (ssize_t)taken;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	return segment_mutate(data, size, max_size, seed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* The last byte of the uuid has no meaning to the reader: it says whether a writer lives. */
	bool dead = size > 55 && data[55] & 1;
	int fd = reading_fd();
	struct segment *segment = reading_new(input_read);

	input = data;
	input_len = size;
	enum segment_state first = segment_read_fd(segment, fd, &reading_limits, dead);
	enum segment_refusal refusal = segment->refusal;
	reading_check(segment);
	if (!refusal)
		reading_check_values(segment, data, size);
	fuzz_require(segment_read_fd(segment, fd, &reading_limits, dead) == first && segment->refusal == refusal);
	reading_check(segment);
	segment_drop_strings(segment);
	segment_want_strings(segment);
	fuzz_require(segment_read_fd(segment, fd, &reading_limits, dead) == first && segment->refusal == refusal);
	reading_check(segment);
	if (!refusal)
		reading_check_values(segment, data, size);
	segment_free(segment);
	return 0;
}
