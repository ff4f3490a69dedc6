/* SPDX-License-Identifier: MIT */
/* Totals on disk (that is, on the segments' own tmpfs): text, one record a line, fields separated by tabs.
 *
 *     mstat-totals  2                                         1: the same without buckets, window and cells
 *     service  SERVICE  UID  DIED_NS
 *     drops    COUNT...                                       one number a reason
 *     mark     UUID  INODE                                    a segment that these totals contain
 *     family   KIND  VALUE  MERGE  LIVE  CREATED_NS  NAME  HELP  UNIT  LABEL_NAME...
 *     buckets  FLAGS  SCHEMA  FIRST  COUNT  SCALE  BOUND...   of the family before; numbers of doubles in hexadecimal
 *     window   SECONDS  TTL_SECONDS  QUANTILE...              of the family before
 *     series   FAMILY  OVERFLOW  PRESENT  BITS  TIME_NS  CREATED_NS  LABEL_VALUE...
 *     cells    SUM  NUMBER:COUNT...                           of the series before; buckets that are not empty
 *     end      LINES
 *
 * Values are the bits in hexadecimal: a sum of doubles comes back as it was. In texts, backslash, tab and newline are
 * \\, \t and \n. The file is written anew under another name and renamed: it is complete or it is the old one.
 */
#include "totals.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mstat/bucket.h>

#define FIELDS_MAX (TOTALS_LABELS_MAX + 16)

