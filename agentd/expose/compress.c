/* SPDX-License-Identifier: MIT */
/* Compressed bodies. Level 1 of both: the higher ones cost five times the CPU for a tenth of the bytes. */
#include "compress.h"

#include <assert.h>
#include <errno.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <zstd.h>

#define LEVEL 1

struct compressor {
	struct libdeflate_compressor *deflate;
	ZSTD_CCtx *zstd;
};

static const char *const tokens[ENCODING_COUNT] = {
#define ENCODING_TOKEN(name, token) token,
	ENCODING_LIST(ENCODING_TOKEN)
#undef ENCODING_TOKEN
};

const char *encoding_token(enum encoding encoding)
{
	return tokens[encoding];
}

struct compressor *compressor_new(void)
{
	return calloc(1, sizeof(struct compressor));
}

void compressor_free(struct compressor *compressor)
{
	if (!compressor)
		return;
	libdeflate_free_compressor(compressor->deflate);
	ZSTD_freeCCtx(compressor->zstd);
	free(compressor);
}

/* 0: out of memory. */
static size_t gzip(struct compressor *compressor, const char *body, size_t len, char *out, size_t out_bytes)
{
	return libdeflate_gzip_compress(compressor->deflate, body, len, out, out_bytes);
}

static size_t zstd(struct compressor *compressor, const char *body, size_t len, char *out, size_t out_bytes)
{
	const size_t n = ZSTD_compressCCtx(compressor->zstd, out, out_bytes, body, len, LEVEL);
	return ZSTD_isError(n) ? 0 : n;
}

/* The tables of the encoding, and how long a body of `len` bytes may become; 0: out of memory. */
static size_t bound(struct compressor *compressor, enum encoding encoding, size_t len)
{
	if (encoding == ENCODING_ZSTD) {
		if (!compressor->zstd)
			compressor->zstd = ZSTD_createCCtx();
		return compressor->zstd ? ZSTD_compressBound(len) : 0;
	}
	assert(encoding == ENCODING_GZIP);
	if (!compressor->deflate)
		compressor->deflate = libdeflate_alloc_compressor(LEVEL);
	return compressor->deflate ? libdeflate_gzip_compress_bound(compressor->deflate, len) : 0;
}

int compress_body(struct compressor *compressor, enum encoding encoding, const char *body, size_t len, char **out,
		  size_t *out_len)
{
	const size_t bytes = bound(compressor, encoding, len);
	char *compressed = bytes ? malloc(bytes) : NULL;
	if (!compressed)
		return -ENOMEM;
	const size_t n = encoding == ENCODING_ZSTD ? zstd(compressor, body, len, compressed, bytes)
						   : gzip(compressor, body, len, compressed, bytes);
	if (!n) {
		free(compressed);
		return -ENOMEM;
	}
	char *shrunk = realloc(compressed, n);
	*out = shrunk ? shrunk : compressed;
	*out_len = n;
	return 0;
}
