/* SPDX-License-Identifier: MIT */
/* Content negotiation: the first line of the input is an Accept header, the second one Accept-Encoding.
 *
 * Whatever they say, the answer is a format and an encoding that exist. Blanks around a header change nothing, nor does
 * it whether clauses come in one header or in two.
 */
#include "expose/negotiate.h"
#include "fuzz.h"

static struct negotiation negotiate(const char *accept, size_t accept_len, const char *encodings, size_t encodings_len)
{
	struct negotiation negotiation = NEGOTIATION_INIT;
	negotiate_accept(&negotiation, accept, accept_len);
	negotiate_accept_encoding(&negotiation, encodings, encodings_len);
	return negotiation;
}

static bool agree(const struct negotiation *one, const struct negotiation *other)
{
	return one->format == other->format && one->escaping == other->escaping && one->format_q == other->format_q &&
	       negotiated_encoding(one) == negotiated_encoding(other);
}

static void split_try(const char *text, size_t len)
{
	struct negotiation whole = NEGOTIATION_INIT, split = NEGOTIATION_INIT;
	const char *comma = memchr(text, ',', len);
	size_t first = comma ? (size_t)(comma - text) : 0;

	/* A quoted comma separates nothing, and limits count clauses. */
	if (!comma || memchr(text, '"', len) || len > 512)
		return;
	negotiate_accept(&whole, text, len);
	negotiate_accept(&split, text, first);
	negotiate_accept(&split, comma + 1, len - first - 1);
	fuzz_require(whole.clauses > NEGOTIATE_CLAUSES_MAX || split.clauses > NEGOTIATE_CLAUSES_MAX ||
		     agree(&whole, &split));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *accept = (const char *)data;
	const char *line = size ? memchr(accept, '\n', size) : NULL;
	size_t accept_len = line ? (size_t)(line - accept) : size;
	const char *encodings = line ? line + 1 : accept + accept_len;
	size_t encodings_len = size - (size_t)(encodings - accept);
	struct negotiation negotiation = negotiate(accept, accept_len, encodings, encodings_len);
	char content_type[FORMAT_CONTENT_TYPE_MAX], padded[1024];

	fuzz_require(negotiation.format < FORMAT_COUNT && negotiation.escaping < ESCAPING_COUNT);
	fuzz_require(negotiation.format_q <= 1000 && negotiated_encoding(&negotiation) < ENCODING_COUNT);
	fuzz_require(negotiation.format_q || negotiation.format == FORMAT_TEXT);
	format_content_type(negotiation.format, negotiation.escaping, content_type);
	fuzz_require(strlen(content_type) < sizeof(content_type));
	split_try(accept, accept_len);
	if (accept_len < sizeof(padded) - 4 && !memchr(accept, '"', accept_len)) {
		memcpy(padded + 2, accept, accept_len);
		padded[0] = padded[accept_len + 2] = ' ';
		padded[1] = padded[accept_len + 3] = '\t';
		struct negotiation again = negotiate(padded, accept_len + 4, encodings, encodings_len);
		fuzz_require(agree(&negotiation, &again));
	}
	return 0;
}