void totals_name(const char *service, uid_t uid, char name[TOTALS_NAME_MAX])
{
	uint64_t hash = 14695981039346656037ull;
	for (const char *c = service; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 1099511628211ull;
	snprintf(name, TOTALS_NAME_MAX, "%016" PRIx64 ".%u.totals", hash, (unsigned int)uid);
}

bool totals_name_valid(const char *name)
{
	const char *suffix = strrchr(name, '.');
	return strlen(name) > 17 && strspn(name, "0123456789abcdef") == 16 && suffix && !strcmp(suffix, ".totals");
}

/* ---- writing ---- */

static void text_write(FILE *file, const char *text)
{
	putc('\t', file);
	for (; *text; text++) {
		if (*text == '\\')
			fputs("\\\\", file);
		else if (*text == '\t')
			fputs("\\t", file);
		else if (*text == '\n')
			fputs("\\n", file);
		else
			putc(*text, file);
	}
}

/* The file being written, and how many lines it has. */
struct writer {
	FILE *file;
	uint32_t lines;
};

static void line_end(struct writer *writer)
{
	putc('\n', writer->file);
	writer->lines++;
}

static void f64_write(FILE *file, char before, double value)
{
	fprintf(file, "%c%016" PRIx64, before, mstat_f64_bits(value));
}

static void buckets_write(struct writer *writer, const struct mstat_shm_buckets *buckets)
{
	fprintf(writer->file, "buckets\t%u\t%d\t%d\t%u", buckets->flags, buckets->schema, buckets->first,
		buckets->count);
	f64_write(writer->file, '\t', buckets->scale);
	putc('\t', writer->file);
	for (uint32_t i = 0; i < buckets->bound_count; i++)
		f64_write(writer->file, ' ', buckets->bounds[i]);
	line_end(writer);
}

static void family_write(struct writer *writer, const struct segment_family *family)
{
	FILE *file = writer->file;
	fprintf(file, "family\t%u\t%u\t%u\t%u\t%" PRIu64, family->kind, family->value, family->merge, family->live,
		family->created_ns);
	text_write(file, family->name);
	text_write(file, family->help);
	text_write(file, family->unit);
	for (uint16_t i = 0; i < family->label_count; i++)
		text_write(file, family->label_names[i]);
	line_end(writer);
	if (family->buckets)
		buckets_write(writer, family->buckets);
	if (family->quantiles || family->ttl_s) {
		fprintf(file, "window\t%u\t%u\t", family->window_s, family->ttl_s);
		for (uint32_t i = 0; family->quantiles && i < family->item_count; i++)
			f64_write(file, ' ', family->quantiles[i]);
		line_end(writer);
	}
}

static void cells_write(struct writer *writer, const struct segment_family *family, const uint64_t *cells)
{
	uint32_t buckets = family->cells - family->sums;
	fprintf(writer->file, "cells\t%016" PRIx64 "\t", cells[0]);
	for (uint32_t i = 0; i < buckets; i++)
		if (cells[1 + i])
			fprintf(writer->file, " %u:%" PRIu64, i, cells[1 + i]);
	line_end(writer);
}

static void series_write(struct writer *writer, const struct totals *totals, const struct totals_series *series)
{
	FILE *file = writer->file;
	fprintf(file, "series\t%u\t%d\t%d\t%016" PRIx64 "\t%" PRIu64 "\t%" PRIu64, series->family, series->overflow,
		series->value.present, series->value.bits, series->value.time_ns, series->created_ns);
	for (const char *value = series->values; value < series->values + series->values_bytes;
	     value += strlen(value) + 1)
		text_write(file, value);
	line_end(writer);
	if (series->cells)
		cells_write(writer, &totals->families[series->family], series->cells);
}

static void totals_write(FILE *file, const struct totals *totals)
{
	struct writer writer = {.file = file, .lines = 3};
	fprintf(file, "mstat-totals\t2\nservice");
	text_write(file, totals->service);
	fprintf(file, "\t%u\t%" PRIu64 "\ndrops", (unsigned int)totals->uid, totals->died_ns);
	for (size_t i = 0; i < MSTAT_SHM_REASON_MAX; i++)
		fprintf(file, "\t%" PRIu64, totals->drops[i]);
	putc('\n', file);
	for (uint32_t i = 0; i < totals->mark_count; i++) {
		fputs("mark\t", file);
		for (size_t byte = 0; byte < 16; byte++)
			fprintf(file, "%02x", totals->marks[i].uuid[byte]);
		fprintf(file, "\t%" PRIu64, totals->marks[i].inode);
		line_end(&writer);
	}
	for (uint32_t i = 0; i < totals->family_count; i++)
		family_write(&writer, &totals->families[i]);
	for (uint32_t i = 0; i < totals->series_count; i++)
		series_write(&writer, totals, &totals->series[i]);
	fprintf(file, "end\t%u\n", writer.lines + 1);
}

int totals_save(struct totals *totals, int directory_fd)
{
	char name[TOTALS_NAME_MAX], fresh[TOTALS_NAME_MAX + 4];
	int error = 0;
	totals_name(totals->service, totals->uid, name);
	snprintf(fresh, sizeof(fresh), "%s.new", name);
	int fd = openat(directory_fd, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!file) {
		error = errno;
		if (fd >= 0)
			close(fd);
		return -error;
	}
	totals_write(file, totals);
	if (ferror(file) || fflush(file))
		error = errno ? errno : EIO;
	if (fclose(file) && !error)
		error = errno;
	if (!error && renameat(directory_fd, fresh, directory_fd, name))
		error = errno;
	if (error) {
		unlinkat(directory_fd, fresh, 0);
		return -error;
	}
	totals->dirty = false;
	return 0;
}

/* ---- reading ---- */

struct line {
	char *fields[FIELDS_MAX];
	size_t count;
};

/* Splits at tabs and takes the escapes back, in place. */
static bool line_split(char *text, struct line *line)
{
	char *out = text;
	line->count = 0;
	line->fields[line->count++] = out;
	for (const char *c = text; *c && *c != '\n'; c++) {
		if (*c == '\t') {
			*out++ = 0;
			if (line->count == FIELDS_MAX)
				return false;
			line->fields[line->count++] = out;
		} else if (*c == '\\') {
			c++;
			if (*c != '\\' && *c != 't' && *c != 'n')
				return false;
			*out++ = *c == 't' ? '\t' : *c == 'n' ? '\n' : '\\';
		} else {
			*out++ = *c;
		}
	}
	*out = 0;
	return true;
}

static bool number_read(const char *text, int base, uint64_t max, uint64_t *number)
{
	char *end;
	errno = 0;
	unsigned long long value = strtoull(text, &end, base);
	if (errno || end == text || *end || *text == '-' || value > max)
		return false;
	*number = value;
	return true;
}

static bool mark_read(struct totals *totals, const struct line *line)
{
	struct totals_mark mark = {0};
	if (line->count != 3 || strlen(line->fields[1]) != 32 ||
	    !number_read(line->fields[2], 10, UINT64_MAX, &mark.inode))
		return false;
	for (size_t i = 0; i < 16; i++) {
		unsigned int byte;
		if (sscanf(line->fields[1] + 2 * i, "%2x", &byte) != 1)
			return false;
		mark.uuid[i] = (uint8_t)byte;
	}
	struct totals_mark *marks = reallocarray(totals->marks, totals->mark_count + 1u, sizeof(*marks));
	if (!marks)
		return false;
	totals->marks = marks;
	totals->marks[totals->mark_count++] = mark;
	totals->mark_capacity = totals->mark_count;
	return true;
}

static bool drops_read(struct totals *totals, const struct line *line)
{
	if (line->count != 1 + MSTAT_SHM_REASON_MAX)
		return false;
	for (size_t i = 0; i < MSTAT_SHM_REASON_MAX; i++)
		if (!number_read(line->fields[1 + i], 10, UINT64_MAX, &totals->drops[i]))
			return false;
	return true;
}

static bool family_read(struct totals *totals, const struct line *line)
{
	uint64_t kind, value, merge, live, created_ns;
	uint32_t family;
	if (line->count < 9 || !number_read(line->fields[1], 10, MSTAT_SHM_STATE_SET, &kind) ||
	    !number_read(line->fields[2], 10, MSTAT_SHM_F64, &value) ||
	    !number_read(line->fields[3], 10, MSTAT_SHM_MERGE_EACH, &merge) ||
	    !number_read(line->fields[4], 10, 1, &live) || !number_read(line->fields[5], 10, UINT64_MAX, &created_ns))
		return false;
	struct segment_family like = {.kind = (uint8_t)kind,
				      .value = (uint8_t)value,
				      .merge = (uint8_t)merge,
				      .live = live,
				      .cells = 1,
				      .created_ns = created_ns,
				      .name = line->fields[6],
				      .help = line->fields[7],
				      .unit = line->fields[8],
				      .label_count = (uint16_t)(line->count - 9),
				      .label_names = (const char **)&line->fields[9]};
	uint32_t before = totals->family_count;
	return !totals_family(totals, &like, &family) && family == before;
}

/* Doubles in hexadecimal, a blank before each; false for anything else or for too many. */
static bool f64s_read(char *text, double *numbers, uint32_t max, uint32_t *count)
{
	char *rest = NULL;
	*count = 0;
	for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		uint64_t bits;
		if (*count == max || !number_read(word, 16, UINT64_MAX, &bits))
			return false;
		numbers[(*count)++] = mstat_f64_of_bits(bits);
	}
	return true;
}

