/* SPDX-License-Identifier: MIT */
/* The reader of OpenMetrics 1.0 text. Strict: single blanks, no empty lines, no comments, "# EOF" at the end. */
#include <math.h>
#include <string.h>

#include "textfile_private.h"

/* Characters of an exemplar's labels, names and values together. */
#define EXEMPLAR_CHARACTERS_MAX 128

struct reader {
	struct textfile_document *document;
	struct textfile_mark mark;
	bool helped, united; /* the family whose metadata is being read has these */
};

/* NULL if nothing was read yet. */
static struct textfile_family *family_current(const struct reader *reader)
{
	const struct textfile_document *document = reader->document;
	return document->family_count > reader->mark.families ? &document->families[document->family_count - 1] : NULL;
}

static textfile_reason family_begin(struct reader *reader, const char *name)
{
	const struct textfile_family *last = family_current(reader);
	textfile_reason reason = last ? textfile_check_family(reader->document, last) : NULL;
	if (reason)
		return reason;
	reader->helped = reader->united = false;
	return textfile_family_add(reader->document, name) ? NULL : "out of memory";
}

/* ---- metadata --------------------------------------------------------------------------------------------------- */

static bool type_parse(const char *word, enum textfile_type *type)
{
	static const char *const words[] = {
#define TEXTFILE_TYPE(name, openmetrics, ...) openmetrics,
#include "textfile_types.def"
	};
	for (int i = 0; i < TEXTFILE_TYPE_COUNT; i++) {
		if (!strcmp(words[i], word)) {
			*type = (enum textfile_type)i;
			return true;
		}
	}
	return false;
}

static textfile_reason type_set(struct textfile_family *family, const char *word)
{
	if (family->typed)
		return "a family has two TYPE lines";
	if (!type_parse(word, &family->type))
		return "a TYPE line has no type of OpenMetrics";
	family->typed = true;
	return NULL;
}

static textfile_reason unit_set(struct reader *reader, struct textfile_family *family, const char *unit)
{
	size_t name_len = strlen(family->name), unit_len = strlen(unit);
	if (reader->united)
		return "a family has two UNIT lines";
	reader->united = true;
	family->unit = unit;
	if (unit_len && (name_len <= unit_len || strcmp(family->name + name_len - unit_len, unit) != 0 ||
			 family->name[name_len - unit_len - 1] != '_'))
		return "a unit is not the last part of its family's name";
	return NULL;
}

static textfile_reason help_set(struct reader *reader, struct textfile_family *family, char *help)
{
	if (reader->helped)
		return "a family has two HELP lines";
	reader->helped = true;
	textfile_unescape(help, true);
	family->help = help;
	return NULL;
}

/* "TYPE name word" behind "# ". What follows the name may be empty, but for its blank. */
static textfile_reason metadata_read(struct reader *reader, struct text *line)
{
	enum { TYPE, UNIT, HELP } kind;
	if (text_take(line, "TYPE "))
		kind = TYPE;
	else if (text_take(line, "UNIT "))
		kind = UNIT;
	else if (text_take(line, "HELP "))
		kind = HELP;
	else
		return "a line begins with \"#\" that is no TYPE, UNIT, HELP or EOF (comments are not allowed)";
	char *name = line->at;
	size_t len = textfile_name_len(line);
	if (!len || name[len] != ' ' || line->at + len >= line->end)
		return "a TYPE, UNIT or HELP line lacks its name or text";
	name[len] = '\0';
	line->at += len + 1;
	struct textfile_family *family = family_current(reader);
	if (!family || strcmp(family->name, name) != 0) {
		textfile_reason reason = family_begin(reader, name);
		if (reason)
			return reason;
		family = family_current(reader);
	} else if (family->sample_count) {
		return "metadata comes after samples of its family";
	}
	return kind == TYPE   ? type_set(family, line->at)
	       : kind == UNIT ? unit_set(reader, family, line->at)
			      : help_set(reader, family, line->at);
}

/* ---- samples ---------------------------------------------------------------------------------------------------- */

static size_t characters_count(const char *text)
{
	size_t count = 0;
	for (; *text; text++)
		count += ((unsigned char)*text & 0xc0) != 0x80;
	return count;
}

