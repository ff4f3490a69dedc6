/* SPDX-License-Identifier: MIT */
/* The reader of Prometheus' text format 0.0.4. */
#include <math.h>
#include <string.h>

#include "textfile_private.h"

static const char *const type_words[] = {
#define TEXTFILE_TYPE(name, openmetrics, prometheus, ...) prometheus,
#include "textfile_types.def"
};

/* The suffixes that a family's samples may have here: a counter's have none. */
static bool name_belongs(const struct textfile_family *family, const char *name, size_t len)
{
	static const char *const summary[] = {"", "_sum", "_count", NULL};
	static const char *const histogram[] = {"_bucket", "_sum", "_count", NULL};
	static const char *const other[] = {"", NULL};
	const char *const *suffixes = family->type == TEXTFILE_SUMMARY     ? summary
				      : family->type == TEXTFILE_HISTOGRAM ? histogram
									   : other;
	size_t family_len = strlen(family->name);
	if (len < family_len || memcmp(name, family->name, family_len) != 0)
		return false;
	for (; *suffixes; suffixes++)
		if (len - family_len == strlen(*suffixes) && !memcmp(name + family_len, *suffixes, len - family_len))
			return true;
	return false;
}

/* The family that was read last, if it is of this name. One that comes again later is made anew: whoever uses the
 * document puts families of one name together. */
static struct textfile_family *family_last(struct textfile_document *document, struct textfile_mark mark,
					   const char *name, size_t len, bool sample)
{
	if (document->family_count == mark.families)
		return NULL;
	struct textfile_family *family = &document->families[document->family_count - 1];
	bool same = sample ? name_belongs(family, name, len)
			   : strlen(family->name) == len && !memcmp(family->name, name, len);
	return same ? family : NULL;
}

static textfile_reason type_read(struct text *line, struct textfile_family *family)
{
	const char *word = text_rest(line);
	if (family->typed)
		return "a metric has two TYPE lines";
	if (family->sample_count)
		return "a TYPE line comes after samples of its metric";
	for (int i = 0; i < TEXTFILE_TYPE_COUNT; i++) {
		if (type_words[i] && !strcmp(type_words[i], word)) {
			family->type = (enum textfile_type)i;
			family->typed = true;
			return NULL;
		}
	}
	return "a TYPE line has no type (counter, gauge, histogram, summary, untyped)";
}

/* Behind "#". What is neither HELP nor TYPE is a comment. */
static textfile_reason metadata_read(struct textfile_document *document, struct textfile_mark mark, struct text *line)
{
	text_blanks(line);
	bool type = text_take(line, "TYPE"), help = !type && text_take(line, "HELP");
	if ((!type && !help) || (line->at < line->end && *line->at != ' ' && *line->at != '\t'))
		return NULL;
	text_blanks(line);
	if (line->at == line->end)
		return NULL;
	size_t len = textfile_name_len(line);
	char *name = line->at, *behind = name + len;
	if (!len || (behind < line->end && *behind != ' ' && *behind != '\t'))
		return "a TYPE or HELP line lacks the metric's name";
	struct textfile_family *family = family_last(document, mark, name, len, false);
	line->at = behind < line->end ? behind + 1 : behind;
	*behind = '\0';
	if (!family)
		family = textfile_family_add(document, name);
	if (!family)
		return "out of memory";
	text_blanks(line);
	if (type)
		return type_read(line, family);
	if (family->help)
		return "a metric has two HELP lines";
	textfile_unescape(line->at, false);
	family->help = line->at;
	return NULL;
}

/* "value [timestamp]" up to the end of the line */
static textfile_reason value_read(struct text *line, struct textfile_sample *sample)
{
	text_blanks(line);
	if (!textfile_number(line, &sample->value))
		return "a sample has no value, or one that is not a decimal number";
	text_blanks(line);
	if (line->at == line->end)
		return NULL;
	sample->timestamped = true;
	if (!textfile_number(line, &sample->timestamp) || !isfinite(sample->timestamp))
		return "a sample's timestamp is not a number";
	text_blanks(line);
	return line->at < line->end ? "there is something behind a sample" : NULL;
}

static textfile_reason sample_read(struct textfile_document *document, struct textfile_mark mark, struct text *line)
{
	size_t len = textfile_name_len(line);
	struct textfile_sample read = {.name = line->at};
	char *name = line->at;
	textfile_reason reason = NULL;
	if (!len)
		return "a line does not begin with a metric's name";
	line->at += len;
	if (line->at < line->end && *line->at != ' ' && *line->at != '\t' && *line->at != '{')
		return "a metric's name has a character that it may not have";
	text_blanks(line);
	if (text_take(line, "{"))
		reason = textfile_labels(document, line, true, &read.labels_first, &read.label_count);
	if (!reason)
		reason = value_read(line, &read);
	if (reason)
		return reason;
	name[len] = '\0';
	struct textfile_family *family = family_last(document, mark, name, len, true);
	if (!family)
		family = textfile_family_add(document, name);
	if (!family)
		return "out of memory";
	struct textfile_sample *sample = textfile_sample_add(document, name);
	if (!sample)
		return "out of memory";
	read.family = sample->family;
	read.line = sample->line;
	*sample = read;
	return NULL;
}

static textfile_reason lines_read(struct textfile_document *document, struct textfile_mark mark, struct text *text)
{
	struct text line;
	textfile_reason reason = NULL;
	while (!reason && textfile_line(document, text, &line)) {
		text_blanks(&line);
		if (line.at == line.end)
			continue;
		reason = text_take(&line, "#") ? metadata_read(document, mark, &line)
					       : sample_read(document, mark, &line);
	}
	return reason;
}

textfile_reason textfile_read_prometheus(struct textfile_document *document, char *bytes, size_t len)
{
	struct textfile_mark mark = textfile_mark(document);
	struct text text = {bytes, bytes + len};
	document->line = 0;
	textfile_reason reason = textfile_utf8(bytes, len) ? NULL : "the file is not UTF-8";
	if (!reason)
		reason = lines_read(document, mark, &text);
	if (!reason)
		reason = textfile_check_series(document, mark);
	if (reason)
		textfile_rewind(document, mark);
	return reason;
}
