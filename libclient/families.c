/* SPDX-License-Identifier: MIT */
/* Families: a declaration is checked, compared with what the tree knows under its name, or registered. */
#include <string.h>

#include "private.h"

static bool text_is(uint32_t offset, const char *text, size_t len)
{
	const struct mstat_shm_string *string = mstat_arena(offset);
	return string->len == len && !memcmp(string->text, text, len);
}

/* The label names in ascending order, and for each its place in the declaration. */
struct label_order {
	size_t count;
	uint8_t place[MSTAT_LABELS_MAX];
	uint64_t order; /* the places, four bits each */
};

static int labels_sort(const struct mstat_family *family, struct label_order *sorted)
{
	sorted->count = 0;
	sorted->order = 0;
	for (size_t i = 0; i <= MSTAT_LABELS_MAX && family->label_names[i]; i++) {
		const char *name = family->label_names[i];
		size_t at = sorted->count;
		if (i == MSTAT_LABELS_MAX || !mstat_label_name_valid(name))
			return MSTAT_REASON_LABEL_NAME;
		for (; at && strcmp(family->label_names[sorted->place[at - 1]], name) > 0; at--)
			sorted->place[at] = sorted->place[at - 1];
		if (at && !strcmp(family->label_names[sorted->place[at - 1]], name))
			return MSTAT_REASON_LABEL_NAME;
		sorted->place[at] = (uint8_t)i;
		sorted->count++;
	}
	for (size_t i = 0; i < sorted->count; i++)
		sorted->order |= (uint64_t)sorted->place[i] << (4 * i);
	return 0;
}

static uint8_t merge_rule(const struct mstat_family *family)
{
	return family->merge & (uint8_t)~MSTAT_LIVE;
}

static uint8_t merge_flags(const struct mstat_family *family)
{
	bool live = family->merge & MSTAT_LIVE || merge_rule(family) == MSTAT_EACH;
	return !mstat_shm_kind_in_rows(family->kind) && live ? MSTAT_SHM_FAMILY_LIVE : 0;
}

/* ---- what belongs to a family besides: buckets, quantiles, states ---- */

struct details {
	const char *const *states;
	const double *quantiles;
	uint32_t state_count;
	uint32_t quantile_count;
	uint32_t window_s;
	bool has_buckets;
	union {
		struct mstat_shm_buckets buckets;
		char bytes[MSTAT_BUCKETS_RECORD_MAX];
	};
};

static int states_check(const struct mstat_family *family, size_t name_len, struct details *details)
{
	const char *const *states = family->states;
	uint32_t count = 0;
	for (; states && states[count]; count++) {
		size_t len = strnlen(states[count], 256);
		if (count == MSTAT_SHM_STATES_MAX || !len || len == 256 || !mstat_utf8_valid(states[count], len))
			return MSTAT_REASON_STATES;
		for (uint32_t other = 0; other < count; other++)
			if (!strcmp(states[other], states[count]))
				return MSTAT_REASON_STATES;
	}
	for (size_t i = 0; i < MSTAT_LABELS_MAX && family->label_names[i]; i++)
		if (strlen(family->label_names[i]) == name_len &&
		    !memcmp(family->label_names[i], family->name, name_len))
			return MSTAT_REASON_STATES;
	details->states = states;
	details->state_count = count;
	return count ? 0 : MSTAT_REASON_STATES;
}

static int quantiles_check(const struct mstat_family *family, struct details *details)
{
	static const double defaults[] = {0.5, 0.9, 0.99};
	const struct mstat_quantiles *wanted = family->quantiles;
	bool given = wanted && wanted->count;
	details->quantiles = given ? wanted->quantiles : defaults;
	details->quantile_count = given ? wanted->count : sizeof(defaults) / sizeof(*defaults);
	details->window_s = wanted && wanted->window_s ? wanted->window_s : 600;
	if (details->quantile_count > MSTAT_QUANTILES_MAX)
		return MSTAT_REASON_QUANTILES;
	for (uint32_t i = 0; i < details->quantile_count; i++) {
		double quantile = details->quantiles[i];
		if (!(quantile >= 0 && quantile <= 1) || (i && !(details->quantiles[i - 1] < quantile)))
			return MSTAT_REASON_QUANTILES;
	}
	return 0;
}

static int details_check(const struct mstat_family *family, size_t name_len, struct details *details)
{
	int reason = 0;
	memset(details, 0, sizeof(*details));
	if (mstat_shm_kind_has_buckets(family->kind)) {
		details->has_buckets = true;
		reason = mstat_buckets_declare(family, &details->buckets);
	}
	if (!reason && family->kind == MSTAT_SHM_SUMMARY)
		reason = quantiles_check(family, details);
	if (!reason && family->kind == MSTAT_SHM_STATE_SET)
		reason = states_check(family, name_len, details);
	return reason;
}

