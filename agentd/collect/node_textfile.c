/* SPDX-License-Identifier: MIT */
/* Metrics from files that others write: *.prom (text format 0.0.4) and *.om (OpenMetrics). Slow: the directories may be
 * on any file system.
 *
 * One bad file drops only itself. Histograms and summaries are exposed as their parts, without a type.
 */
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "textfile_files.h"

static const struct host_family modified_family =
	HOST_GAUGE("node_textfile_mtime_seconds", "Unixtime mtime of textfiles successfully read.", "file");
static const struct host_family error_family =
	HOST_GAUGE("node_textfile_scrape_error", "1 if there was an error opening or reading a file, 0 otherwise");
static const struct host_family refused_family =
	HOST_GAUGE("mstat_textfile_refused", "Files that are not served, or not as a whole: the line at fault, or 0.",
		   "file", "reason");
static const struct host_family omitted_family =
	HOST_GAUGE("mstat_textfile_omitted_files", "Files beyond --collector.textfile.max-files.");

struct serving {
	struct textfile_document document;
	struct textfile_files files;
	size_t *order; /* of samples */
	bool error;
};

/* ---- reading ---------------------------------------------------------------------------------------------------- */

static void file_refuse(struct serving *serving, struct textfile_file *file, textfile_reason reason, uint32_t line)
{
	serving->error = true;
	if (file->reason)
		return; /* the first reason is told */
	file->reason = reason;
	file->line = line;
}

/* A sample with a time of its own would be told as new for ever. */
static void timestamps_refuse(struct serving *serving, struct textfile_file *file, size_t families, size_t samples)
{
	struct textfile_document *document = &serving->document;
	for (size_t i = samples; i < document->sample_count; i++) {
		if (!document->samples[i].timestamped)
			continue;
		file_refuse(serving, file, "a sample has a timestamp: leave it out", document->samples[i].line);
		document->family_count = families;
		document->sample_count = samples;
		return;
	}
}

static void file_parse(struct serving *serving, size_t index)
{
	struct textfile_document *document = &serving->document;
	struct textfile_file *file = &serving->files.files[index];
	size_t len = strlen(file->path), families = document->family_count, samples = document->sample_count;
	if (!file->bytes) {
		serving->error = true;
		return;
	}
	document->file = index;
	textfile_reason reason = !strcmp(file->path + len - strlen(".om"), ".om")
					 ? textfile_read_openmetrics(document, file->bytes, file->len)
					 : textfile_read_prometheus(document, file->bytes, file->len);
	if (reason)
		file_refuse(serving, file, reason, document->line);
	else
		timestamps_refuse(serving, file, families, samples);
}

/* ---- putting together ------------------------------------------------------------------------------------------- */

static const enum metric_type catalog_types[] = {
#define TEXTFILE_TYPE(name, openmetrics, prometheus, suffixes, catalog) catalog,
#include "textfile_types.def"
};

static bool name_ends(const char *name, const char *end)
{
	size_t len = strlen(name), end_len = strlen(end);
	return len > end_len && !strcmp(name + len - end_len, end);
}

/* The catalog's counters end in "_total". */
static enum metric_type sample_type(const struct textfile_family *family, const char *name)
{
	enum metric_type type = catalog_types[family->type];
	return type == METRIC_COUNTER && !name_ends(name, "_total") ? METRIC_UNKNOWN : type;
}

static bool is_created(const struct textfile_family *family, const char *name)
{
	return catalog_types[family->type] != METRIC_GAUGE && family->typed && strcmp(family->name, name) != 0 &&
	       name_ends(name, "_created");
}

static int sample_order(const void *a, const void *b, void *context)
{
	const struct textfile_document *document = context;
	size_t of_a = *(const size_t *)a, of_b = *(const size_t *)b;
	int order = textfile_sample_compare(document, &document->samples[of_a], &document->samples[of_b]);
	return order ? order : (of_a > of_b) - (of_a < of_b);
}

/* Of samples of one name the first family's type and help count. In one file a metric may come in pieces, where those
 * behind the first say nothing of their type. */
static textfile_reason conflict(const struct textfile_family *first, const struct textfile_family *later)
{
	bool piece = first->file == later->file && !later->typed;
	if (first == later || piece)
		return NULL;
	if (first->type != later->type)
		return "another file gives this metric another type";
	if (first->help && later->help && strcmp(first->help, later->help) != 0)
		return "another file gives this metric another help text";
	return NULL;
}

/* A sample whose family is at odds with `leader`'s, or which repeats the one before it (`previous`, or NULL), is not
 * served. */