/* " # {labels} value [timestamp]", behind the "# ". Its labels are not kept. */
static textfile_reason exemplar_read(struct textfile_document *document, struct text *line)
{
	size_t first, count, characters = 0;
	double number;
	if (!text_take(line, "{"))
		return "an exemplar does not begin with labels";
	textfile_reason reason = textfile_labels(document, line, false, &first, &count);
	if (reason)
		return reason;
	for (size_t i = 0; i < count; i++)
		characters += characters_count(document->labels[first + i].name) +
			      characters_count(document->labels[first + i].value);
	document->label_count = first;
	if (characters > EXEMPLAR_CHARACTERS_MAX)
		return "an exemplar's labels have more than 128 characters";
	if (!text_take(line, " ") || !textfile_number(line, &number))
		return "an exemplar has no value";
	if (line->at < line->end &&
	    (!text_take(line, " ") || !textfile_number(line, &number) || !isfinite(number) || line->at < line->end))
		return "an exemplar's timestamp is not a number";
	return NULL;
}

/* " value [timestamp] [# exemplar]", up to the end of the line */
static textfile_reason value_read(struct textfile_document *document, struct text *line, struct textfile_sample *sample)
{
	if (!text_take(line, " ") || !textfile_number(line, &sample->value))
		return "a sample has no value, or one that is not a decimal number";
	if (line->at == line->end)
		return NULL;
	if (!text_take(line, " "))
		return "a sample's value is not followed by a single blank";
	if (line->at < line->end && *line->at != '#') {
		sample->timestamped = true;
		if (!textfile_number(line, &sample->timestamp) || !isfinite(sample->timestamp))
			return "a sample's timestamp is not a number";
		if (line->at == line->end)
			return NULL;
		if (!text_take(line, " "))
			return "a sample's timestamp is not followed by a single blank";
	}
	if (!text_take(line, "# "))
		return "there is something behind a sample";
	sample->exemplar = true;
	return exemplar_read(document, line);
}

static textfile_reason sample_read(struct reader *reader, struct text *line)
{
	struct textfile_document *document = reader->document;
	struct textfile_sample read = {.name = line->at};
	char *name = line->at;
	size_t len = textfile_name_len(line);
	textfile_reason reason = NULL;
	if (!len)
		return "a line does not begin with a metric's name";
	line->at += len;
	bool labels = text_take(line, "{");
	if (labels)
		reason = textfile_labels(document, line, false, &read.labels_first, &read.label_count);
	if (!reason)
		reason = value_read(document, line, &read);
	if (reason)
		return reason;
	name[len] = '\0'; /* the brace or the blank, which have been taken */
	const struct textfile_family *family = family_current(reader);
	if (!family || !textfile_suffix(family, name))
		reason = family_begin(reader, name);
	if (reason)
		return reason;
	struct textfile_sample *sample = textfile_sample_add(document, name);
	if (!sample)
		return "out of memory";
	read.family = sample->family;
	read.line = sample->line;
	*sample = read;
	return NULL;
}

static textfile_reason lines_read(struct reader *reader, struct text *text)
{
	struct text line;
	while (textfile_line(reader->document, text, &line)) {
		textfile_reason reason;
		if (line.at == line.end)
			return "a line is empty";
		if (line.end - line.at == 5 && text_take(&line, "# EOF"))
			return text->at < text->end ? "there is something behind # EOF" : NULL;
		if (text_take(&line, "# "))
			reason = metadata_read(reader, &line);
		else
			reason = sample_read(reader, &line);
		if (reason)
			return reason;
	}
	return "# EOF is missing at the end: the file may have been cut";
}

textfile_reason textfile_read_openmetrics(struct textfile_document *document, char *bytes, size_t len)
{
	struct reader reader = {.document = document, .mark = textfile_mark(document)};
	struct text text = {bytes, bytes + len};
	document->line = 0;
	textfile_reason reason = textfile_utf8(bytes, len) ? NULL : "the file is not UTF-8";
	if (!reason)
		reason = lines_read(&reader, &text);
	const struct textfile_family *last = family_current(&reader);
	if (!reason && last)
		reason = textfile_check_family(document, last);
	if (!reason)
		reason = textfile_check_names(document, reader.mark);
	if (!reason)
		reason = textfile_check_series(document, reader.mark);
	if (reason)
		textfile_rewind(document, reader.mark);
	return reason;
}
