/* SPDX-License-Identifier: MIT */
/* Exemplars: checked once more before they are exposed, for one bad label would cost the page. */
#include "exemplars.h"

#include "label_text.h"

static bool name_valid(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = name[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
		if (!letter && !(i && c >= '0' && c <= '9'))
			return false;
	}
	return len > 0;
}

/* Code points of an escaped value: bytes that begin one, less the backslashes. */
static size_t value_code_points(const struct label_text *label)
{
	size_t count = 0;
	for (size_t i = 0; i < label->value_len; i++)
		count += ((unsigned char)label->value[i] & 0xc0) != 0x80;
	return count - label->escapes;
}

/* Whether the label comes again in [at, end). */
static bool label_repeated(const struct label_text *label, const char *at, const char *end)
{
	struct label_text other;
	while (label_text_next(&at, end, &other))
		if (other.name_len == label->name_len && !memcmp(other.name, label->name, label->name_len))
			return true;
	return false;
}

bool exemplar_fit(const struct exemplar *exemplar)
{
	const char *at = exemplar->labels, *end = at + exemplar->labels_len;
	struct label_text label;
	size_t code_points = 0;
	while (label_text_next(&at, end, &label)) {
		code_points += label.name_len + value_code_points(&label);
		if (code_points > EXEMPLAR_CODE_POINTS_MAX || !name_valid(label.name, label.name_len) ||
		    memchr(label.value, '\n', label.value_len) || label_repeated(&label, at, end))
			return false;
	}
	return at == end && (!exemplar->labels_len || end[-1] == '"');
}

const struct exemplar *exemplar_of_counter(const struct snapshot_sample *sample)
{
	return sample->exemplar_count && exemplar_fit(sample->exemplars) ? sample->exemplars : NULL;
}

const struct exemplar *exemplar_of_bucket(const struct snapshot_sample *sample, const struct ladder *ladder,
					  uint32_t index, uint32_t *next)
{
	bool classic = ladder->shape->classic;
	while (classic && *next < sample->exemplar_count && sample->exemplars[*next].part < index)
		++*next;
	if (*next >= sample->exemplar_count)
		return NULL;
	const struct exemplar *exemplar = &sample->exemplars[*next];
	if ((classic && exemplar->part != index) || !ladder_bucket_has(ladder, index, exemplar->value))
		return NULL;
	return exemplar_fit(exemplar) ? exemplar : NULL;
}

size_t exemplars_bytes(const struct snapshot_sample *sample, size_t each)
{
	size_t bytes = 0;
	for (uint32_t i = 0; i < sample->exemplar_count; i++)
		bytes += sample->exemplars[i].labels_len + each;
	return bytes;
}
