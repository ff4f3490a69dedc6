/* SPDX-License-Identifier: MIT */
/* Protobuf's wire format, written forwards and without a library. Source: protobuf.dev, "Encoding".
 *
 *     char *start = message_open(out, FIELD);
 *     out = bytes_write(start + 1, ...);       // one byte is left for the length
 *     out = message_close(start, out, 1);      // it is filled in; the message moves only if one byte was a wrong guess
 *
 * Nothing here checks for room: callers reserve it, with VARINT_BYTES_MAX for each open message on top.
 */
#ifndef AGENTD_EXPOSE_WIRE_H
#define AGENTD_EXPOSE_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define VARINT_BYTES_MAX 10u

enum wire_type { WIRE_VARINT = 0, WIRE_I64 = 1, WIRE_LEN = 2 };

static inline char *varint_write(char *out, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		*out++ = (char)(value | 0x80);
	*out++ = (char)value;
	return out;
}

static inline unsigned varint_bytes(uint64_t value)
{
	unsigned bytes = 1;
	for (; value >= 0x80; value >>= 7)
		bytes++;
	return bytes;
}

/* Signed integers of the types sint32 and sint64. */
static inline uint64_t zigzag(int64_t value)
{
	return ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
}

/* Fields up to 15 have tags of one byte; the one beyond that exists here, 16, has two. */
static inline char *tag_write(char *out, unsigned field, enum wire_type type)
{
	return varint_write(out, field << 3 | type);
}

static inline char *uint_write(char *out, unsigned field, uint64_t value)
{
	return varint_write(tag_write(out, field, WIRE_VARINT), value);
}

/* The byte order of the wire is that of the machines we run on: little-endian (asserted in protobuf.c). */
static inline char *double_write(char *out, unsigned field, double value)
{
	return mempcpy(tag_write(out, field, WIRE_I64), &value, sizeof(value));
}

static inline char *bytes_write(char *out, unsigned field, const void *bytes, size_t len)
{
	return mempcpy(varint_write(tag_write(out, field, WIRE_LEN), len), bytes, len);
}

/* Writes the tag; the message begins `width` bytes behind what is returned. */
static inline char *message_open(char *out, unsigned field)
{
	return tag_write(out, field, WIRE_LEN);
}

/* Fills in the length of what stands in [start + width, out); returns the new end. */
static inline char *message_close(char *start, char *out, unsigned width)
{
	size_t len = (size_t)(out - start) - width;
	unsigned needed = varint_bytes(len);
	if (needed != width)
		memmove(start + needed, start + width, len);
	return varint_write(start, len) + len;
}

#endif
