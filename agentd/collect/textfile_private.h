/* SPDX-License-Identifier: MIT */
/* What the two readers share. */
#ifndef AGENTD_COLLECT_TEXTFILE_PRIVATE_H
#define AGENTD_COLLECT_TEXTFILE_PRIVATE_H

#include "host_text.h"
#include "textfile.h"

/* ---- tokens ----------------------------------------------------------------------------------------------------- */

/* The next line of the file without its newline, ended by a NUL; counts lines. False at the end. */
bool textfile_line(struct textfile_document *document, struct text *text, struct text *line);

/* A metric's name ([a-zA-Z_:][a-zA-Z0-9_:]*): its length, or 0. */
size_t textfile_name_len(const struct text *text);

/* "{name="value",...}", behind the "{". `blanks`: blanks between the tokens and a comma at the end are allowed. Labels
 * are added to the document, unescaped and sorted. */
textfile_reason textfile_labels(struct textfile_document *document, struct text *line, bool blanks, size_t *first,
				size_t *count);

/* A number up to a blank or the end of the line: decimal, or Inf, Infinity, NaN in any case. */
bool textfile_number(struct text *line, double *value);

/* Turns \\ and \n (and \" if `quotes`) into what they stand for, in place. Others stay as they are. */
void textfile_unescape(char *text, bool quotes);

bool textfile_utf8(const char *bytes, size_t len);

/* ---- the document ----------------------------------------------------------------------------------------------- */

/* NULL when out of memory. */
struct textfile_family *textfile_family_add(struct textfile_document *document, const char *name);
struct textfile_sample *textfile_sample_add(struct textfile_document *document, const char *name);

/* How much there was before a file. */
struct textfile_mark {
	size_t families, samples, labels;
};
struct textfile_mark textfile_mark(const struct textfile_document *document);
void textfile_rewind(struct textfile_document *document, struct textfile_mark mark);

/* ---- rules of OpenMetrics (textfile_check.c) -------------------------------------------------------------------- */

/* Whether `name` is that of a sample of the family; its suffix if so, else NULL. */
const char *textfile_suffix(const struct textfile_family *family, const char *name);

/* All rules about the samples of one family, and about the names of all families from `mark` on. */
textfile_reason textfile_check_family(struct textfile_document *document, const struct textfile_family *family);
textfile_reason textfile_check_names(struct textfile_document *document, struct textfile_mark mark);
/* No series twice without timestamps, from `mark` on. */
textfile_reason textfile_check_series(struct textfile_document *document, struct textfile_mark mark);

#endif
