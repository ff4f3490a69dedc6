/* SPDX-License-Identifier: MIT */
/* What fuzz targets share: how they take an input apart, and how they say that something is wrong.
 *
 * A target is fuzz_NAME.c with LLVMFuzzerTestOneInput(), which any engine can call: libFuzzer, AFL++, and
 * replay_main.c, which is a plain program. A finding is a crash, a sanitizer's report or fuzz_require().
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Both optional: replay_main.c has weak ones. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);
/* The engine's own mutation of bytes; returns the new size. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

#define fuzz_require(condition) ((condition) ? (void)0 : fuzz_failed(__FILE__, __LINE__, #condition))

static inline _Noreturn void fuzz_failed(const char *file, int line, const char *condition)
{
	fprintf(stderr, "%s:%d: %s does not hold\n", file, line, condition);
	abort();
}

/* The input as a sequence of decisions; beyond its end they are all zero. */
struct fuzz_bytes {
	const uint8_t *at, *end;
};

static inline size_t fuzz_left(const struct fuzz_bytes *bytes)
{
	return (size_t)(bytes->end - bytes->at);
}

static inline uint64_t fuzz_number(struct fuzz_bytes *bytes, unsigned int width)
{
	uint64_t number = 0;
	for (unsigned int i = 0; i < width && bytes->at < bytes->end; i++)
		number |= (uint64_t)*bytes->at++ << 8 * i;
	return number;
}

static inline uint8_t fuzz_u8(struct fuzz_bytes *bytes)
{
	return (uint8_t)fuzz_number(bytes, 1);
}

static inline uint16_t fuzz_u16(struct fuzz_bytes *bytes)
{
	return (uint16_t)fuzz_number(bytes, 2);
}

static inline uint32_t fuzz_u32(struct fuzz_bytes *bytes)
{
	return (uint32_t)fuzz_number(bytes, 4);
}

static inline uint64_t fuzz_u64(struct fuzz_bytes *bytes)
{
	return fuzz_number(bytes, 8);
}

static inline double fuzz_f64(struct fuzz_bytes *bytes)
{
	uint64_t bits = fuzz_u64(bytes);
	double value;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* A text without NUL: a length byte, then that many bytes, at most size - 1 of them. Returns its length. */
static inline size_t fuzz_text(struct fuzz_bytes *bytes, char *text, size_t size)
{
	size_t wanted = fuzz_u8(bytes) % size, len = 0;
	while (len < wanted && bytes->at < bytes->end) {
		char c = (char)*bytes->at++;
		text[len] = c;
		len += c != 0;
	}
	text[len] = 0;
	return len;
}

#endif
