/* SPDX-License-Identifier: MIT */
/* A shape is one block of memory: the struct, its key (where its bounds lie), two arrays of pointers, their texts. */
#include "shape_table.h"

#include <stdlib.h>
#include <string.h>

#include "number.h"
#include "series_text.h"

#define NATIVE_PART_BYTES 40u /* a count of 20 digits, and the offset and length of a span of its own */

static const char infinity_text[] = "+Inf";

/* How many texts each array has. */
static uint32_t text_count(const struct shape_key *key)
{
	return key->bound_count + (key->kind == SHAPE_BUCKETS);
}

static size_t round_up_8(size_t bytes)
{
	return (bytes + 7) & ~(size_t)7;
}

/* Where texts go: pointers into the block, or nowhere while they are measured. */
struct text_writer {
	const char **plain; /* NULL: measure only */
	const char **canonical;
	char *out;
	size_t len;
};

static const char *text_put(struct text_writer *writer, const char *text, size_t len)
{
	char *at = writer->plain ? writer->out + writer->len : NULL;
	if (at) {
		memcpy(at, text, len);
		at[len] = '\0';
	}
	writer->len += len + 1;
	return at;
}

static void bound_put(struct text_writer *writer, uint32_t index, double bound)
{
	char plain[NUMBER_TEXT_MAX], canonical[NUMBER_TEXT_MAX];
	size_t plain_len = number_format((struct number){.type = NUMBER_F64, .f64 = bound}, plain);
	size_t canonical_len = number_format_canonical(bound, canonical);
	bool same = plain_len == canonical_len && !memcmp(plain, canonical, plain_len);
	const char *first = text_put(writer, plain, plain_len);
	const char *second = same ? first : text_put(writer, canonical, canonical_len);
	if (writer->plain) {
		writer->plain[index] = first;
		writer->canonical[index] = second;
	}
}

/* Escaped as a label value; at most twice as long. */
static void state_put(struct text_writer *writer, uint32_t index, const char *name)
{
	if (!writer->plain) {
		writer->len += 2 * strlen(name) + 1;
		return;
	}
	char *at = writer->out + writer->len;
	char *end = label_value_escape(at, name);
	*end = '\0';
	writer->len += (size_t)(end - at) + 1;
	writer->plain[index] = writer->canonical[index] = at;
}

static void texts_put(struct text_writer *writer, const struct shape_key *key)
{
	const char *name = (const char *)(key + 1);
	const double *bounds = (const double *)(key + 1);
	for (uint32_t i = 0; i < key->bound_count; i++) {
		if (key->kind != SHAPE_STATES) {
			bound_put(writer, i, bounds[i]);
			continue;
		}
		state_put(writer, i, name);
		name += strlen(name) + 1;
	}
	if (key->kind == SHAPE_BUCKETS && writer->plain)
		writer->plain[key->bound_count] = writer->canonical[key->bound_count] = infinity_text;
}

static struct shape shape_of_key(const struct shape_key *key)
{
	struct shape shape = {
		.kind = (enum shape_kind)key->kind,
		.classic = key->classic,
		.native = key->native,
		.classic_count = key->classic ? key->bound_count + 1 : 0,
		.bound_count = key->bound_count,
		.bounds = key->kind == SHAPE_STATES ? NULL : (const double *)(key + 1),
		.buckets = {.schema = key->schema,
			    .zero_threshold = key->zero_threshold,
			    .positive_first = key->positive_first,
			    .positive_count = key->positive_count,
			    .negative_first = key->negative_first,
			    .negative_count = key->negative_count},
		.sum_scale = key->sum_scale,
	};
	shape.native_at = shape.classic_count;
	switch (shape.kind) {
	case SHAPE_BUCKETS:
		shape.part_count = shape.classic_count;
		if (key->native) /* the zero bucket, and the greater values of either sign */
			shape.part_count += 3 + key->positive_count + key->negative_count;
		break;
	case SHAPE_QUANTILES:
		shape.part_count = key->bound_count;
		break;
	case SHAPE_STATES:
		shape.part_count = 1;
		break;
	}
	return shape;
}

/* How much text a value can become: see snapshot_composite_bytes(). */
static void lines_measure(struct shape_entry *entry)
{
	const struct shape *shape = &entry->shape;
	const uint32_t fixed = 3; /* sum, count, created */
	switch (shape->kind) {
	case SHAPE_BUCKETS:
		entry->line_count = fixed + (shape->classic ? shape->classic_count : shape->part_count + 1);
		if (shape->classic)
			entry->line_bytes = (shape->part_count - shape->classic_count) * NATIVE_PART_BYTES;
		break;
	case SHAPE_QUANTILES:
		entry->line_count = fixed + shape->bound_count;
		break;
	case SHAPE_STATES:
		entry->line_count = shape->bound_count;
		for (uint32_t i = 0; i < shape->bound_count; i++)
			entry->line_bytes += (uint32_t)strlen(shape->bound_text[i]);
		break;
	}
}

struct shape_entry *shape_entry_new(uint64_t hash, const void *key, size_t key_len)
{
	const struct shape_key *asked = key;
	struct text_writer writer = {0};
	texts_put(&writer, asked);
	size_t pointers = text_count(asked);
	size_t bytes = sizeof(struct shape_entry) + round_up_8(key_len) + 2 * pointers * sizeof(char *) + writer.len;
	struct shape_entry *entry = malloc(bytes);
	if (!entry)
		return NULL;
	*entry = (struct shape_entry){.hash = hash, .bytes = bytes, .key_len = key_len};
	memcpy(entry->key, key, key_len);
	const struct shape_key *kept = (const struct shape_key *)entry->key;
	writer.plain = (const char **)((char *)entry->key + round_up_8(key_len));
	writer.canonical = writer.plain + pointers;
	writer.out = (char *)(writer.canonical + pointers);
	writer.len = 0;
	texts_put(&writer, kept);
	entry->shape = shape_of_key(kept);
	entry->shape.bound_text = writer.plain;
	entry->shape.canonical_text = writer.canonical;
	lines_measure(entry);
	return entry;
}