static bool list_same(uint32_t offset, const struct details *details)
{
	const struct mstat_shm_list *list = mstat_arena(offset);
	uint32_t count = details->state_count + details->quantile_count;
	if (!count || !offset)
		return !count && !offset;
	if (list->count != count)
		return false;
	for (uint32_t i = 0; i < details->state_count; i++)
		if (!text_is((uint32_t)list->items[i], details->states[i], strlen(details->states[i])))
			return false;
	return details->state_count || !memcmp(list->items, details->quantiles, count * sizeof(double));
}

static bool details_same(const struct mstat_shm_family *record, const struct details *details)
{
	if (details->has_buckets &&
	    memcmp(mstat_arena(record->buckets), &details->buckets, details->buckets.record.bytes))
		return false;
	return record->window_s == details->window_s && list_same(record->list, details);
}

/* Appends the records; offsets are 0 for what there is not. 0 or the reason. */
static int details_make(struct mstat_index *index, const struct details *details, uint32_t *buckets, uint32_t *list)
{
	uint32_t count = details->state_count + details->quantile_count;
	uint64_t items[MSTAT_SHM_STATES_MAX];
	*buckets = *list = 0;
	for (uint32_t i = 0; i < details->state_count; i++) {
		items[i] = mstat_string_intern(index, details->states[i], strlen(details->states[i]));
		if (!items[i])
			return MSTAT_REASON_ARENA_FULL;
	}
	if (details->quantile_count)
		memcpy(items, details->quantiles, count * sizeof(double));
	if (details->has_buckets) {
		void *record = mstat_arena_reserve(details->buckets.record.bytes);
		if (!record)
			return MSTAT_REASON_ARENA_FULL;
		memcpy(record, &details->buckets, details->buckets.record.bytes);
		*buckets = (uint32_t)mstat_header()->arena_published;
		mstat_arena_publish(details->buckets.record.bytes);
	}
	if (count) {
		uint32_t bytes = (uint32_t)(sizeof(struct mstat_shm_list) + count * sizeof(*items));
		struct mstat_shm_list *record = mstat_arena_reserve(bytes);
		if (!record)
			return MSTAT_REASON_ARENA_FULL;
		record->record = (struct mstat_shm_record){bytes, MSTAT_SHM_RECORD_LIST, 0};
		record->count = count;
		record->reserved = 0;
		memcpy(record->items, items, count * sizeof(*items));
		*list = (uint32_t)mstat_header()->arena_published;
		mstat_arena_publish(bytes);
	}
	return 0;
}

/* ---- families ---- */

/* 0 when a known family is what the declaration says, else CONFLICT. The help text may differ: the first stays. */
static int family_compare(const struct mstat_family_state *known, const struct mstat_family *family,
			  const struct label_order *sorted, const struct details *details)
{
	const struct mstat_shm_family *record = mstat_arena(known->record);
	const char *unit = family->unit ? family->unit : "";
	if (known->kind != family->kind || known->value != family->value || known->label_count != sorted->count ||
	    !text_is(record->unit, unit, strlen(unit)) || !details_same(record, details))
		return MSTAT_REASON_CONFLICT;
	if (family->kind == MSTAT_SHM_GAUGE &&
	    (known->merge != merge_rule(family) || known->flags != merge_flags(family)))
		return MSTAT_REASON_CONFLICT;
	for (size_t i = 0; i < sorted->count; i++) {
		const char *name = family->label_names[sorted->place[i]];
		if (!text_is(record->label_names[i], name, strlen(name)))
			return MSTAT_REASON_CONFLICT;
	}
	return 0;
}

/* Whether a kind takes a type of numbers. */
static bool number_fits(uint8_t kind, uint8_t value)
{
	if (kind < MSTAT_SHM_COUNTER || kind > MSTAT_SHM_STATE_SET)
		return false;
	if (mstat_shm_kind_in_rows(kind))
		return value == MSTAT_SHM_U64 || value == MSTAT_SHM_F64;
	return value == MSTAT_SHM_I64 || (kind == MSTAT_SHM_GAUGE && value == MSTAT_SHM_F64);
}

