/* SPDX-License-Identifier: MIT */
/* The header Authorization: the input is its value. What is accepted is encoded once more and must be the same base64,
 * but for its padding. */
#include "expose/auth.h"
#include "fuzz.h"

static size_t base64_encode(const char *text, size_t len, char *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t written = 0;

	for (size_t i = 0; i < len; i += 3) {
		uint32_t triple = 0;
		size_t left = len - i < 3 ? len - i : 3;
		for (size_t k = 0; k < 3; k++)
			triple = triple << 8 | (k < left ? (unsigned char)text[i + k] : 0);
		for (size_t k = 0; k <= left; k++)
			out[written++] = digits[triple >> (18 - 6 * k) & 63];
	}
	return written;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct auth_credentials credentials;
	char text[1024], encoded[2048];
	const char *value = (const char *)data;

	if (auth_credentials_parse(value, size, &credentials)) {
		int len = snprintf(text, sizeof(text), "%s:%s", auth_user(&credentials), auth_password(&credentials));
		fuzz_require(len > 0 && (size_t)len < sizeof(credentials.text) &&
			     !strchr(auth_user(&credentials), ':'));
		size_t encoded_len = base64_encode(text, (size_t)len, encoded);
		const char *at = memchr(value, ' ', size);
		fuzz_require(at);
		while (at < value + size && *at == ' ')
			at++;
		fuzz_require((size_t)(value + size - at) >= encoded_len && !memcmp(at, encoded, encoded_len));
	}
	auth_credentials_wipe(&credentials);
	for (size_t i = 0; i < sizeof(credentials.text); i++)
		fuzz_require(!credentials.text[i]);
	return 0;
}
