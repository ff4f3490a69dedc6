/* SPDX-License-Identifier: MIT */
/* mstat watch: series, values and changes per second, again and again. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "collection.h"
#include "command.h"
#include "report.h"
#include "samples.h"
#include "screen.h"

/* One reading: the samples and when they were taken. */
struct reading {
	struct sample_list list;
	int64_t monotonic_ns;
	int64_t time_ns;
};

/* A sample with its change per second. */
struct line {
	const struct sample *sample;
	double rate;
	bool has_rate;
};

struct watch {
	const struct arguments *arguments;
	const struct query *query;
	struct collection *collection;
	struct screen screen;
	struct reading before;
	struct reading now;
	bool has_before;
	int error; /* of the last reading; reported when the screen is the user's again */
};

static int reading_take(struct watch *watch)
{
	struct snapshot *snapshot = collection_take(watch->collection, &watch->error);
	if (!snapshot)
		return CODE_FAILED;
	samples_free(&watch->before.list);
	watch->has_before = watch->now.monotonic_ns != 0;
	watch->before = watch->now;
	watch->now = (struct reading){.monotonic_ns = snapshot_monotonic_ns(snapshot),
				      .time_ns = snapshot_time_ns(snapshot)};
	samples_from_snapshot(&watch->now.list, snapshot, watch->query);
	snapshot_unref(snapshot);
	return CODE_FINE;
}

/* The change between two values. A count that went down began anew: all of its new value is the change. */
static double number_change(enum metric_type type, struct number from, struct number to)
{
	double change = number_double(to) - number_double(from);
	if (from.type == NUMBER_U64 && to.type == NUMBER_U64)
		change = to.u64 >= from.u64 ? (double)(to.u64 - from.u64) : -(double)(from.u64 - to.u64);
	return metric_type_grows(type) && change < 0 ? number_double(to) : change;
}

/* Both lists are in order of text, so that one walk pairs them. */
static struct line *lines_make(const struct watch *watch)
{
	const struct sample_list *now = &watch->now.list, *before = &watch->before.list;
	double elapsed_s = (double)(watch->now.monotonic_ns - watch->before.monotonic_ns) / 1e9;
	struct line *lines = need(calloc(now->count + 1, sizeof(*lines)));
	for (size_t i = 0, k = 0; i < now->count; i++) {
		const struct sample *sample = &now->items[i];
		lines[i].sample = sample;
		while (k < before->count && strcmp(before->items[k].text, sample->text) < 0)
			k++;
		if (!watch->has_before || k == before->count || strcmp(before->items[k].text, sample->text) != 0)
			continue;
		lines[i].rate = number_change(sample->type, before->items[k].number, sample->number) / elapsed_s;
		lines[i].has_rate = elapsed_s > 0;
	}
	return lines;
}

static int line_compare_rate(const void *a, const void *b)
{
	const struct line *one = a, *other = b;
	double rate = one->has_rate ? fabs(one->rate) : -1, other_rate = other->has_rate ? fabs(other->rate) : -1;
	if (rate != other_rate)
		return rate < other_rate ? 1 : -1;
	return strcmp(one->sample->text, other->sample->text);
}

static void rate_text(const struct line *line, char *text, size_t size)
{
	double rate = fabs(line->rate);
	int decimals = rate == 0 || rate >= 100 ? 0 : rate >= 1 ? 1 : 3;
	if (!line->has_rate)
		snprintf(text, size, "-");
	else
		snprintf(text, size, "%.*f/s", decimals, line->rate);
}

static void line_print(const struct watch *watch, const struct line *line)
{
	char rate[400];
	rate_text(line, rate, sizeof(rate));
	char *name = text_escaped(line->sample->text, strlen(line->sample->text));
	const struct distribution *distribution = line->sample->distribution;
	char *more = distribution && distribution->count ? distribution_text(distribution, true) : need_strdup("");
	char *text = need_printf("%20s %14s  %s%s%s", number_text(line->sample->number).text, rate, name,
				 *more ? "  " : "", more);
	screen_line(&watch->screen, text);
	free(text);
	free(more);
	free(name);
}

static void heading_print(const struct watch *watch, size_t shown)
{
	time_t seconds = (time_t)(watch->now.time_ns / 1000000000);
	char clock[32], heading[160];
	struct tm local;
	strftime(clock, sizeof(clock), "%F %T", localtime_r(&seconds, &local));
	snprintf(heading, sizeof(heading), "# %s  %zu series%s", clock, watch->now.list.count,
		 shown < watch->now.list.count ? ", those that fit the window:" : "");
	screen_line(&watch->screen, heading);
	snprintf(heading, sizeof(heading), "%20s %14s  %s", "VALUE", "CHANGE", "SERIES");
	screen_line(&watch->screen, heading);
}

static void page_print(struct watch *watch)
{
	struct line *lines = lines_make(watch);
	size_t shown = watch->now.list.count;
	screen_begin(&watch->screen);
	/* Two lines of heading; the last line stays empty, so that the screen does not scroll. */
	size_t room = watch->screen.rows > 3 ? watch->screen.rows - 3 : 0;
	if (watch->screen.terminal && shown > room)
		shown = room;
	if (watch->arguments->sort_by_rate)
		qsort(lines, watch->now.list.count, sizeof(*lines), line_compare_rate);
	heading_print(watch, shown);
	for (size_t i = 0; i < shown; i++)
		line_print(watch, &lines[i]);
	if (!watch->screen.terminal)
		putchar('\n');
	screen_end(&watch->screen);
	free(lines);
}

static int watch_loop(struct watch *watch)
{
	uint64_t printed = 0;
	bool resized = false;
	int code = CODE_FINE;
	if (watch->screen.terminal)
		page_print(watch);
	int64_t next_ns = watch->now.monotonic_ns;
	while (code == CODE_FINE && (!watch->arguments->count || printed < watch->arguments->count)) {
		if (!resized)
			next_ns += watch->arguments->interval_ns;
		if (!screen_wait(next_ns, &resized))
			break;
		if (!resized) {
			code = reading_take(watch);
			printed++;
		}
		if (code == CODE_FINE)
			page_print(watch);
		/* A stopped or slow inspector does not catch up. */
		if (next_ns < watch->now.monotonic_ns - watch->arguments->interval_ns)
			next_ns = watch->now.monotonic_ns;
	}
	return code == CODE_FINE && !watch->now.list.count ? CODE_FINDINGS : code;
}

static int watch_run(struct watch *watch)
{
	if (collection_open(watch->arguments, &watch->collection) < 0)
		return CODE_FAILED;
	int code = reading_take(watch);
	if (code == CODE_FINE) {
		screen_open(&watch->screen);
		code = watch_loop(watch);
		screen_close(&watch->screen);
	}
	if (code == CODE_FAILED)
		collection_report(watch->error);
	else if (code == CODE_FINDINGS)
		report("no series matched");
	samples_free(&watch->before.list);
	samples_free(&watch->now.list);
	collection_close(watch->collection);
	return code;
}

int cmd_watch(const struct arguments *arguments)
{
	struct query *query;
	char *error = NULL;
	if (query_parse(arguments->operands, arguments->operand_count, &query, &error) < 0) {
		report("%s", error);
		free(error);
		return CODE_FAILED;
	}
	struct watch watch = {.arguments = arguments, .query = query};
	int code = watch_run(&watch);
	query_free(query);
	return code;
}