static void sample_settle(struct serving *serving, const struct textfile_sample *leader,
			  const struct textfile_sample *previous, struct textfile_sample *sample)
{
	struct textfile_document *document = &serving->document;
	const struct textfile_family *family = &document->families[sample->family];
	textfile_reason reason = conflict(&document->families[leader->family], family);
	if (!reason && previous && !textfile_sample_compare(document, previous, sample))
		reason = "another file gives this series, too";
	if (!reason)
		return;
	sample->dropped = true;
	file_refuse(serving, &serving->files.files[family->file], reason, sample->line);
}

/* Samples [first, end) of the order have one name. The first that was read leads, whatever its labels. */
static void name_settle(struct serving *serving, size_t first, size_t end)
{
	struct textfile_sample *samples = serving->document.samples;
	const size_t *order = serving->order;
	size_t leader = order[first];
	for (size_t i = first; i < end; i++)
		leader = order[i] < leader ? order[i] : leader;
	for (size_t i = first; i < end; i++)
		sample_settle(serving, &samples[leader], i > first ? &samples[order[i - 1]] : NULL, &samples[order[i]]);
	for (size_t i = first; i < end; i++)
		samples[order[i]].family = samples[leader].family;
}

static void samples_settle(struct serving *serving)
{
	struct textfile_document *document = &serving->document;
	const struct textfile_sample *samples = document->samples;
	size_t *order = serving->order, count = document->sample_count;
	for (size_t i = 0; i < count; i++)
		order[i] = i;
	qsort_r(order, count, sizeof(order[0]), sample_order, document);
	for (size_t first = 0, end; first < count; first = end) {
		for (end = first + 1; end < count && !strcmp(samples[order[first]].name, samples[order[end]].name);)
			end++;
		name_settle(serving, first, end);
	}
}

/* ---- samples ---------------------------------------------------------------------------------------------------- */

static void sample_tell(struct host *host, const struct serving *serving, const struct textfile_sample *sample)
{
	const struct textfile_document *document = &serving->document;
	const struct textfile_family *from = &document->families[sample->family];
	const char *values[TEXTFILE_LABELS_MAX + 1];
	struct host_family family = {.name = sample->name, .type = sample_type(from, sample->name)};
	_Static_assert(TEXTFILE_LABELS_MAX <= HOST_LABELS_MAX, "labels of a file fit a host family");
	if (sample->dropped || is_created(from, sample->name))
		return;
	family.help = from->help;
	if (!family.help || !*family.help) {
		family.help = "Metric read from %s";
		family.help_words[0] = serving->files.files[from->file].path;
	}
	for (size_t i = 0; i < sample->label_count; i++) {
		family.labels[i] = document->labels[sample->labels_first + i].name;
		values[i] = document->labels[sample->labels_first + i].value;
	}
	host_sample(host, &family, values, (struct number){.type = NUMBER_F64, .f64 = sample->value});
}

static void files_tell(struct host *host, struct serving *serving)
{
	for (size_t i = 0; i < serving->files.count; i++) {
		const struct textfile_file *file = &serving->files.files[i];
		if (file->reason)
			host_u64(host, &refused_family, file->line, file->path, file->reason);
		else
			host_f64(host, &modified_family,
				 (double)file->modified.tv_sec + (double)file->modified.tv_nsec / 1e9, file->path);
	}
	host_u64(host, &omitted_family, serving->files.omitted);
	host_u64(host, &error_family, serving->error || serving->files.directories_missing || serving->files.omitted);
}

static int serve(struct host *host, struct serving *serving)
{
	const struct host_options *options = host->options;
	const struct textfile_limits limits = {.max_files = (size_t)options->textfile_max_files,
					       .max_bytes = (size_t)options->textfile_max_bytes,
					       .max_age_ns = options->textfile_max_age_ns};
	int r = 0;
	for (char *const *pattern = options->textfile_directories; pattern && *pattern && !r; pattern++)
		r = textfile_files_add(&serving->files, *pattern, &limits);
	for (size_t i = 0; i < serving->files.count && !r; i++)
		file_parse(serving, i);
	serving->order = calloc(serving->document.sample_count + 1, sizeof(serving->order[0]));
	if (!r && !serving->order)
		r = -ENOMEM;
	if (r)
		return r;
	samples_settle(serving);
	for (size_t i = 0; i < serving->document.sample_count; i++)
		sample_tell(host, serving, &serving->document.samples[serving->order[i]]);
	files_tell(host, serving);
	return 0;
}

static int textfile_collect(struct host *host)
{
	struct serving serving = {.error = false};
	int r = serve(host, &serving);
	textfile_files_fini(&serving.files);
	textfile_document_fini(&serving.document);
	free(serving.order);
	return r;
}

const struct host_ops host_textfile = {.collect = textfile_collect};
