/* SPDX-License-Identifier: MIT */
/* traceparent: VERSION-TRACE-PARENT-FLAGS in lower-case hexadecimal, 55 characters in version 00. Source: W3C Trace
 * Context. */
#include "trace.h"

#include <stddef.h>
#include <string.h>

#include "random.h"

#define TRACEPARENT_LEN 55u
#define SAMPLE_ONE_IN 16u

static int digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c) : NULL;
	return at ? (int)(at - digits) : -1;
}

/* Reads 2 * count digits; false: they are not, or all zero. */
static bool hex_read(const char *text, uint8_t *bytes, size_t count)
{
	unsigned any = 0;
	for (size_t i = 0; i < count; i++) {
		int high = digit(text[2 * i]), low = high < 0 ? -1 : digit(text[2 * i + 1]);
		if (low < 0)
			return false;
		bytes[i] = (uint8_t)(high << 4 | low);
		any |= bytes[i];
	}
	return any != 0;
}

static bool traceparent_read(const char *text, struct trace *trace)
{
	uint8_t parent[8];
	if (!text || strlen(text) != TRACEPARENT_LEN || strncmp(text, "00-", 3) != 0 || text[35] != '-' ||
	    text[52] != '-' || !hex_read(text + 3, trace->trace_id, 16) || !hex_read(text + 36, parent, 8))
		return false;
	int flags = digit(text[54]);
	trace->sampled = flags >= 0 && flags & 1;
	return flags >= 0 && digit(text[53]) >= 0;
}

void trace_begin(struct trace *trace, const char *traceparent, uint64_t *random)
{
	uint64_t ids[3] = {random_next(random), random_next(random), random_next(random) | 1};
	if (!traceparent_read(traceparent, trace)) {
		memcpy(trace->trace_id, ids, sizeof(trace->trace_id));
		trace->sampled = random_below(random, SAMPLE_ONE_IN) == 0;
	}
	memcpy(trace->span_id, &ids[2], sizeof(trace->span_id));
}
