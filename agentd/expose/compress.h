/* SPDX-License-Identifier: MIT */
/* Compressed bodies: whole bodies in one call, by libdeflate and zstd at their fastest level. */
#ifndef AGENTD_EXPOSE_COMPRESS_H
#define AGENTD_EXPOSE_COMPRESS_H

#include <stddef.h>

/* ENCODING(NAME, token of Accept-Encoding and Content-Encoding), the better one last. */
#define ENCODING_LIST(ENCODING)                                                                                        \
	ENCODING(IDENTITY, "identity")                                                                                 \
	ENCODING(GZIP, "gzip")                                                                                         \
	ENCODING(ZSTD, "zstd")

enum encoding {
#define ENCODING_ENUM(name, token) ENCODING_##name,
	ENCODING_LIST(ENCODING_ENUM)
#undef ENCODING_ENUM
		ENCODING_COUNT
};

const char *encoding_token(enum encoding encoding);

/* A body below this goes out plain: it fits into one packet anyway, and both sides save the work. */
#define COMPRESS_BYTES_MIN 1024u

/* The compressors' tables; some hundred KiB once used. */
struct compressor;

/* Never fails to be made: the tables come with the first use. NULL when out of memory. */
struct compressor *compressor_new(void);
void compressor_free(struct compressor *compressor);

/* Compresses into malloc'ed *out; `encoding` is not IDENTITY. 0 or -ENOMEM. Cost: some 1 ns a byte. One thread at a
 * time. */
int compress_body(struct compressor *compressor, enum encoding encoding, const char *body, size_t len, char **out,
		  size_t *out_len);

#endif
