/* SPDX-License-Identifier: MIT */
/* Prometheus text 0.0.4: a family's two comment lines, then its samples, whose bytes lie ready in the snapshot. */
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "number.h"

#define BATCH_SAMPLES 64u
#define HUGE_PAGE_BYTES ((size_t)2 << 20)
#define HUGE_BODY_BYTES_MIN (2 * HUGE_PAGE_BYTES)
#define HEADER_FIXED_BYTES 64u /* the words of both comment lines, "_total" twice */

static const char *type_word(enum metric_type type)
{
	switch (type) {
	case METRIC_UNKNOWN:
		break;
	case METRIC_GAUGE:
		return "gauge";
	case METRIC_COUNTER:
		return "counter";
	}
	return "untyped";
}

/* No more than this is written; what is too much is given back at the end and was never touched. */
static size_t text_bytes_max(const struct snapshot *snapshot)
{
	size_t bytes = snapshot_text_bytes(snapshot) + snapshot_sample_count(snapshot) * (NUMBER_TEXT_MAX + 2);
	for (size_t i = 0; i < snapshot_family_count(snapshot); i++) {
		const struct snapshot_family *family = snapshot_family(snapshot, i);
		bytes += 2 * strlen(family->name) + 2 * strlen(family->help) + HEADER_FIXED_BYTES;
	}
	return bytes + 1; /* malloc(0) may be NULL */
}

/* Fresh memory is half the cost of a large body if it comes in pages of 4 KiB: the kernel clears and maps each by a
 * fault of its own. Small bodies stay small. */
static char *body_alloc(size_t bytes)
{
	void *memory;
	if (bytes < HUGE_BODY_BYTES_MIN)
		return malloc(bytes);
	if (posix_memalign(&memory, HUGE_PAGE_BYTES, bytes))
		return NULL;
	madvise(memory, bytes & ~(HUGE_PAGE_BYTES - 1), MADV_HUGEPAGE); /* a hint; without it only slower */
	return memory;
}

static char *help_escape(char *out, const char *help)
{
	for (; *help; help++) {
		if (*help == '\\' || *help == '\n')
			*out++ = '\\';
		*out++ = *help == '\n' ? 'n' : *help;
	}
	return out;
}

static char *header_write(char *out, const struct snapshot_family *family)
{
	const char *suffix = family->type == METRIC_COUNTER ? "_total " : " ";
	if (*family->help) {
		out = stpcpy(stpcpy(stpcpy(out, "# HELP "), family->name), suffix);
		out = help_escape(out, family->help);
		*out++ = '\n';
	}
	out = stpcpy(stpcpy(stpcpy(out, "# TYPE "), family->name), suffix);
	out = stpcpy(out, type_word(family->type));
	*out++ = '\n';
	return out;
}

static char *samples_write(char *out, const struct snapshot *snapshot, size_t first, size_t count)
{
	struct snapshot_sample samples[BATCH_SAMPLES];
	snapshot_samples(snapshot, first, count, samples);
	for (size_t i = 0; i < count; i++) {
		out = mempcpy(out, samples[i].text, samples[i].text_len);
		*out++ = ' ';
		out += number_format(samples[i].number, out);
		*out++ = '\n';
	}
	return out;
}

static char *family_write(char *out, const struct snapshot *snapshot, const struct snapshot_family *family)
{
	if (!family->count)
		return out;
	out = header_write(out, family);
	size_t end = (size_t)family->first + family->count;
	for (size_t first = family->first; first < end; first += BATCH_SAMPLES)
		out = samples_write(out, snapshot, first, end - first < BATCH_SAMPLES ? end - first : BATCH_SAMPLES);
	return out;
}

int text_render(const struct snapshot *snapshot, char **body, size_t *len)
{
	char *text = body_alloc(text_bytes_max(snapshot));
	if (!text)
		return -ENOMEM;
	char *out = text;
	for (size_t i = 0; i < snapshot_family_count(snapshot); i++)
		out = family_write(out, snapshot, snapshot_family(snapshot, i));
	size_t used = (size_t)(out - text);
	char *shrunk = realloc(text, used ? used : 1);
	*body = shrunk ? shrunk : text;
	*len = used;
	return 0;
}
