/* SPDX-License-Identifier: MIT */
/* The segment reader on a file that changes between two reads of the same place.
 *
 * The input is a segment file, then changes of 8 bytes each, then a byte with their number:
 *    0: read   u8    made in front of the read of this number, counted over all scans
 *    1: width  u8    low bits: 1, 2, 4 or 8 bytes; 0x80: for that read only
 *    2: place  u16   in units of the width's bytes
 *    4: value  u32
 * Four scans by one object; whatever was checked before is different when it is read again.
 */
#include "fuzz.h"
#include "reading.h"
#include "segment_mutate.h"

#define CHANGES_MAX 32u
#define CHANGE_BYTES 8u
#define CHANGE_ONCE 0x80u

struct change {
	uint8_t read, width;
	uint16_t place;
	uint32_t value;
};

static struct {
	uint8_t image[READING_BYTES_MAX];
	size_t len;
	struct change changes[CHANGES_MAX];
	size_t change_count;
	unsigned int reads;
} file;

static size_t changes_in(const uint8_t *data, size_t size)
{
	size_t count = size ? data[size - 1] % (CHANGES_MAX + 1) : 0;
	return count * CHANGE_BYTES + 1 > size ? 0 : count;
}

static bool change_place(const struct change *change, size_t *at, size_t *width)
{
	*width = (size_t)1 << (change->width & 3);
	*at = change->place * *width;
	return *at + *width <= file.len;
}

/* Exchanges the bytes with the change's value. */
static void change_make(struct change *change)
{
	size_t at, width;
	uint64_t value = change->value, before = 0;

	if (!change_place(change, &at, &width))
		return;
	memcpy(&before, file.image + at, width);
	memcpy(file.image + at, &value, width);
	change->value = (uint32_t)before;
}

static ssize_t file_read(int fd, void *buffer, size_t len, off_t offset)
{
	(void)fd;
	unsigned int now = file.reads++;
	for (size_t i = 0; i < file.change_count; i++)
		if (file.changes[i].read == now)
			change_make(&file.changes[i]);
	size_t left = (uint64_t)offset < file.len ? file.len - (size_t)offset : 0;
	size_t taken = len < left ? len : left;
	memcpy(buffer, file.image + offset, taken);
	for (size_t i = 0; i < file.change_count; i++)
		if (file.changes[i].read == now && file.changes[i].width & CHANGE_ONCE)
			change_make(&file.changes[i]);
	return (ssize_t)taken;
}

static void file_open(const uint8_t *data, size_t size)
{
	size_t count = changes_in(data, size), tail = count * CHANGE_BYTES + 1;

	file.len = size < tail ? 0 : size - tail;
	if (file.len > sizeof(file.image))
		file.len = sizeof(file.image);
	memcpy(file.image, data, file.len);
	file.change_count = count;
	file.reads = 0;
	for (size_t i = 0; i < count; i++) {
		struct fuzz_bytes bytes = {data + size - tail + i * CHANGE_BYTES, data + size};
		file.changes[i].read = fuzz_u8(&bytes);
		file.changes[i].width = fuzz_u8(&bytes);
		file.changes[i].place = fuzz_u16(&bytes);
		file.changes[i].value = fuzz_u32(&bytes);
	}
}

/* A new change, close to what the reader looks at: the header, and small numbers of reads. */
static size_t change_add(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	size_t count = changes_in(data, size);
	uint8_t *change = data + size - 1;

	if (!size || count == CHANGES_MAX || size + CHANGE_BYTES > max_size)
		return size;
	seed = seed * 2654435769u ^ seed >> 15;
	change[0] = (uint8_t)(seed % 48);
	change[1] = (uint8_t)(2 | (seed & 64 ? 1 : 0) | (seed & 128 ? CHANGE_ONCE : 0));
	change[2] = (uint8_t)(seed >> 8);
	change[3] = (uint8_t)(seed >> 16 & (seed & 256 ? 0x7 : 0));
	memset(change + 4, 0, 4);
	change[4] = (uint8_t)(seed >> 24);
	change[8] = (uint8_t)(count + 1);
	return size + CHANGE_BYTES;
}

/* Mutates the segment and keeps the changes, or the other way round. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	size_t count = changes_in(data, size), tail = count * CHANGE_BYTES + 1;

	if (size < tail || seed % 8 < 2)
		return change_add(data, size, max_size, seed);
	if (seed % 8 < 5 && count) {
		LLVMFuzzerMutate(data + size - tail, tail - 1, tail - 1);
		return size;
	}
	/* In place: what is behind stays behind. */
	segment_mutate(data, size - tail, size - tail, seed);
	return size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool dead = size > 55 && data[55] & 1;
	int fd = reading_fd();
	struct segment *segment = reading_new(file_read);

	file_open(data, size);
	for (int scan = 0; scan < 4; scan++) {
		segment_read_fd(segment, fd, &reading_limits, dead);
		reading_check(segment);
		if (scan == 1)
			segment_drop_strings(segment);
		if (scan == 2)
			segment_want_strings(segment);
	}
	segment_free(segment);
	return 0;
}
