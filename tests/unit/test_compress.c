/* SPDX-License-Identifier: MIT */
/* Compressed bodies come back as they were. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <libdeflate.h>
#include <zstd.h>

#include "expose/compress.h"

/* What comes out of the decompressor of the encoding; the length in *len. */
static char *decompress(enum encoding encoding, const char *body, size_t body_len, size_t room, size_t *len)
{
	char *out = malloc(room + 1);
	if (encoding == ENCODING_ZSTD) {
		*len = ZSTD_decompress(out, room, body, body_len);
		assert_false(ZSTD_isError(*len));
		return out;
	}
	struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
	assert_int_equal(libdeflate_gzip_decompress(decompressor, body, body_len, out, room, len), LIBDEFLATE_SUCCESS);
	libdeflate_free_decompressor(decompressor);
	return out;
}

static void assert_round_trip(struct compressor *compressor, const char *body, size_t len)
{
	for (int i = ENCODING_IDENTITY + 1; i < ENCODING_COUNT; i++) {
		char *compressed;
		size_t compressed_len, back_len;
		assert_int_equal(compress_body(compressor, (enum encoding)i, body, len, &compressed, &compressed_len),
				 0);
		char *back = decompress((enum encoding)i, compressed, compressed_len, len, &back_len);
		assert_int_equal(back_len, len);
		assert_memory_equal(back, body, len);
		free(compressed);
		free(back);
	}
}

static void test_compress_gives_back_bodies_of_any_length(void **state)
{
	(void)state;
	static const size_t lengths[] = {1, 2, 100, 1023, 1024, 65535, 65536, 1000000};
	const unsigned seed = (unsigned)time(NULL);
	print_message("seed %u\n", seed);
	srandom(seed);
	/* One compressor for all of them, as it is used. */
	struct compressor *compressor = compressor_new();
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		char *body = malloc(lengths[i]);
		for (size_t k = 0; k < lengths[i]; k++)
			body[k] = (char)(k % 7 ? 'a' + random() % 4 : random());
		assert_round_trip(compressor, body, lengths[i]);
		free(body);
	}
	compressor_free(compressor);
}

static void test_compress_makes_pages_small(void **state)
{
	(void)state;
	char body[20000], *out;
	size_t len = 0, out_len;
	for (int i = 0; len + 64 < sizeof(body); i++)
		len += (size_t)snprintf(body + len, sizeof(body) - len, "requests_total{path=\"/%d\"} %d\n", i, i * 7);
	struct compressor *compressor = compressor_new();
	for (int i = ENCODING_IDENTITY + 1; i < ENCODING_COUNT; i++) {
		assert_int_equal(compress_body(compressor, (enum encoding)i, body, len, &out, &out_len), 0);
		assert_true(out_len < len / 3);
		free(out);
	}
	compressor_free(compressor);
}

static void test_compress_encodings_have_the_tokens_of_http(void **state)
{
	(void)state;
	assert_string_equal(encoding_token(ENCODING_IDENTITY), "identity");
	assert_string_equal(encoding_token(ENCODING_GZIP), "gzip");
	assert_string_equal(encoding_token(ENCODING_ZSTD), "zstd");
	compressor_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compress_gives_back_bodies_of_any_length),
		cmocka_unit_test(test_compress_makes_pages_small),
		cmocka_unit_test(test_compress_encodings_have_the_tokens_of_http),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
