/* SPDX-License-Identifier: MIT */
/* mstat show: series with their values. */
#include <stdlib.h>

#include "collection.h"
#include "command.h"
#include "report.h"
#include "samples.h"

static int samples_take(const struct arguments *arguments, const struct query *query, struct sample_list *list)
{
	struct inspection inspection;
	struct collection *collection;
	if (arguments->given & OPTION_SEGMENTS) {
		if (inspection_open(arguments, &inspection) < 0)
			return CODE_FAILED;
		samples_from_segments(list, &inspection, query);
		inspection_close(&inspection);
		return CODE_FINE;
	}
	if (collection_open(arguments, &collection) < 0)
		return CODE_FAILED;
	int error;
	struct snapshot *snapshot = collection_take(collection, &error);
	if (!snapshot)
		collection_report(error);
	else
		samples_from_snapshot(list, snapshot, query);
	snapshot_unref(snapshot);
	collection_close(collection);
	return snapshot ? CODE_FINE : CODE_FAILED;
}

static void samples_print(const struct sample_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct sample *sample = &list->items[i];
		text_print(stdout, sample->text);
		if (sample->distribution) {
			char *text = distribution_text(sample->distribution, false);
			printf("  %s", text);
			free(text);
		} else {
			printf(" %s", number_text(sample->number).text);
		}
		if (sample->file) {
			fputs("  ", stdout);
			text_print(stdout, sample->file);
		}
		putchar('\n');
	}
}

static void samples_print_json(const struct sample_list *list)
{
	json_t *array = need(json_array());
	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(array, sample_json(&list->items[i]));
	json_print(array);
}

int cmd_show(const struct arguments *arguments)
{
	struct query *query;
	struct sample_list list = {0};
	char *error = NULL;
	if (query_parse(arguments->operands, arguments->operand_count, &query, &error) < 0) {
		report("%s", error);
		free(error);
		return CODE_FAILED;
	}
	int code = samples_take(arguments, query, &list);
	if (code == CODE_FINE) {
		if (arguments->given & OPTION_JSON)
			samples_print_json(&list);
		else
			samples_print(&list);
		code = list.count ? CODE_FINE : CODE_FINDINGS;
		if (!list.count)
			report("no series matched");
	}
	samples_free(&list);
	query_free(query);
	return code;
}