static bool i32_read(const char *text, int32_t *number)
{
	uint64_t magnitude;
	bool negative = *text == '-';
	if (!number_read(text + negative, 10, INT32_MAX, &magnitude))
		return false;
	*number = negative ? -(int32_t)magnitude : (int32_t)magnitude;
	return true;
}

/* Buckets of the family before, which has no series yet. */
static bool buckets_read(struct totals *totals, const struct line *line)
{
	struct segment_family *family = totals->family_count ? &totals->families[totals->family_count - 1] : NULL;
	uint64_t flags, count, scale;
	if (line->count != 7 || !family || family->buckets || !mstat_shm_kind_has_buckets(family->kind))
		return false;
	struct mstat_shm_buckets *buckets = calloc(1, sizeof(*buckets) + MSTAT_SHM_BUCKETS_MAX * sizeof(double));
	double *uppers = malloc(MSTAT_PARTITION_MAX * sizeof(*uppers));
	bool good = buckets && uppers && number_read(line->fields[1], 10, UINT32_MAX, &flags) &&
		    i32_read(line->fields[2], &buckets->schema) && i32_read(line->fields[3], &buckets->first) &&
		    number_read(line->fields[4], 10, UINT32_MAX, &count) &&
		    number_read(line->fields[5], 16, UINT64_MAX, &scale) &&
		    f64s_read(line->fields[6], buckets->bounds, MSTAT_SHM_BUCKETS_MAX, &buckets->bound_count);
	if (good) {
		buckets->record.kind = MSTAT_SHM_RECORD_BUCKETS;
		buckets->record.bytes = (uint32_t)(sizeof(*buckets) + buckets->bound_count * sizeof(double));
		buckets->flags = (uint32_t)flags;
		buckets->count = (uint32_t)count;
		buckets->scale = mstat_f64_of_bits(scale);
		good = mstat_buckets_valid(buckets, buckets->record.bytes, family->value);
	}
	if (good) {
		family->sums = 1;
		family->cells = 2 + mstat_partition(buckets, family->value != MSTAT_SHM_F64, uppers);
		struct mstat_shm_buckets *fitted = realloc(buckets, buckets->record.bytes);
		family->buckets = fitted ? fitted : buckets;
	} else {
		free(buckets);
	}
	free(uppers);
	return good;
}

