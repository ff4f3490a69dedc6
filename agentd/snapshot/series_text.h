/* SPDX-License-Identifier: MIT */
/* The series text: the one canonical form of a series, `name{a="v",b="w"}`. It is the key in the catalog and the bytes
 * of the exposition.
 *
 * Labels stand in ascending byte order of their names, without those whose value is empty; of labels with the same name
 * the first given counts. In values, backslash, double quote and line feed are escaped. No label: no braces.
 */
#ifndef AGENTD_SNAPSHOT_SERIES_TEXT_H
#define AGENTD_SNAPSHOT_SERIES_TEXT_H

#include "catalog.h"

#define SERIES_TEXT_LABELS_MAX 128u
#define SERIES_TEXT_BYTES_MAX ((size_t)1 << 24)

#define METRIC_NAME_BYTES_MAX 1024u

/* A buffer that grows; zero is a valid start, free(bytes) its end. */
struct text_buffer {
	char *bytes;
	size_t len;
	size_t capacity;
};

/* Makes the capacity at least `bytes`; false when out of memory. */
bool text_buffer_reserve(struct text_buffer *buffer, size_t bytes);

/* Writes the series' text to the buffer, labels with empty values only if asked to. CATALOG_LIMIT for more labels or
 * bytes than above, CATALOG_NO_MEMORY. */
enum catalog_conflict series_text_render(struct text_buffer *buffer, const char *name, size_t name_len,
					 const struct label *labels, size_t count, bool keep_empty);

/* Writes a label value to `out` as it stands between the quotes, at most twice as long, without NUL; returns its end.
 */
char *label_value_escape(char *out, const char *value);

/* Names by the rules of Prometheus: [a-zA-Z_:][a-zA-Z0-9_:]* and [a-zA-Z_][a-zA-Z0-9_]*. */
bool metric_name_valid(const char *name);
bool label_name_valid(const char *name);

#endif
