/* SPDX-License-Identifier: MIT */
/* The exposition formats: from a format to its encoder, its last line and its Content-Type. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "encoder.h"
#include "snapshot/number.h"

#define HEADER_FIXED_BYTES 128u /* the words of a family's metadata lines */

static const char *const media_types[FORMAT_COUNT] = {
#define FORMAT_MEDIA_TYPE(name, media_type) [FORMAT_##name] = media_type,
	FORMAT_LIST(FORMAT_MEDIA_TYPE)
#undef FORMAT_MEDIA_TYPE
};

static const struct {
	encoder_family *family_write;
	const char *end;
} encoders[FORMAT_COUNT] = {
	[FORMAT_TEXT] = {text_family_write, ""},
	[FORMAT_TEXT_1_0] = {text_family_write, ""},
	[FORMAT_OPENMETRICS_0_0_1] = {openmetrics_family_write, "# EOF\n"},
	[FORMAT_OPENMETRICS_1_0] = {openmetrics_family_write, "# EOF\n"},
	[FORMAT_OPENMETRICS_2_0] = {openmetrics2_family_write, "# EOF\n"},
	[FORMAT_PROTOBUF] = {protobuf_family_write, ""},
};

void format_content_type(enum format format, enum escaping escaping, char *out)
{
	static const char *const schemes[ESCAPING_COUNT] = {
		[ESCAPING_NONE] = "",
		[ESCAPING_UNDERSCORES] = "; escaping=underscores",
		[ESCAPING_DOTS] = "; escaping=dots",
		[ESCAPING_VALUES] = "; escaping=values",
		[ESCAPING_ALLOW_UTF8] = "; escaping=allow-utf-8",
	};
	assert(format < FORMAT_COUNT && escaping < ESCAPING_COUNT);
	int len = snprintf(out, FORMAT_CONTENT_TYPE_MAX, "%s%s", media_types[format], schemes[escaping]);
	assert(len < (int)FORMAT_CONTENT_TYPE_MAX);
	(void)len;
}

/* Enough for nearly every page; what is too much is given back at the end and was never touched. */
static size_t body_bytes(const struct snapshot *snapshot)
{
	size_t bytes = snapshot_text_bytes(snapshot) + snapshot_composite_bytes(snapshot) +
		       snapshot_sample_count(snapshot) * (NUMBER_TEXT_MAX + 2);
	for (size_t i = 0; i < snapshot_family_count(snapshot); i++) {
		const struct snapshot_family *family = snapshot_family(snapshot, i);
		bytes += 4 * strlen(family->name) + 2 * strlen(family->help) + HEADER_FIXED_BYTES;
	}
	return bytes;
}

static bool families_write(struct encoding *encoding, encoder_family *family_write)
{
	for (size_t i = 0; i < snapshot_family_count(encoding->snapshot); i++) {
		const struct snapshot_family *family = snapshot_family(encoding->snapshot, i);
		if (family_exposed(encoding, family) && !family_write(encoding, family))
			return false;
	}
	return true;
}

static bool end_write(struct output *output, const char *end)
{
	if (!output_reserve(output, strlen(end) + 1))
		return false;
	output->at = stpcpy(output->at, end);
	return true;
}

int format_render(const struct snapshot *snapshot, const struct format_options *options, char **body, size_t *len)
{
	struct encoding encoding = {.snapshot = snapshot, .options = options};
	assert(options->format < FORMAT_COUNT);
	int error = output_init(&encoding.output, body_bytes(snapshot));
	if (error)
		return error;
	if (!families_write(&encoding, encoders[options->format].family_write) ||
	    !end_write(&encoding.output, encoders[options->format].end)) {
		output_fini(&encoding.output);
		return -ENOMEM;
	}
	output_take(&encoding.output, body, len);
	return 0;
}
