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
	return conflicts;
}

char *conflicts_text(unsigned conflicts)
{
	static const char *const words[] = {"type", "unit", "labels", "merge rule", "help"};
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
	if (family->kind == MSTAT_SHM_COUNTER)
		return need_strdup("sum");
	if (family->merge == MSTAT_SHM_MERGE_EACH)
		return need_strdup("each live process has a series of its own");
	return need_printf("%s over %s", merge_word(family->merge).text,
			   family->live ? "live processes" : "all processes, dead ones too");
}
