/* SPDX-License-Identifier: MIT */
/* Shapes in the catalog: what is asked for becomes a key, whose bytes are the same for equal shapes. */
#include "catalog_private.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define STATE_NAMES_BYTES_MAX ((size_t)64 << 10)

static enum catalog_conflict limits_check(const struct shape_request *request)
{
	if (request->bound_count > (request->kind == SHAPE_STATES ? SHAPE_STATES_MAX : SHAPE_BOUNDS_MAX))
		return CATALOG_LIMIT;
	if (request->kind == SHAPE_BUCKETS && request->native &&
	    (request->buckets.positive_count > SHAPE_NATIVE_MAX || request->buckets.negative_count > SHAPE_NATIVE_MAX))
		return CATALOG_LIMIT;
	return CATALOG_OK;
}

/* What says nothing becomes zero, so that it makes no difference. */
static struct shape_key key_head(const struct shape_request *request)
{
	const struct shape_native *buckets = &request->buckets;
	struct shape_key key = {.kind = request->kind, .bound_count = request->bound_count, .sum_scale = 1};
	if (request->kind != SHAPE_STATES)
		key.sum_scale = request->sum_scale;
	if (request->kind != SHAPE_BUCKETS)
		return key;
	key.classic = request->classic;
	key.native = request->native;
	if (!request->classic)
		key.bound_count = 0;
	if (!request->native)
		return key;
	key.schema = buckets->schema;
	key.zero_threshold = buckets->zero_threshold + 0.0; /* no negative zero */
	key.positive_count = buckets->positive_count;
	key.negative_count = buckets->negative_count;
	if (buckets->positive_count)
		key.positive_first = buckets->positive_first;
	if (buckets->negative_count)
		key.negative_first = buckets->negative_first;
	return key;
}

static enum catalog_conflict states_write(struct text_buffer *key, const struct shape_request *request)
{
	for (uint32_t i = 0; i < request->bound_count; i++) {
		size_t bytes = strlen(request->states[i]) + 1;
		if (bytes > STATE_NAMES_BYTES_MAX || key->len + bytes > STATE_NAMES_BYTES_MAX)
			return CATALOG_LIMIT;
		if (!text_buffer_reserve(key, key->len + bytes))
			return CATALOG_NO_MEMORY;
		memcpy(key->bytes + key->len, request->states[i], bytes);
		key->len += bytes;
	}
	return CATALOG_OK;
}

/* Writes the key of a request to the buffer, valid or not. */
static enum catalog_conflict key_write(struct text_buffer *key, const struct shape_request *request)
{
	enum catalog_conflict conflict = limits_check(request);
	if (conflict)
		return conflict;
	const struct shape_key head = key_head(request);
	if (!text_buffer_reserve(key, sizeof(head) + head.bound_count * sizeof(double)))
		return CATALOG_NO_MEMORY;
	memcpy(key->bytes, &head, sizeof(head));
	key->len = sizeof(head);
	if (request->kind == SHAPE_STATES)
		return states_write(key, request);
	for (uint32_t i = 0; i < head.bound_count; i++) {
		double bound = request->bounds[i] + 0.0; /* no negative zero */
		memcpy(key->bytes + key->len, &bound, sizeof(bound));
		key->len += sizeof(bound);
	}
	return CATALOG_OK;
}

static bool bounds_valid(const double *bounds, uint32_t count, double least, double greatest)
{
	for (uint32_t i = 0; i < count; i++)
		if (!(bounds[i] >= least && bounds[i] <= greatest) || (i && !(bounds[i - 1] < bounds[i])))
			return false;
	return true;
}

/* Whether buckets [first, first + count) of a schema lie among those that doubles can be in. */
static bool indices_valid(int32_t schema, int32_t first, uint32_t count)
{
	int64_t least = schema >= 0 ? -(INT64_C(1075) << schema) : -1075;
	return !count || (first >= least && (int64_t)first + count <= shape_overflow_index(schema));
}

static bool buckets_valid(const struct shape_native *buckets)
{
	return buckets->schema >= SHAPE_SCHEMA_MIN && buckets->schema <= SHAPE_SCHEMA_MAX &&
	       buckets->zero_threshold >= 0 && isfinite(buckets->zero_threshold) &&
	       indices_valid(buckets->schema, buckets->positive_first, buckets->positive_count) &&
	       indices_valid(buckets->schema, buckets->negative_first, buckets->negative_count);
}

/* The length of the character that `text` begins with: 0 if that is not UTF-8. */
static size_t utf8_len(const unsigned char *text)
{
	if (*text < 0x80)
		return 1;
	size_t len = *text >= 0xf0 ? 4 : *text >= 0xe0 ? 3 : 2;
	if (*text < 0xc2 || *text > 0xf4)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	/* Longer than needed, surrogates, beyond U+10FFFF: the second byte tells. */
	if ((*text == 0xe0 && text[1] < 0xa0) || (*text == 0xed && text[1] > 0x9f) ||
	    (*text == 0xf0 && text[1] < 0x90) || (*text == 0xf4 && text[1] > 0x8f))
		return 0;
	return len;
}

static bool state_valid(const char *name)
{
	if (!*name)
		return false;
	while (*name) {
		size_t len = utf8_len((const unsigned char *)name);
		if (!len)
			return false;
		name += len;
	}
	return true;
}

static bool states_valid(const char *const *states, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (!state_valid(states[i]))
			return false;
		for (uint32_t other = 0; other < i; other++)
			if (!strcmp(states[i], states[other]))
				return false;
	}
	return count > 0;
}

static bool request_valid(const struct shape_request *request)
{
	if (request->kind == SHAPE_STATES)
		return states_valid(request->states, request->bound_count);
	if (!(request->sum_scale > 0) || !isfinite(request->sum_scale))
		return false;
	if (request->kind == SHAPE_QUANTILES)
		return bounds_valid(request->bounds, request->bound_count, 0, 1);
	return (request->classic || request->native) &&
	       (!request->classic || bounds_valid(request->bounds, request->bound_count, -__DBL_MAX__, __DBL_MAX__)) &&
	       (!request->native || buckets_valid(&request->buckets));
}

enum catalog_conflict catalog_shape(struct catalog *catalog, const struct shape_request *request,
				    const struct shape **shape)
{
	struct shape_table *shapes = store_shapes(catalog->store);
	struct text_buffer *key = &catalog->scratch;
	enum catalog_conflict conflict = key_write(key, request);
	if (conflict)
		return conflict;
	uint64_t hash = series_hash(&catalog->table, key->bytes, key->len);
	const struct shape *found = shape_table_find(shapes, hash, key->bytes, key->len);
	if (found) {
		*shape = found;
		return CATALOG_OK;
	}
	/* Only here: a request that is not valid never gets into the table. */
	if (!request_valid(request))
		return CATALOG_CONFLICT_SHAPE;
	return shape_table_add(shapes, hash, key->bytes, key->len, shape);
}
