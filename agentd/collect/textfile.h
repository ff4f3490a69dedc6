/* SPDX-License-Identifier: MIT */
/* Readers of metrics in text: what is in files of the textfile collector, as families and samples.
 *
 * A document takes any number of files. A file that breaks a rule adds nothing: its reader says which rule, in a
 * sentence, and in which line. Names, labels and help texts are C strings within the bytes that were given, which are
 * written to and must live as long as the document is used.
 */
#ifndef AGENTD_COLLECT_TEXTFILE_H
#define AGENTD_COLLECT_TEXTFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snapshot/catalog.h"

/* TEXTFILE_UNKNOWN, TEXTFILE_GAUGE, ... */
enum textfile_type {
#define TEXTFILE_TYPE(name, ...) TEXTFILE_##name,
#include "textfile_types.def"
	TEXTFILE_TYPE_COUNT
};

/* How far labels of one sample and bytes of a line may go. */
#define TEXTFILE_LABELS_MAX 32

struct textfile_sample {
	const char *name;
	size_t family;       /* index */
	size_t labels_first; /* of document->labels, in ascending order of their names */
	size_t label_count;
	double value;
	double timestamp;
	uint32_t line;
	bool timestamped;
	bool exemplar;
	bool dropped; /* by the collector */
};

struct textfile_family {
	const char *name; /* as in its TYPE line */
	const char *help; /* NULL: not given */
	const char *unit;
	enum textfile_type type;
	bool typed;
	size_t file; /* document->file at the time */
	size_t sample_first, sample_count;
	uint32_t line;
	bool dropped; /* by the collector */
};

struct textfile_document {
	struct textfile_family *families;
	struct textfile_sample *samples;
	struct label *labels;
	size_t family_count, family_capacity;
	size_t sample_count, sample_capacity;
	size_t label_count, label_capacity;
	size_t file; /* set by the caller: what families say they are from */
	uint32_t line;
};

/* What keeps a file from being served: a sentence, or NULL. */
typedef const char *textfile_reason;

/* Takes a file of `len` bytes, with one spare byte behind. NULL, or the reason for which nothing was added, with
 * document->line at the place (0: none). Not thread-safe. Cost: some 100 ns a sample. */
textfile_reason textfile_read_openmetrics(struct textfile_document *document, char *bytes, size_t len);
/* Prometheus' text format 0.0.4. */
textfile_reason textfile_read_prometheus(struct textfile_document *document, char *bytes, size_t len);

/* Forgets everything, keeps the memory; gives the memory back. */
void textfile_document_clear(struct textfile_document *document);
void textfile_document_fini(struct textfile_document *document);

/* The order of samples by name and labels; 0 for those of one series. */
int textfile_sample_compare(const struct textfile_document *document, const struct textfile_sample *a,
			    const struct textfile_sample *b);

/* The value of a label, or NULL. */
const char *textfile_label(const struct textfile_document *document, const struct textfile_sample *sample,
			   const char *name);

#endif
