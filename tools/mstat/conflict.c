/* SPDX-License-Identifier: MIT */
/* Where two declarations of one family disagree. See conflict.h. */
#include <stdio.h>
#include <string.h>

#include "conflict.h"
#include "inspection.h"
#include "report.h"

static bool labels_equal(const struct segment_family *one, const struct segment_family *other)
{
	if (one->label_count != other->label_count)
		return false;
	for (size_t i = 0; i < one->label_count; i++)
		if (strcmp(one->label_names[i], other->label_names[i]) != 0)
			return false;
	return true;
}

static bool buckets_equal(const struct segment_family *one, const struct segment_family *other)
{
	const struct mstat_shm_buckets *a = one->buckets, *b = other->buckets;
	if (!a || !b)
		return !a == !b;
	return a->flags == b->flags && a->schema == b->schema && a->first == b->first && a->count == b->count &&
	       a->scale == b->scale && a->bound_count == b->bound_count &&
	       !memcmp(a->bounds, b->bounds, a->bound_count * sizeof(double));
}

static bool states_equal(const struct segment_family *one, const struct segment_family *other)
{
	if (!one->states || !other->states)
		return !one->states == !other->states;
	if (one->item_count != other->item_count)
		return false;
	for (uint32_t i = 0; i < one->item_count; i++)
		if (strcmp(one->states[i], other->states[i]) != 0)
			return false;
	return true;
}

unsigned family_conflicts(const struct segment_family *one, const struct segment_family *other)
{
	unsigned conflicts = 0;
	if (one->kind != other->kind)
		conflicts |= CONFLICT_TYPE;
	if (strcmp(one->unit, other->unit) != 0)
		conflicts |= CONFLICT_UNIT;
	if (!labels_equal(one, other))
		conflicts |= CONFLICT_LABELS;
	if (one->kind == MSTAT_SHM_GAUGE && other->kind == MSTAT_SHM_GAUGE &&
	    (one->merge != other->merge || one->live != other->live))
		conflicts |= CONFLICT_MERGE;
	if (strcmp(one->help, other->help) != 0)
		conflicts |= CONFLICT_HELP;
	if (one->kind == other->kind && !buckets_equal(one, other))
		conflicts |= CONFLICT_BUCKETS;
	if (one->kind == other->kind && !states_equal(one, other))
		conflicts |= CONFLICT_STATES;
	return conflicts;
}

char *conflicts_text(unsigned conflicts)
{
	static const char *const words[] = {"type", "unit", "labels", "merge rule", "help", "buckets", "states"};
	char *text = NULL;
	size_t size = 0;
	FILE *out = need(open_memstream(&text, &size));
	bool first = true;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (!(conflicts & 1u << i))
			continue;
		fprintf(out, "%s%s", first ? "" : ", ", words[i]);
		first = false;
	}
	return fclose(out) == 0 ? text : need(NULL);
}

char *family_type_text(const struct segment_family *family)
{
	return need_printf("%s (%s)", kind_word(family->kind).text, value_word(family->value).text);
}

char *family_labels_text(const struct segment_family *family)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = need(open_memstream(&text, &size));
	for (size_t i = 0; i < family->label_count; i++)
		fprintf(out, "%s%s", i ? ", " : "", family->label_names[i]);
	if (!family->label_count)
		fputs("none", out);
	return fclose(out) == 0 ? text : need(NULL);
}

char *family_merge_text(const struct segment_family *family)
{
	if (mstat_shm_kind_in_rows(family->kind))
		return need_strdup("sum");
	if (family->kind == MSTAT_SHM_STATE_SET)
		return need_strdup("on where any live process has it on");
	if (family->merge == MSTAT_SHM_MERGE_EACH)
		return need_strdup("each live process has a series of its own");
	return need_printf("%s over %s", merge_word(family->merge).text,
			   family->live ? "live processes" : "all processes, dead ones too");
}

char *family_items_text(const struct segment_family *family)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = need(open_memstream(&text, &size));
	for (uint32_t i = 0; i < family->item_count; i++) {
		fputs(i ? ", " : "", out);
		if (family->states)
			fputs(family->states[i], out);
		else
			fprintf(out, "%.10g", family->quantiles[i]);
	}
	return fclose(out) == 0 ? text : need(NULL);
}