static int family_check(const struct mstat_family *family, size_t *name_len)
{
	const char *help = family->help ? family->help : "";
	if (!number_fits(family->kind, family->value) || merge_rule(family) < MSTAT_SUM ||
	    merge_rule(family) > MSTAT_EACH)
		return MSTAT_REASON_CONFLICT;
	if (strlen(help) > 1024 || !mstat_utf8_valid(help, strlen(help)))
		return MSTAT_REASON_HELP;
	int reason = mstat_name_check(family->name, family->kind, name_len);
	return reason ? reason : mstat_unit_check(family->unit, family->name, *name_len);
}

/* Appends the family's record; 0 or the reason. */
static int family_make(struct mstat_index *index, const struct mstat_family *family, const struct label_order *sorted,
		       const struct details *details, size_t name_len)
{
	const char *help = family->help ? family->help : "", *unit = family->unit ? family->unit : "";
	uint32_t bytes = (uint32_t)((sizeof(struct mstat_shm_family) + sorted->count * 4 + 7) / 8 * 8);
	uint32_t label_names[MSTAT_LABELS_MAX], buckets, list;
	if (index->family_count == MSTAT_FAMILIES_MAX)
		return MSTAT_REASON_SERIES_LIMIT;
	uint32_t name_off = mstat_string_intern(index, family->name, name_len);
	uint32_t help_off = mstat_string_intern(index, help, strlen(help));
	uint32_t unit_off = mstat_string_intern(index, unit, strlen(unit));
	if (!name_off || !help_off || !unit_off)
		return MSTAT_REASON_ARENA_FULL;
	for (size_t i = 0; i < sorted->count; i++) {
		const char *name = family->label_names[sorted->place[i]];
		label_names[i] = mstat_string_intern(index, name, strlen(name));
		if (!label_names[i])
			return MSTAT_REASON_ARENA_FULL;
	}
	int reason = details_make(index, details, &buckets, &list);
	if (reason)
		return reason;
	struct mstat_shm_family *record = mstat_arena_reserve(bytes);
	if (!record)
		return MSTAT_REASON_ARENA_FULL;
	memset(record, 0, bytes);
	record->record = (struct mstat_shm_record){bytes, MSTAT_SHM_RECORD_FAMILY, 0};
	record->name = name_off, record->help = help_off, record->unit = unit_off;
	record->series_limit = family->series_limit ? family->series_limit : mstat_root.layout.family_series_max;
	record->kind = family->kind, record->value = family->value;
	record->merge = mstat_shm_kind_in_rows(family->kind) ? MSTAT_SHM_MERGE_SUM : merge_rule(family);
	record->flags = merge_flags(family);
	record->label_count = (uint16_t)sorted->count;
	record->ordinal = (uint16_t)index->family_count;
	record->created_ns = mstat_realtime_ns();
	record->buckets = buckets, record->list = list;
	record->ttl_s = family->ttl_s, record->window_s = details->window_s;
	memcpy(record->label_names, label_names, sorted->count * sizeof(*label_names));
	mstat_header()->family_count = index->family_count + 1;
	mstat_arena_publish(bytes);
	return mstat_index_sync(index) ? 0 : MSTAT_REASON_NO_MEMORY;
}

static struct mstat_family_state *family_by_name(const struct mstat_index *index, const char *name, size_t len)
{
	for (uint32_t i = 0; i < index->family_count; i++) {
		const struct mstat_shm_family *record = mstat_arena(index->families[i]->record);
		if (text_is(record->name, name, len))
			return index->families[i];
	}
	return NULL;
}

/* Fills family->state; 0 or the reason. Segment's lock held, index in step. */
int mstat_family_resolve(struct mstat_index *index, struct mstat_family *family)
{
	struct label_order sorted;
	struct details details;
	size_t name_len;
	int reason = family_check(family, &name_len);
	if (!reason)
		reason = labels_sort(family, &sorted);
	if (!reason)
		reason = details_check(family, name_len, &details);
	if (reason)
		return reason;
	struct mstat_family_state *known = family_by_name(index, family->name, name_len);
	if (known) {
		reason = family_compare(known, family, &sorted, &details);
	} else {
		reason = family_make(index, family, &sorted, &details, name_len);
		known = reason ? NULL : index->families[index->family_count - 1];
	}
	if (reason)
		return reason;
	if (sorted.count && !known->overflow) {
		reason = mstat_series_make(index, known, NULL, 0, MSTAT_SHM_SERIES_OVERFLOW);
		if (reason)
			return reason;
	}
	mstat_store_relaxed(&family->state[1], sorted.order);
	/* release: pairs with the acquire in mstat_series_find() */
	mstat_store_release(&family->state[0], (uint64_t)sorted.count << 32 | (known->ordinal + 1));
	return 0;
}