static bool quantiles_valid(const double *quantiles, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (!(quantiles[i] >= 0 && quantiles[i] <= 1) || (i && !(quantiles[i - 1] < quantiles[i])))
			return false;
	return true;
}

static bool window_read(struct totals *totals, const struct line *line)
{
	struct segment_family *family = totals->family_count ? &totals->families[totals->family_count - 1] : NULL;
	double quantiles[64];
	uint64_t window_s, ttl_s;
	if (line->count != 4 || !family || family->quantiles ||
	    !number_read(line->fields[1], 10, UINT32_MAX, &window_s) ||
	    !number_read(line->fields[2], 10, UINT32_MAX, &ttl_s) ||
	    !f64s_read(line->fields[3], quantiles, 64, &family->item_count) ||
	    !quantiles_valid(quantiles, family->item_count))
		return false;
	family->window_s = (uint32_t)window_s;
	family->ttl_s = (uint32_t)ttl_s;
	if (!family->item_count)
		return true;
	double *kept = malloc(family->item_count * sizeof(*kept));
	if (kept)
		memcpy(kept, quantiles, family->item_count * sizeof(*kept));
	family->quantiles = kept;
	return kept != NULL;
}

/* Cells of the series before. */
static bool cells_read(struct totals *totals, const struct line *line)
{
	struct totals_series *series = totals->series_count ? &totals->series[totals->series_count - 1] : NULL;
	if (line->count != 3 || !series || !series->cells ||
	    !number_read(line->fields[1], 16, UINT64_MAX, &series->cells[0]))
		return false;
	const struct segment_family *family = &totals->families[series->family];
	char *rest = NULL;
	for (char *word = strtok_r(line->fields[2], " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		char *count_text = strchr(word, ':');
		uint64_t number, count;
		if (!count_text)
			return false;
		*count_text++ = 0;
		if (!number_read(word, 10, family->cells - family->sums - 1, &number) ||
		    !number_read(count_text, 10, UINT64_MAX, &count))
			return false;
		series->cells[1 + number] = count;
	}
	return true;
}

/* A family of a kind with buckets was followed by them, a summary by its quantiles. */
static bool family_complete(const struct segment_family *family)
{
	return (!mstat_shm_kind_has_buckets(family->kind) || family->buckets) &&
	       (family->kind != MSTAT_SHM_SUMMARY || family->item_count);
}

static bool series_read(struct totals *totals, const struct line *line)
{
	uint64_t family, overflow, present;
	uint32_t series, before = totals->series_count;
	struct totals_series read = {0};
	if (line->count < 7 || !number_read(line->fields[1], 10, UINT32_MAX, &family) ||
	    family >= totals->family_count || !family_complete(&totals->families[family]) ||
	    !number_read(line->fields[2], 10, 1, &overflow) || !number_read(line->fields[3], 10, 1, &present) ||
	    !number_read(line->fields[4], 16, UINT64_MAX, &read.value.bits) ||
	    !number_read(line->fields[5], 10, UINT64_MAX, &read.value.time_ns) ||
	    !number_read(line->fields[6], 10, UINT64_MAX, &read.created_ns) ||
	    line->count - 7 != (overflow ? 0 : totals->families[family].label_count) ||
	    totals_series(totals, (uint32_t)family, overflow, (const char *const *)&line->fields[7], &series) ||
	    series != before)
		return false;
	totals->series[series].value = read.value;
	totals->series[series].value.present = present;
	totals->series[series].created_ns = read.created_ns;
	return true;
}

static bool service_read(struct totals **totals, const struct line *line)
{
	uint64_t uid, died_ns;
	if (*totals || line->count != 4 || !number_read(line->fields[2], 10, UINT32_MAX, &uid) ||
	    !number_read(line->fields[3], 10, UINT64_MAX, &died_ns))
		return false;
	*totals = totals_new(line->fields[1], (uid_t)uid);
	if (*totals)
		(*totals)->died_ns = died_ns;
	return *totals != NULL;
}

/* One line; *ended after the last. */
static bool record_read(struct totals **totals, const struct line *line, unsigned int number, bool *ended)
{
	const char *kind = line->fields[0];
	uint64_t lines;
	if (number == 1)
		return line->count == 2 && !strcmp(kind, "mstat-totals") &&
		       (!strcmp(line->fields[1], "1") || !strcmp(line->fields[1], "2"));
	if (number == 2)
		return !strcmp(kind, "service") && service_read(totals, line);
	if (!strcmp(kind, "drops"))
		return drops_read(*totals, line);
	if (!strcmp(kind, "mark"))
		return mark_read(*totals, line);
	if (!strcmp(kind, "family"))
		return family_read(*totals, line);
	if (!strcmp(kind, "buckets"))
		return buckets_read(*totals, line);
	if (!strcmp(kind, "window"))
		return window_read(*totals, line);
	if (!strcmp(kind, "series"))
		return series_read(*totals, line);
	if (!strcmp(kind, "cells"))
		return cells_read(*totals, line);
	*ended = !strcmp(kind, "end") && line->count == 2 && number_read(line->fields[1], 10, UINT32_MAX, &lines) &&
		 lines == number;
	return *ended;
}

int totals_load(int directory_fd, const char *name, struct totals **totals, unsigned int *line_number)
{
	struct totals *loaded = NULL;
	struct line line;
	char *text = NULL;
	size_t size = 0;
	bool good = true, ended = false;
	int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	if (!file) {
		int error = errno;
		if (fd >= 0)
			close(fd);
		return -error;
	}
	errno = 0;
	for (*line_number = 0; good && !ended && getline(&text, &size, file) > 0;) {
		++*line_number;
		good = line_split(text, &line) && record_read(&loaded, &line, *line_number, &ended);
	}
	/* The next attempt may have the memory, or read it: who is told "damaged" puts the file aside. */
	int error = errno == ENOMEM ? ENOMEM : ferror(file) ? errno ?: EIO : EBADMSG;
	free(text);
	fclose(file);
	if (!good || !ended) {
		totals_free(loaded);
		return -error;
	}
	*totals = loaded;
	return 0;
}
